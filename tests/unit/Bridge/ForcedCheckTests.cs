using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>A check is promised only where the guest's boot makes it.</summary>
public sealed class ForcedCheckTests
{
    private static FilesystemHealth Dead(BootCheck check, BootCheckReason? why = null, string type = "ext4")
        => Filesystem(verdict: Verdict.JournalAborted, type: type) with { BootCheck = check, BootCheckWhy = why };

    private static BridgeStory Of(bool accepts, params FilesystemHealth[] filesystems)
    {
        RecoveryPolicy policy = Recover with { AnyGuest = new GuestPolicy { AcceptUnforcedReboot = accepts } };
        return new BridgeStory(policy).StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Wait(31).Say(5, 1, 2, filesystems);
    }

    [Theory]
    [InlineData(BootCheckReason.PassnoZero, "passno 0")]
    [InlineData(BootCheckReason.NoFstab, "no fstab")]
    [InlineData(BootCheckReason.NotInFstab, "not in fstab")]
    [InlineData(BootCheckReason.Masked, "systemd-fsck is masked")]
    [InlineData(BootCheckReason.Skipped, "the kernel command line skips checks")]
    [InlineData(BootCheckReason.NoFsck, "no fsck for its type is installed")]
    [InlineData(null, "no boot checks it")]
    public void A_root_that_no_boot_checks_is_not_restarted_before_an_operator_knows(BootCheckReason? why, string words)
    {
        BridgeStory story = Of(accepts: false, Dead(BootCheck.NotChecked, why));

        Assert.Empty(story.Acts);
        Assert.Contains($"a check cannot be forced: {words}", story.Operator().Reason, StringComparison.Ordinal);
        Assert.Contains("accept-unforced-reboot", story.Operator().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_the_policy_accepts_that_it_is_said_before_the_restart()
    {
        BridgeStory story = Of(accepts: true, Dead(BootCheck.NotChecked, BootCheckReason.PassnoZero));
        RecoveryAction.RecordIntent intent = Assert.Single(story.Of<RecoveryAction.RecordIntent>());
        Assert.Contains("a check cannot be forced: passno 0", intent.Text, StringComparison.Ordinal);

        story.RecordIntent().Arm();
        Assert.Contains("a check cannot be forced: passno 0; its policy accepts that", story.Told(TellKind.Action));
        Assert.DoesNotContain(story.Told(TellKind.Action), text => text.Contains("the next boot will check", StringComparison.Ordinal));
        Assert.Equal(RequestAction.Reboot, story.LastRequest.Action);
    }

    [Theory]
    [InlineData(BootCheck.Checked, "ext4")]
    [InlineData(BootCheck.NotKnown, "ext4")] // an agent that does not report it
    [InlineData(BootCheck.NotChecked, "xfs")] // has none to be forced
    public void Else_it_is_restarted_as_ever(BootCheck check, string type)
        => Assert.Single(Of(accepts: false, Dead(check, type: type)).Of<RecoveryAction.RecordIntent>());

    [Fact]
    public void The_promise_leaves_out_the_filesystems_that_no_boot_checks()
    {
        FilesystemHealth data = Filesystem("/srv", type: "ext4") with
        {
            BootCheck = BootCheck.NotChecked, BootCheckWhy = BootCheckReason.PassnoZero,
        };
        BridgeStory story = Of(accepts: false, Dead(BootCheck.Checked), data).RecordIntent().Arm();

        Assert.Contains("the next boot will check its filesystems, but not /srv (passno 0)", story.Told(TellKind.Action));
    }

    [Fact]
    public void Explain_shows_it_among_what_stands_in_the_way()
    {
        BridgeStory story = Of(accepts: false, Dead(BootCheck.NotChecked, BootCheckReason.PassnoZero)).Order();

        Assert.Empty(story.Acts);
        Assert.Contains(story.Told(TellKind.Decision), text => text.Contains("refused: a check cannot be forced: passno 0", StringComparison.Ordinal));
    }
}
