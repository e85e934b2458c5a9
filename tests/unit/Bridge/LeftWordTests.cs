using System.Text;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Xenstore;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>What the bridge leaves in a guest of its last recovery, for the administrator of the guest.</summary>
public sealed class LeftWordTests
{
    private static readonly RecoveryPolicy Destroys = Recover with
    {
        AnyGuest = new GuestPolicy { AllowDestroy = true, ExclusiveStorage = ExclusiveStorage.Yes },
    };

    [Fact]
    public void The_boot_that_proved_a_restart_is_told_why_it_was_restarted()
    {
        BridgeStory story = new BridgeStory().WithAbortedRoot().RecordIntent().Arm();
        story.Answer(RequestStatus.Accepted).Gone().Appear(6).Say(6, 2, 1, Filesystem()).ReadFsck(1);
        Assert.Empty(story.Of<RecoveryAction.LeaveWord>());
        story.Answer(RequestStatus.Done, probe: "ok", domain: 6).Say(6, 2, 2, Filesystem()).Wait(120);

        RecoveryAction.LeaveWord left = Assert.Single(story.Of<RecoveryAction.LeaveWord>());
        Assert.Equal(new DomainId(6), left.Domain);
        Assert.Equal(
            (RecoveryMeans.Reboot, RecoveryEnd.Proved, 1), (left.Recovery.Means, left.Recovery.End, left.Recovery.FsckExitCode));
        Assert.StartsWith("/ (xvda, ext3) is journal-aborted", left.Recovery.Reason);
        // A later boot was not caused by it.
        story.Gone().Appear(7).Say(7, 3, 1, Filesystem()).Wait(60);
        Assert.Single(story.Of<RecoveryAction.LeaveWord>());
    }

    [Fact]
    public void What_was_handed_to_an_operator_while_the_guest_was_down_is_told_to_its_next_boot()
    {
        BridgeStory story = new BridgeStory(Destroys).WithAbortedRoot().RecordIntent().Arm();
        story.Wait(100).Confirm().RecordStep().StepDone().Gone().RecordStep().RecordStep().StepDone(StepResult.Refused);
        story.Operator();
        Assert.Empty(story.Of<RecoveryAction.LeaveWord>());

        story.Appear(6).Say(6, 2, 1, Filesystem()).Wait(30);
        RecoveryAction.LeaveWord left = Assert.Single(story.Of<RecoveryAction.LeaveWord>());
        Assert.Equal(
            (new DomainId(6), RecoveryMeans.Recreate, RecoveryEnd.Operator),
            (left.Domain, left.Recovery.Means, left.Recovery.End));
        Assert.Contains("the guest is DOWN", left.Recovery.Reason);
    }

    [Fact]
    public void A_guest_to_which_nothing_was_done_is_left_no_word()
    {
        BridgeStory story = new BridgeStory(Recover with { ActWithoutHostEvidence = false }).WithAbortedRoot();
        story.Operator();
        Assert.Empty(story.Of<RecoveryAction.LeaveWord>());
    }

    [Fact]
    public void The_word_comes_back_from_its_line_whatever_the_reason()
    {
        _ = RequestId.TryParse("reboot-1", out RequestId id);
        var word = new LastRecovery
        {
            Time = new DateTimeOffset(2026, 3, 1, 4, 5, 6, 789, TimeSpan.Zero),
            Id = id,
            Means = RecoveryMeans.Reboot,
            End = RecoveryEnd.Proved,
            FsckExitCode = 1,
            Reason = "/ (xvda, ext3) = \"dead\"; 100 %",
        };
        byte[] line = Encoding.ASCII.GetBytes(LastRecoveryCodec.ToLine(word));
        Assert.Equal(word, LastRecoveryCodec.TryParse(line));
        string longest = LastRecoveryCodec.ToLine(word with { Reason = new string('%', 1000) });
        Assert.InRange(longest.Length, 1, FieldLine.MaxLength);
        Assert.NotNull(LastRecoveryCodec.TryParse(Encoding.ASCII.GetBytes(longest)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("time=2026-03-01T04:05:06.789Z id=reboot-1 action=reboot result=proved")]
    [InlineData("time=yesterday id=reboot-1 action=reboot result=proved reason=x")]
    [InlineData("time=2026-03-01T04:05:06.789Z id=Reboot! action=reboot result=proved reason=x")]
    [InlineData("time=2026-03-01T04:05:06.789Z id=reboot-1 action=format result=proved reason=x")]
    [InlineData("time=2026-03-01T04:05:06.789Z id=reboot-1 action=reboot result=proved reason=%1b%5b2J")]
    [InlineData("time=2026-03-01T04:05:06.789Z id=reboot-1 action=reboot result=proved reason=%0aforged")]
    public void What_is_no_word_is_none(string line)
        => Assert.Null(LastRecoveryCodec.TryParse(Encoding.ASCII.GetBytes(line)));
}
