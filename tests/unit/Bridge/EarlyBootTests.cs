using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>
/// A check that no toolstack can force is left to the guest's own early boot, if its report says that it has asked
/// before; and never told as more than that.
/// </summary>
public sealed class EarlyBootTests
{
    private static (int Domain, bool IsWanted)[] Asked(BridgeStory story)
        => [.. story.Of<RecoveryAction.AskEarlyBoot>().Select(ask => (ask.Domain.Value, ask.IsWanted))];

    private static BridgeStory Aborted(bool hasHook)
    {
        BridgeStory story = new BridgeStory().StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Wait(31);
        GuestReport report = Report(1, 2, Filesystem(verdict: Verdict.JournalAborted)) with { HasFsckHook = hasHook };
        story.Step(new BridgeInput.ReportRead(Guest().Uuid, new DomainId(5), report, IsNew: true));
        return story.RecordIntent();
    }

    [Fact]
    public void It_is_asked_before_the_request_again_in_the_new_domain_and_no_more_once_that_is_heard()
    {
        BridgeStory story = Aborted(hasHook: true).Arm(ArmingResult.Failed);
        Assert.IsType<RecoveryAction.AskEarlyBoot>(
            story.Last.Select(effect => effect.Action).First(action => action is not RecoveryAction.Tell));
        Assert.Contains("its own early boot is asked to check", story.Told(TellKind.Action)[0]);
        story.Answer(RequestStatus.Accepted).Gone().Appear(6);
        Assert.Equal([(5, true), (6, true)], Asked(story));

        story.Say(6, 2, 1, Filesystem()).ReadFsck(null);
        Assert.Equal([(5, true), (6, true), (6, false)], Asked(story));
        story.Answer(RequestStatus.Done, probe: "ok", domain: 6).Say(6, 2, 2, Filesystem());
        Assert.Contains("fsck: asked of its early boot, not proved", story.Told(TellKind.Proof)[^1]);
    }

    [Fact]
    public void Without_the_word_of_the_guest_it_is_not_relied_upon()
    {
        BridgeStory story = Aborted(hasHook: false).Arm(ArmingResult.Unavailable);
        Assert.StartsWith("a check at its next boot could not be forced", story.Operator().Reason);
        Assert.Empty(Asked(story));
    }

    [Fact]
    public void A_toolstack_that_forces_it_leaves_nothing_to_the_guest()
        => Assert.Empty(Asked(Aborted(hasHook: true).Arm()));

    [Fact]
    public void A_guest_that_refuses_is_not_asked_at_its_next_boot_either()
    {
        BridgeStory story = Aborted(hasHook: true).Arm(ArmingResult.Unavailable)
            .Answer(RequestStatus.Refused, OutcomeReason.FaultGone, "ok");
        Assert.Equal([(5, true), (5, false)], Asked(story));
    }
}
