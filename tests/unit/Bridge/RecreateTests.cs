using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>An old boot that refuses to end is destroyed and created again, step by step, where the policy says so.</summary>
public sealed class RecreateTests
{
    private static readonly GuestPolicy MayDestroy = new()
    {
        AllowDestroy = true, ExclusiveStorage = ExclusiveStorage.Yes,
    };

    private static readonly RecoveryPolicy Destroying = Recover with { AnyGuest = MayDestroy };

    private static readonly RecoveryPolicy Checking =
        Recover with { AnyGuest = MayDestroy with { OfflineCheck = true } };

    /// <summary>The old boot accepted a restart and is still there two minutes later.</summary>
    private static BridgeStory Refusing(RecoveryPolicy? policy = null)
        => new BridgeStory(policy ?? Destroying).WithAbortedRoot().RecordIntent().Arm()
            .Answer(RequestStatus.Accepted).Wait(301);

    private static OfflineStep[] Recorded(BridgeStory story)
        => [.. story.Of<RecoveryAction.RecordStep>().Select(record => record.Step)];

    [Fact]
    public void An_old_boot_that_refuses_to_end_is_destroyed_checked_created_and_proved()
    {
        BridgeStory story = Refusing(Checking);
        Assert.Equal(new DomainId(5), Assert.Single(story.Of<RecoveryAction.ConfirmCreatable>()).Domain);
        Assert.Empty(Recorded(story));

        story.Confirm();
        Assert.Equal([OfflineStep.Destroying], Recorded(story));
        Assert.Empty(story.Of<RecoveryAction.Destroy>());

        story.RecordStep();
        Assert.Equal(new DomainId(5), Assert.Single(story.Of<RecoveryAction.Destroy>()).Domain);

        story.Gone().StepDone();
        Assert.Equal([OfflineStep.Destroying, OfflineStep.Destroyed], Recorded(story));
        Assert.Empty(story.Of<RecoveryAction.CheckOffline>());

        story.RecordStep().RecordStep();
        Assert.Equal([Disk], Assert.Single(story.Of<RecoveryAction.CheckOffline>()).Disks.Devices);
        Assert.Empty(story.Of<RecoveryAction.Create>());

        story.CheckOffline(1).RecordStep().RecordStep();
        Assert.Single(story.Of<RecoveryAction.Create>());

        story.StepDone().RecordStep();
        Assert.Equal(Enum.GetValues<OfflineStep>(), Recorded(story));
        Assert.Equal(RecoveryPhase.AwaitingNewBoot, Assert.IsType<RecoveryState.Recovering>(story.State()).Phase);

        story.Appear(6).Say(6, 2, 1, Filesystem());
        Assert.DoesNotContain(story.Of<RecoveryAction.SendRequest>(), sent => sent.Domain == new DomainId(6));
        story.ReadFsck(null).Answer(RequestStatus.Done, probe: "ok", domain: 6);
        Assert.Equal([$"/ writes again: new boot id {Boot(2)}, fsck exit 1, probe ok"], story.Told(TellKind.Proof));
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void A_destroyed_domain_that_is_listed_a_moment_longer_is_not_taken_for_a_new_one()
    {
        BridgeStory story = Refusing(Checking).Confirm().RecordStep().StepDone().RecordStep().RecordStep();
        Assert.Empty(story.Of<RecoveryAction.CheckOffline>());
        Assert.Contains("its old domain is still listed", story.Told(TellKind.Action)[^1]);
        story.Gone().Wait(1);
        Assert.Single(story.Of<RecoveryAction.CheckOffline>());
    }

    [Fact]
    public void A_domain_that_somebody_created_and_took_away_again_is_not_created_once_more()
    {
        BridgeStory story = Refusing(Checking).Confirm().RecordStep().Gone().StepDone().RecordStep().RecordStep();
        story.Appear(6).Gone(6).CheckOffline(0).Wait(60);
        Assert.IsType<RecoveryState.Unknown>(story.State());
        Assert.Empty(story.Of<RecoveryAction.Create>());
    }

    [Fact]
    public void Without_the_offline_check_it_is_created_with_a_check_at_its_boot()
    {
        BridgeStory story = Refusing().Confirm().RecordStep().Gone().StepDone().RecordStep().RecordStep().StepDone()
            .RecordStep().Appear(6).Say(6, 2, 1, Filesystem());
        Assert.Equal(
            [OfflineStep.Destroying, OfflineStep.Destroyed, OfflineStep.Creating, OfflineStep.Created], Recorded(story));
        story.ReadFsck(1).Answer(RequestStatus.Done, probe: "ok", domain: 6);
        Assert.IsType<RecoveryState.Healthy>(story.State());
    }

    [Fact]
    public void A_check_at_its_boot_that_left_errors_counts_more_than_the_one_from_Dom0()
    {
        BridgeStory story = Refusing(Checking).Confirm().RecordStep().Gone().StepDone().RecordStep().RecordStep()
            .CheckOffline(1).RecordStep().RecordStep().StepDone().RecordStep().Appear(6).Say(6, 2, 1, Filesystem());
        Assert.Contains("exit 4", story.ReadFsck(4).Operator().Reason);
    }

    [Fact]
    public void A_policy_that_does_not_allow_it_calls_an_operator()
    {
        Assert.Contains("allow-destroy", Refusing(Recover).Operator().Reason);
        RecoveryPolicy shared = Recover with { AnyGuest = MayDestroy with { ExclusiveStorage = ExclusiveStorage.Unknown } };
        Assert.Contains("exclusive-storage", Refusing(shared).Operator().Reason);
    }

    [Fact]
    public void A_request_that_is_not_answered_or_fails_leads_there_too()
    {
        BridgeStory unanswered = new BridgeStory(Destroying).WithAbortedRoot().RecordIntent().Arm().Wait(91);
        Assert.Single(unanswered.Of<RecoveryAction.ConfirmCreatable>());
        BridgeStory failed = new BridgeStory(Destroying).WithAbortedRoot().RecordIntent().Arm()
            .Answer(RequestStatus.Accepted).Answer(RequestStatus.Failed, OutcomeReason.RebootFailed);
        Assert.Single(failed.Of<RecoveryAction.ConfirmCreatable>());
        BridgeStory gone = new BridgeStory(Destroying).WithAbortedRoot().RecordIntent().Arm()
            .Answer(RequestStatus.Refused, OutcomeReason.FaultGone).Wait(301);
        Assert.Empty(gone.Of<RecoveryAction.ConfirmCreatable>());
    }

    [Fact]
    public void What_could_not_be_created_again_is_not_destroyed()
        => Assert.All([StepResult.Refused, StepResult.Failed, StepResult.Unavailable], result =>
        {
            BridgeStory story = Refusing().Confirm(result);
            Assert.Contains("nothing was touched", story.Operator().Reason);
            Assert.Empty(Recorded(story));
        });

    [Fact]
    public void A_new_boot_is_never_destroyed_however_long_it_takes()
    {
        BridgeStory story = new BridgeStory(Destroying).WithAbortedRoot().RecordIntent().Arm()
            .Answer(RequestStatus.Accepted).Gone().Appear(6).Wait(20000);
        Assert.Empty(story.Of<RecoveryAction.ConfirmCreatable>());
        Assert.Contains("new boot did not report", story.Operator().Reason);

        story = new BridgeStory(Destroying).WithAbortedRoot().RecordIntent().Arm().Answer(RequestStatus.Accepted)
            .Say(5, 2, 1, Filesystem(verdict: Verdict.JournalAborted)).Wait(20000);
        Assert.Empty(story.Of<RecoveryAction.ConfirmCreatable>());
    }

    [Fact]
    public void A_kernel_that_boots_in_the_same_domain_is_not_destroyed()
    {
        var story = new BridgeStory(Destroying).WithAbortedRoot().RecordIntent().Arm().Answer(RequestStatus.Accepted);
        story.Step(new BridgeInput.ConsoleRead(Guest().Name, new ConsoleSign.Booted()));
        story.Wait(600);
        Assert.Empty(story.Of<RecoveryAction.ConfirmCreatable>());
    }

    [Fact]
    public void A_domain_that_vanishes_before_our_hand_is_on_it_ends_the_incident()
    {
        BridgeStory story = Refusing().Confirm().Gone();
        Assert.IsType<RecoveryState.Unknown>(story.State());
        story.RecordStep();
        Assert.Empty(story.Of<RecoveryAction.Destroy>());
        Assert.Empty(story.Of<RecoveryAction.Create>());
    }

    [Fact]
    public void A_domain_that_vanished_by_another_hand_is_not_created()
    {
        BridgeStory story = Refusing().Confirm().RecordStep().Gone().StepDone(StepResult.Refused);
        Assert.IsType<RecoveryState.Unknown>(story.State());
        Assert.Contains("not by our hand", story.Told(TellKind.Outcome)[^1]);
        Assert.Empty(story.Of<RecoveryAction.Create>());
    }

    [Fact]
    public void Storage_that_goes_away_before_the_destruction_stops_it_and_after_it_is_waited_for()
    {
        BridgeStory story = Refusing().Confirm().StorageIs(false).RecordStep();
        Assert.Empty(story.Of<RecoveryAction.Destroy>());
        Assert.Contains("nothing was destroyed after all", story.Told(TellKind.Outcome)[^1]);

        story = Refusing().Confirm().RecordStep().Gone().StepDone().RecordStep().StorageIs(false).RecordStep().Wait(60);
        Assert.Empty(story.Of<RecoveryAction.Create>());
        story.StorageIs(true).Wait(31);
        Assert.Single(story.Of<RecoveryAction.Create>());
    }

    [Fact]
    public void No_step_is_taken_without_a_durable_record_of_it()
    {
        BridgeStory story = Refusing().Confirm();
        RequestId intent = story.Of<RecoveryAction.RecordStep>()[^1].Intent;
        story.Complete(new RecoveryInput.StepNotRecorded(intent, OfflineStep.Destroying, "disk full"));
        Assert.Contains("disk full", story.Operator().Reason);
        Assert.DoesNotContain("DOWN", story.Operator().Reason);
        Assert.Empty(story.Of<RecoveryAction.Destroy>());
    }

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    public void A_check_that_left_errors_leaves_the_guest_down_for_an_operator(int exitCode)
    {
        BridgeStory story = Refusing(Checking).Confirm().RecordStep().Gone().StepDone().RecordStep().RecordStep()
            .CheckOffline(exitCode).Wait(3600);
        Assert.Contains($"the guest is DOWN: e2fsck left errors (exit {exitCode})", story.Operator().Reason);
        Assert.Empty(story.Of<RecoveryAction.Create>());
    }

    [Fact]
    public void A_check_that_was_refused_leaves_the_guest_down_for_an_operator()
    {
        BridgeStory story = Refusing(Checking).Confirm().RecordStep().Gone().StepDone().RecordStep().RecordStep()
            .CheckOffline(null, StepResult.Refused);
        Assert.Contains("the guest is DOWN: its disks were not checked", story.Operator().Reason);
    }

    [Fact]
    public void A_guest_that_cannot_be_created_is_told_as_down_and_tried_again_a_few_times()
    {
        BridgeStory story = Refusing().Confirm().RecordStep().Gone().StepDone().RecordStep().RecordStep()
            .StepDone(StepResult.Failed);
        Assert.Contains("the guest is DOWN: it could not be created", story.Told(TellKind.Action)[^1]);
        for (int attempt = 2; attempt <= 5; attempt++)
        {
            story.Wait(241);
            Assert.Equal(attempt, story.Of<RecoveryAction.Create>().Count);
            story.StepDone(StepResult.Failed);
        }

        Assert.Contains("the guest is DOWN: it could not be created in 5 attempts", story.Operator().Reason);
        story.Wait(3600);
        Assert.Equal(5, story.Of<RecoveryAction.Create>().Count);
    }

    [Fact]
    public void A_person_who_creates_it_meanwhile_is_not_interfered_with()
    {
        BridgeStory story = Refusing().Confirm().RecordStep().Gone().StepDone().RecordStep().RecordStep()
            .StepDone(StepResult.Failed).Appear(9).Wait(20).RecordStep().Wait(280);
        Assert.Single(story.Of<RecoveryAction.Create>());
        story.Say(9, 2, 1, Filesystem()).ReadFsck(0).Answer(RequestStatus.Done, probe: "ok", domain: 9);
        Assert.IsType<RecoveryState.Healthy>(story.State());
    }

    [Fact]
    public void A_destruction_that_failed_is_asked_for_again_under_the_same_intent()
    {
        BridgeStory story = Refusing().Confirm().RecordStep().StepDone(StepResult.Failed).Wait(16);
        Assert.Equal(2, story.Of<RecoveryAction.Destroy>().Count);
        Assert.Single(story.Of<RecoveryAction.Destroy>().Select(destroy => destroy.Intent).Distinct());
        story.Gone().StepDone().RecordStep();
        Assert.Equal(OfflineStep.Creating, Recorded(story)[^1]);
    }

    [Fact]
    public void A_root_that_writes_again_is_not_destroyed()
    {
        BridgeStory story = Refusing().Confirm().Say(5, 1, 3, Filesystem()).RecordStep();
        Assert.Empty(story.Of<RecoveryAction.Destroy>());
        Assert.IsType<RecoveryState.Healthy>(story.State());
    }

    [Fact]
    public void The_wait_between_attempts_doubles_and_differs_from_guest_to_guest()
    {
        Assert.True(RequestId.TryParse("reboot-1", out RequestId one));
        Assert.True(RequestId.TryParse("reboot-2", out RequestId other));
        TimeSpan first = TimeSpan.FromSeconds(16);
        TimeSpan longest = TimeSpan.FromSeconds(60);
        Assert.InRange(Backoff.After(1, first, longest, one).TotalSeconds, 12, 16);
        Assert.InRange(Backoff.After(2, first, longest, one).TotalSeconds, 24, 32);
        Assert.InRange(Backoff.After(9, first, longest, one).TotalSeconds, 45, 60);
        Assert.NotEqual(Backoff.After(1, first, longest, one), Backoff.After(1, first, longest, other));
        Assert.Equal(Backoff.After(1, first, longest, one), Backoff.After(1, first, longest, one));
    }
}
