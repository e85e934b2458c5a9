using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>The story of a recovery that works, rung by rung.</summary>
public sealed class FirstHealTests
{
    [Fact]
    public void A_dead_root_is_restarted_with_a_check_and_proved()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Say(5, 1, 1, Filesystem())
            .Say(5, 1, 2, Filesystem(verdict: Verdict.JournalAborted));
        Assert.IsType<RecoveryState.AwaitingStorage>(story.State());

        story.Wait(31);
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
        Assert.Empty(story.Of<RecoveryAction.ArmForcedFsck>());

        story.RecordIntent();
        Assert.Single(story.Of<RecoveryAction.ArmForcedFsck>());
        Assert.Empty(story.Of<RecoveryAction.SendRequest>());

        story.Arm();
        Assert.Equal((RequestAction.Reboot, Boot(1), 2L),
            (story.LastRequest.Action, story.LastRequest.BootId, story.LastRequest.ReportSequence));

        story.Answer(RequestStatus.Accepted).Wait(5).Gone().Wait(20).Appear(domain: 6).Say(6, 2, 1, Filesystem());
        Assert.Single(story.Of<RecoveryAction.ReadFsckResult>());

        story.ReadFsck(1);
        Assert.Equal((RequestAction.Probe, Boot(2)), (story.LastRequest.Action, story.LastRequest.BootId));
        Assert.Empty(story.Told(TellKind.Proof));

        story.Answer(RequestStatus.Done, probe: "ok", domain: 6);
        Assert.Equal(new RecoveryState.Healthy(Boot(2)), story.State());
        Assert.Equal([$"/ writes again: new boot id {Boot(2)}, fsck exit 1, probe ok"], story.Told(TellKind.Proof));
        Assert.Equal(new DomainId(6), Assert.Single(story.Of<RecoveryAction.RemoveRequest>()).Domain);
    }

    [Fact]
    public void An_unknown_result_of_the_check_is_told_as_not_proved()
    {
        var story = new BridgeStory().WithAbortedRoot().RecordIntent().Arm().Answer(RequestStatus.Accepted).Gone();
        story.Appear(6).Say(6, 2, 1, Filesystem()).ReadFsck(null).Answer(RequestStatus.Done, probe: "ok", domain: 6);
        Assert.Contains("fsck: not proved", Assert.Single(story.Told(TellKind.Proof)));
    }

    [Fact]
    public void A_check_that_left_errors_calls_an_operator()
    {
        var story = new BridgeStory().WithAbortedRoot().RecordIntent().Arm().Answer(RequestStatus.Accepted).Gone();
        story.Appear(6).Say(6, 2, 1, Filesystem()).ReadFsck(4);
        Assert.Contains("exit 4", story.Operator().Reason);
        Assert.DoesNotContain(story.Of<RecoveryAction.SendRequest>(),
            sent => sent.Request.Action == RequestAction.Probe);
    }

    [Fact]
    public void A_probe_is_no_proof_before_the_report_says_writable_too()
    {
        var story = new BridgeStory().WithAbortedRoot().RecordIntent().Arm().Answer(RequestStatus.Accepted).Gone();
        story.Appear(6).Say(6, 2, 1, Filesystem(verdict: Verdict.Unknown)).ReadFsck(0)
            .Answer(RequestStatus.Done, probe: "ok", domain: 6);
        Assert.IsType<RecoveryState.Verifying>(story.State());
        story.Say(6, 2, 2, Filesystem());
        Assert.IsType<RecoveryState.Healthy>(story.State());
    }

    [Fact]
    public void A_dead_data_filesystem_is_repaired_in_the_running_guest()
    {
        var story = new BridgeStory().WithAbortedData().RecordIntent();
        Assert.Equal((RequestAction.Repair, "/srv"), (story.LastRequest.Action, story.LastRequest.Filesystem.Encoded));
        story.Answer(RequestStatus.Accepted).Answer(RequestStatus.Done, probe: "ok", fsck: 1);
        Assert.IsType<RecoveryState.Verifying>(story.State());
        story.Say(5, 1, 3, Filesystem(), Filesystem("/srv"));
        Assert.Equal(["/srv writes again: fsck exit 1, probe ok"], story.Told(TellKind.Proof));
        Assert.Empty(story.Of<RecoveryAction.ArmForcedFsck>());
    }

    [Theory]
    [InlineData("in-use")]
    [InlineData("check-failed")]
    public void A_repair_that_fails_calls_an_operator(string reason)
    {
        Assert.True(RequestWords.Reasons.TryParse(reason, out OutcomeReason parsed));
        var story = new BridgeStory().WithAbortedData().RecordIntent()
            .Answer(RequestStatus.Accepted).Answer(RequestStatus.Failed, parsed);
        Assert.Contains(reason, story.Operator().Reason);
        Assert.Contains(story.Of<RecoveryAction.Tell>(), tell => tell is { EndsIntent: true, Standing: true });
    }

    [Fact]
    public void Remount_is_tried_before_a_restart_and_a_refusal_leads_to_it()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Wait(31).Say(5, 1, 1, Filesystem(verdict: Verdict.RemountedReadOnly))
            .RecordIntent();
        Assert.Equal(RequestAction.Remount, story.LastRequest.Action);
        story.Answer(RequestStatus.Refused, OutcomeReason.NotLegitimate).Wait(121);
        Assert.Equal(Rung.Reboot, Assert.IsType<RecoveryState.Recovering>(story.State()).Rung);
    }

    [Fact]
    public void The_root_goes_before_a_data_filesystem()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Wait(31).Say(
            5, 1, 1, Filesystem("/srv", Verdict.JournalAborted), Filesystem(verdict: Verdict.DeviceFailing));
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        story.Say(5, 1, 2, Filesystem("/srv", Verdict.JournalAborted), Filesystem(verdict: Verdict.ShutDown));
        Assert.Equal(Rung.Reboot, Assert.Single(story.Of<RecoveryAction.RecordIntent>()).Facts.Rung);
    }

    [Fact]
    public void An_xfs_root_is_restarted_without_arming_a_check_it_does_not_have()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Wait(31).Say(5, 1, 1, Filesystem(verdict: Verdict.ShutDown, type: "xfs"))
            .RecordIntent();
        Assert.Equal(RequestAction.Reboot, story.LastRequest.Action);
        Assert.Empty(story.Of<RecoveryAction.ArmForcedFsck>());
    }
}
