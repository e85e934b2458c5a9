using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>A bridge that was stopped in the middle of an act takes it up again, and does nothing twice.</summary>
public sealed class ResumeTests
{
    private const int NobodysGuest = 99;

    private static readonly RecoveryPolicy Destroying = Recover with
    {
        AnyGuest = new GuestPolicy
        {
            AllowDestroy = true, ExclusiveStorage = ExclusiveStorage.Yes, OfflineCheck = true,
        },
    };

    private static RequestId Before
        => RequestId.TryParse("reboot-of-before", out RequestId id) ? id : default;

    /// <summary>A bridge that finds an intent without an end from a minute ago, on storage that is well.</summary>
    private static BridgeStory Stopped(
        Rung rung = Rung.Reboot, RecoveryPolicy? policy = null, string mount = "/", params OfflineStep[] steps)
    {
        var story = new BridgeStory(policy);
        DateTimeOffset began = story.Now.Wall.AddMinutes(-1);
        var open = new OpenIntent(Before, rung, began, new DomainId(5), Boot(1), mount, steps)
        {
            Disks = new GuestDisks([Disk], []),
        };
        story.Step(new BridgeInput.HistoryRestored(new GuestHistory(Guest(), [began], null) { Open = open }));
        return story.StorageIs(true);
    }

    private static BridgeStory WithDeadRoot(BridgeStory story)
        => story.Appear().Find(5, 1, 2, Filesystem(verdict: Verdict.JournalAborted)).Wait(31)
            .Say(5, 1, 3, Filesystem(verdict: Verdict.JournalAborted));

    private static BridgeStory Outcome(BridgeStory story, RequestStatus status, string probe = "")
    {
        story.Step(new BridgeInput.OutcomeRead(Guest().Uuid, new DomainId(5), new RequestOutcome
        {
            Id = Before, BootId = Boot(1), Status = status, Probe = probe,
        }));
        return story;
    }

    [Fact]
    public void The_same_boot_is_asked_again_by_the_same_id_once_it_was_heard_on_stable_storage()
    {
        BridgeStory story = Stopped().Appear().Find(5, 1, 2, Filesystem(verdict: Verdict.JournalAborted)).Wait(29);
        Assert.IsType<RecoveryState.Resuming>(story.State());
        Assert.Empty(story.Of<RecoveryAction.ArmForcedFsck>());

        story.Wait(2).Say(5, 1, 3, Filesystem(verdict: Verdict.JournalAborted));
        Assert.Equal(Before, Assert.Single(story.Of<RecoveryAction.ArmForcedFsck>()).Intent);
        story.Complete(new RecoveryInput.FsckArmed(Before, ArmingResult.Armed, string.Empty));
        Assert.Equal((Before, RequestAction.Reboot), (story.LastRequest.Id, story.LastRequest.Action));
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());

        story.Answer(RequestStatus.Accepted).Gone().Appear(6).Say(6, 2, 1, Filesystem());
        story.Complete(new RecoveryInput.FsckResultRead(Before, Boot(2), 1)).Answer(RequestStatus.Done, probe: "ok", domain: 6);
        Assert.IsType<RecoveryState.Healthy>(story.State());
        Assert.Contains(story.Of<RecoveryAction.Tell>(), tell => tell.EndsIntent && tell.Facts.RequestId == Before);
    }

    [Fact]
    public void It_counts_as_one_recovery_and_holds_a_place()
    {
        BridgeStory story = Stopped();
        Assert.Single(story.Record()!.Recoveries);
        Assert.True(story.State().IsInFlight);
        Assert.Equal(1, Assert.IsType<RecoveryState.Resuming>(story.State()).Attempt);
    }

    [Fact]
    public void A_guest_whose_disks_are_not_known_again_counts_in_every_group()
    {
        var story = new BridgeStory(Recover with { MaxPerLunGroup = 1 });
        var open = new OpenIntent(Before, Rung.Reboot, story.Now.Wall, new DomainId(5), Boot(1), "/", []);
        story.Step(new BridgeInput.HistoryRestored(new GuestHistory(Guest(), [], null) { Open = open }));
        story.StorageIs(true).Appear(6, guest: 2).Say(6, 2, 1, Filesystem()).Wait(31, guest: 2);
        story.Say(6, 2, 2, Filesystem(verdict: Verdict.JournalAborted));
        Assert.IsType<RecoveryState.Queued>(story.State(2));

        story.Wait(story.Policy.SlotHeldFor.TotalSeconds, guest: 2);
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void A_fault_that_is_gone_ends_the_incident()
    {
        BridgeStory story = Stopped().Appear().Find(5, 1, 2, Filesystem()).Wait(31).Say(5, 1, 3, Filesystem());
        Assert.IsType<RecoveryState.Healthy>(story.State());
        Assert.Contains(story.Of<RecoveryAction.Tell>(), tell => tell.EndsIntent && tell.Facts.RequestId == Before);
        Assert.Empty(story.Of<RecoveryAction.ArmForcedFsck>());
    }

    [Fact]
    public void A_new_boot_is_proved()
    {
        BridgeStory story = Stopped().Appear(6).Find(6, 2, 1, Filesystem());
        story.Complete(new RecoveryInput.FsckResultRead(Before, Boot(2), 0)).Answer(RequestStatus.Done, probe: "ok", domain: 6);
        Assert.Equal([$"/ writes again: new boot id {Boot(2)}, fsck exit 0, probe ok"], story.Told(TellKind.Proof));
    }

    [Fact]
    public void A_domain_that_is_gone_is_waited_for_after_a_restart_was_asked()
    {
        BridgeStory story = Stopped().Wait(31);
        Assert.Equal(RecoveryPhase.AwaitingNewBoot, Assert.IsType<RecoveryState.Recovering>(story.State()).Phase);
        story.Appear(6).Say(6, 2, 1, Filesystem());
        Assert.Single(story.Of<RecoveryAction.ReadFsckResult>());
    }

    [Fact]
    public void A_restart_that_was_accepted_before_is_not_asked_again()
    {
        BridgeStory story = Stopped().Appear().Find(5, 1, 2, Filesystem(verdict: Verdict.JournalAborted));
        Outcome(story, RequestStatus.Accepted);
        Assert.Equal(RecoveryPhase.AwaitingNewBoot, Assert.IsType<RecoveryState.Recovering>(story.State()).Phase);
        Assert.Empty(story.Of<RecoveryAction.SendRequest>());
        story.Wait(301);
        Assert.Contains("allow-destroy", story.Operator().Reason);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_repair_is_asked_again_or_taken_as_done(bool isDone)
    {
        BridgeStory story = Stopped(Rung.Repair, mount: "/srv").Appear()
            .Find(5, 1, 2, Filesystem(), Filesystem("/srv", Verdict.JournalAborted));
        if (isDone)
        {
            Outcome(story, RequestStatus.Done, probe: "ok").Say(5, 1, 3, Filesystem(), Filesystem("/srv"));
            Assert.Equal(["/srv writes again: fsck: not proved, probe ok"], story.Told(TellKind.Proof));
            return;
        }

        story.Wait(31).Say(5, 1, 3, Filesystem(), Filesystem("/srv", Verdict.JournalAborted));
        Assert.Equal((Before, RequestAction.Repair), (story.LastRequest.Id, story.LastRequest.Action));
    }

    [Fact]
    public void Another_boot_or_no_domain_ends_a_repair()
    {
        Assert.IsType<RecoveryState.Healthy>(
            Stopped(Rung.Repair, mount: "/srv").Appear().Say(5, 2, 1, Filesystem(), Filesystem("/srv")).State());
        Assert.IsType<RecoveryState.Unknown>(Stopped(Rung.Repair, mount: "/srv").Wait(31).State());
    }

    [Fact]
    public void A_guest_of_which_nothing_is_heard_goes_to_an_operator_until_a_person_acknowledges()
    {
        BridgeStory story = Stopped().Appear().Find(5, 1, 2, Filesystem(verdict: Verdict.JournalAborted))
            .Wait(599, NobodysGuest);
        Assert.IsType<RecoveryState.Resuming>(story.State());
        story.Wait(2, NobodysGuest);
        Assert.Equal((OperatorRelease.WhenAcknowledged, MountPoint.Root), (story.Operator().Release, story.Operator().AtStake));
        Assert.DoesNotContain(story.Of<RecoveryAction.SendRequest>(),
            sent => sent.Request.Action != RequestAction.Probe);
        story.Step(new BridgeInput.Acknowledged(Guest().Uuid));
        Assert.IsNotType<RecoveryState.NeedsOperator>(story.State());
    }

    [Fact]
    public void Storage_that_stays_away_ends_the_incident_and_the_guest_waits_for_it()
    {
        BridgeStory story = Stopped().StorageIs(false).Appear()
            .Say(5, 1, 2, Filesystem(verdict: Verdict.JournalAborted)).Wait(601);
        Assert.IsType<RecoveryState.AwaitingStorage>(story.State());
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void An_observer_takes_nothing_up()
    {
        BridgeStory story = WithDeadRoot(Stopped(policy: Recover with { Mode = BridgeMode.Observe }));
        Assert.Contains("observe", Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
        Assert.All(story.Acts, act => Assert.IsType<RecoveryAction.RemoveRequest>(act));
    }

    [Fact]
    public void A_destruction_without_a_recorded_end_is_asked_for_again_when_everything_still_warrants_it()
    {
        BridgeStory story = WithDeadRoot(Stopped(policy: Destroying, steps: OfflineStep.Destroying));
        Assert.Equal((Before, new DomainId(5)),
            (Assert.Single(story.Of<RecoveryAction.Destroy>()).Intent, story.Of<RecoveryAction.Destroy>()[0].Domain));
        story = Stopped(policy: Destroying, steps: OfflineStep.Destroying).Appear().Find(5, 1, 2, Filesystem()).Wait(31);
        Assert.Empty(story.Of<RecoveryAction.Destroy>());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_domain_that_is_gone_is_created_only_when_our_own_hand_destroyed_it(bool byOurHand)
    {
        BridgeStory story = Stopped(policy: Destroying, steps: OfflineStep.Destroying).Wait(32);
        Assert.Single(story.Of<RecoveryAction.Destroy>());
        story.Complete(new RecoveryInput.StepTaken(Before, OfflineStep.Destroying, byOurHand
            ? StepAnswer.Done
            : new StepAnswer(StepResult.Refused, "it was shut down")));
        if (byOurHand)
        {
            Assert.Equal(OfflineStep.Destroyed, Assert.Single(story.Of<RecoveryAction.RecordStep>()).Step);
        }
        else
        {
            Assert.IsType<RecoveryState.Unknown>(story.State());
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_guest_that_is_down_goes_on_where_the_record_ends(int steps)
    {
        OfflineStep[] recorded = Enum.GetValues<OfflineStep>()[..(steps + 1)];
        BridgeStory story = Stopped(policy: Destroying, steps: recorded).Wait(32);
        Assert.Empty(story.Of<RecoveryAction.Destroy>());
        RecoveryAction next = story.Effects[^1].Action;
        Assert.True(recorded[^1] switch
        {
            OfflineStep.Destroyed => next is RecoveryAction.RecordStep { Step: OfflineStep.Checking },
            OfflineStep.Checking => next is RecoveryAction.CheckOffline,
            OfflineStep.Checked => next is RecoveryAction.CheckOffline,
            _ => next is RecoveryAction.Create,
        }, $"after {recorded[^1]}: {next}");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void How_a_check_ended_before_the_bridge_stopped_is_asked_of_the_toolstack_again(int exitCode)
    {
        BridgeStory story = Stopped(
            policy: Destroying,
            steps: [OfflineStep.Destroying, OfflineStep.Destroyed, OfflineStep.Checking, OfflineStep.Checked]).Wait(32);
        story.Complete(new RecoveryInput.OfflineChecked(Before, new OfflineCheckAnswer(StepResult.Done, exitCode, string.Empty)));
        if (exitCode >= 4)
        {
            Assert.Contains("the guest is DOWN: e2fsck left errors (exit 4)", story.Operator().Reason);
            Assert.Empty(story.Of<RecoveryAction.Create>());
            return;
        }

        foreach (OfflineStep step in (OfflineStep[])[OfflineStep.Checked, OfflineStep.Creating])
        {
            story.Complete(new RecoveryInput.StepRecorded(Before, step));
        }

        Assert.Single(story.Of<RecoveryAction.Create>());
        story.Complete(new RecoveryInput.StepTaken(Before, OfflineStep.Creating, StepAnswer.Done));
        story.Complete(new RecoveryInput.StepRecorded(Before, OfflineStep.Created));
        story.Appear(6).Say(6, 2, 1, Filesystem()).Complete(new RecoveryInput.FsckResultRead(Before, Boot(2), null))
            .Answer(RequestStatus.Done, probe: "ok", domain: 6);
        Assert.Contains("fsck exit 1", Assert.Single(story.Told(TellKind.Proof)));
    }

    [Fact]
    public void A_guest_that_was_created_meanwhile_is_proved_and_never_created_twice()
    {
        BridgeStory story = Stopped(policy: Destroying, steps: [OfflineStep.Destroying, OfflineStep.Destroyed, OfflineStep.Creating])
            .Appear(6).Wait(60).Say(6, 2, 1, Filesystem());
        Assert.Empty(story.Of<RecoveryAction.Create>());
        Assert.Single(story.Of<RecoveryAction.ReadFsckResult>());
    }

    [Fact]
    public void A_guest_that_is_down_and_whose_disks_are_not_known_goes_to_an_operator()
    {
        var story = new BridgeStory(Destroying);
        var open = new OpenIntent(Before, Rung.Recreate, story.Now.Wall, new DomainId(5), Boot(1), "/",
            [OfflineStep.Destroying, OfflineStep.Destroyed]);
        story.Step(new BridgeInput.HistoryRestored(new GuestHistory(Guest(), [], null) { Open = open }));
        story.Wait(601);
        Assert.Contains("the guest is DOWN", story.Operator().Reason);
    }

    [Fact]
    public void Recoveries_that_a_clock_set_back_tells_in_another_order_all_count()
    {
        var story = new BridgeStory(Recover with { MaxPerGuest = 2, BudgetWindow = TimeSpan.FromHours(1) });
        DateTimeOffset now = story.Now.Wall;
        story.Step(new BridgeInput.HistoryRestored(new GuestHistory(
            Guest(), [now.AddHours(1), now.AddHours(2), now.AddHours(-2)], Standing: null)));
        WithDeadRoot(story.StorageIs(true));
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        Assert.Contains("2 recoveries within 1 h", story.Operator().Reason);
        IReadOnlyList<TimeSpan> recoveries = story.Record()!.Recoveries;
        Assert.Equal(recoveries.Order(), recoveries);
    }

    [Fact]
    public void A_repair_is_not_judged_by_the_words_of_a_second_domain_of_its_uuid()
    {
        BridgeStory story = Stopped(Rung.Repair, mount: "/srv");
        story.Appear(8).Appear(5).Say(8, 9, 1, Filesystem(verdict: Verdict.JournalAborted))
            .Wait(2 * story.Policy.ResumeDeadline.TotalSeconds);
        Assert.IsType<RecoveryState.Resuming>(story.State());
        story.Gone(8).Appear(5).Find(5, 1, 2, Filesystem()).Wait(60);
        Assert.Contains("/srv", story.Operator().Reason);
    }
}
