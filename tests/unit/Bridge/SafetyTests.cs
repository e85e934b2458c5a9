using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>What must never happen, rule by rule.</summary>
public sealed class SafetyTests
{
    [Fact]
    public void Observe_never_acts()
    {
        var story = new BridgeStory(Recover with { Mode = BridgeMode.Observe }).WithAbortedRoot().Wait(600);
        Assert.Empty(story.Acts);
        Assert.Contains("observe", Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
    }

    [Fact]
    public void A_closed_gate_waits()
    {
        var story = new BridgeStory();
        story.StorageIs(false).Appear().Say(5, 1, 1, Filesystem(verdict: Verdict.JournalAborted)).Wait(3600);
        Assert.IsType<RecoveryState.AwaitingStorage>(story.State());
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        Assert.Single(story.Told(TellKind.Gate));
    }

    [Fact]
    public void A_disk_that_is_not_checked_any_more_closes_the_gate_and_must_be_stable_anew()
    {
        var story = new BridgeStory { ChecksDisks = false };
        story.StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Wait(90)
            .Say(5, 1, 2, Filesystem(verdict: Verdict.JournalAborted));
        Assert.Contains("8:16 was not checked", Assert.IsType<RecoveryState.AwaitingStorage>(story.State()).Reasons);
        story.ChecksDisks = true;
        story.StorageIs(true).Wait(29);
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        story.Wait(2);
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void A_guest_whose_disks_are_not_known_waits()
    {
        var story = new BridgeStory();
        story.Step(new BridgeInput.GuestSeen(Guest(), new DomainId(5), new GuestDisks([Disk], ["qdisk 51712"])));
        story.StorageIs(true).Wait(60).Say(5, 1, 1, Filesystem(verdict: Verdict.JournalAborted)).Wait(60);
        Assert.Contains("qdisk 51712", Assert.IsType<RecoveryState.AwaitingStorage>(story.State()).Reasons);
    }

    [Fact]
    public void A_flap_resets_the_wait_for_stability()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Say(5, 1, 1, Filesystem(verdict: Verdict.JournalAborted)).Wait(25);
        story.StorageIs(false).StorageIs(true).Wait(29);
        Assert.IsType<RecoveryState.AwaitingStorage>(story.State());
        story.Wait(2);
        Assert.IsType<RecoveryState.Recovering>(story.State());
    }

    [Fact]
    public void A_gate_that_closes_between_intent_and_act_stops_the_act()
    {
        var story = new BridgeStory().WithAbortedRoot().StorageIs(false).RecordIntent();
        Assert.Empty(story.Of<RecoveryAction.ArmForcedFsck>());
        Assert.IsType<RecoveryState.AwaitingStorage>(story.State());
        Assert.Contains(story.Of<RecoveryAction.Tell>(), tell => tell.EndsIntent);
    }

    [Fact]
    public void Words_of_an_older_boot_or_sequence_count_for_nothing()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Wait(31).Say(5, 1, 9, Filesystem()).Say(5, 2, 5, Filesystem());
        story.Say(5, 1, 10, Filesystem(verdict: Verdict.JournalAborted))
            .Say(5, 2, 4, Filesystem(verdict: Verdict.JournalAborted));
        Assert.Equal(new RecoveryState.Healthy(Boot(2)), story.State());
    }

    [Fact]
    public void The_same_evidence_is_not_used_twice_after_the_fault_is_gone()
    {
        var story = new BridgeStory().WithAbortedRoot().RecordIntent().Arm();
        story.Answer(RequestStatus.Refused, OutcomeReason.FaultGone).Wait(300);
        Assert.IsType<RecoveryState.Suspect>(story.State());
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
        Assert.Single(story.Of<RecoveryAction.RemoveRequest>());
        story.Say(5, 1, 3, Filesystem());
        Assert.IsType<RecoveryState.Healthy>(story.State());
    }

    [Fact]
    public void A_guest_that_keeps_contradicting_itself_gets_an_operator()
    {
        var story = new BridgeStory().WithAbortedRoot().RecordIntent().Arm();
        story.Answer(RequestStatus.Refused, OutcomeReason.FaultGone).Wait(601);
        Assert.Contains("contradicted", story.Operator().Reason);
    }

    [Fact]
    public void After_the_budget_of_recoveries_an_operator_is_called()
    {
        var story = new BridgeStory();
        story.WithAbortedRoot();
        for (int boot = 2; boot <= 3; boot++)
        {
            int domain = 4 + boot;
            story.RecordIntent().Arm().Answer(RequestStatus.Accepted, domain: domain - 1).Gone(domain - 1).Wait(150);
            story.Appear(domain).Say(domain, boot, 1, Filesystem()).ReadFsck(1)
                .Answer(RequestStatus.Done, probe: "ok", domain: domain);
            Assert.IsType<RecoveryState.Healthy>(story.State());
            story.Say(domain, boot, 2, Filesystem(verdict: Verdict.JournalAborted));
        }

        Assert.Contains("2 recoveries", story.Operator().Reason);
        Assert.Equal(2, story.Of<RecoveryAction.RecordIntent>().Count);
    }

    [Fact]
    public void Two_recoveries_of_a_guest_begin_at_least_two_minutes_apart()
    {
        var story = new BridgeStory().WithAbortedData().RecordIntent();
        story.Answer(RequestStatus.Refused, OutcomeReason.Busy).Wait(119);
        Assert.IsType<RecoveryState.Queued>(story.State());
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
        story.Wait(2);
        Assert.Equal(2, story.Of<RecoveryAction.RecordIntent>().Count);
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 4)]
    public void Recoveries_at_once_are_capped_per_LUN_group_and_per_host(bool sameGroup, int expected)
    {
        var story = new BridgeStory();
        for (int guest = 1; guest <= 6; guest++)
        {
            var disk = new DeviceNumber(8, guest);
            story.StorageIs(true, disk, sameGroup ? "lun" : $"lun-{guest}").Appear(guest, guest, disk);
        }

        story.Wait(31);
        for (int guest = 1; guest <= 6; guest++)
        {
            story.Say(guest, guest, 1, Filesystem(verdict: Verdict.JournalAborted));
        }

        Assert.Equal(expected, story.Of<RecoveryAction.RecordIntent>().Count);
        Assert.Equal(6 - expected, story.Loop.Guests.Count(guest => guest.State is RecoveryState.Queued));

        // A place that becomes free goes to the one that waits longest.
        story.RecordIntent(1).Arm(guest: 1).Answer(RequestStatus.Refused, OutcomeReason.FaultGone, domain: 1, guest: 1);
        Assert.Equal(expected + 1, story.Of<RecoveryAction.RecordIntent>().Count);
        Assert.IsType<RecoveryState.Recovering>(story.State(expected + 1));
    }

    [Fact]
    public void Nothing_is_done_before_the_intent_is_durable_nor_without_it()
    {
        var story = new BridgeStory().WithAbortedRoot();
        story.Complete(new RecoveryInput.IntentFailed(
            Assert.Single(story.Of<RecoveryAction.RecordIntent>()).Intent, "disk full"));
        Assert.Contains("disk full", story.Operator().Reason);
        Assert.Empty(story.Of<RecoveryAction.ArmForcedFsck>());
        Assert.Empty(story.Of<RecoveryAction.SendRequest>());
    }

    [Fact]
    public void A_check_that_cannot_be_armed_calls_an_operator_instead_of_a_restart()
    {
        var story = new BridgeStory().WithAbortedRoot().RecordIntent().Arm(ArmingResult.Unavailable);
        Assert.Contains("no toolstack is configured", story.Operator().Reason);
        Assert.Empty(story.Of<RecoveryAction.SendRequest>());
    }

    [Theory]
    [InlineData(0, 31)]
    [InlineData(1, 61)]
    [InlineData(2, 91)]
    [InlineData(3, 301)]
    public void A_deadline_that_passes_calls_an_operator(int steps, int seconds)
    {
        var story = new BridgeStory().WithAbortedRoot();
        _ = steps > 0 ? story.RecordIntent() : story;
        _ = steps > 1 ? story.Arm() : story;
        _ = steps > 2 ? story.Answer(RequestStatus.Accepted) : story;
        story.Wait(seconds - 2);
        Assert.IsType<RecoveryState.Recovering>(story.State());
        story.Wait(2);
        Assert.Equal(OperatorRelease.WhenHealthy, story.Operator().Release);
    }

    [Fact]
    public void A_restart_needs_a_fault_that_this_host_saw_itself()
    {
        var story = new BridgeStory(Recover with { ActWithoutHostEvidence = false }).WithAbortedRoot().Wait(10);
        Assert.Contains("saw no fault", story.Operator().Reason);
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());

        story.StorageIs(false).StorageIs(true).Wait(31);
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void Evidence_does_not_get_too_old_while_a_guest_waits_for_its_turn()
    {
        var policy = Recover with
        {
            ActWithoutHostEvidence = false, MaxPerHost = 1, HostEvidenceWindow = TimeSpan.FromMinutes(5),
        };
        var story = new BridgeStory(policy);
        story.StorageIs(true).Appear(5, guest: 1).Appear(6, guest: 2);
        story.Say(5, 1, 1, Filesystem()).Say(6, 2, 1, Filesystem()).StorageIs(false).StorageIs(true);
        story.Say(5, 1, 2, Filesystem(verdict: Verdict.JournalAborted));
        story.Say(6, 2, 2, Filesystem(verdict: Verdict.JournalAborted)).Wait(31, guest: 2);
        story.RecordIntent(1).Arm(guest: 1).Answer(RequestStatus.Accepted, guest: 1).Gone(5).Wait(9 * 60, guest: 2);
        Assert.IsType<RecoveryState.Queued>(story.State(2));

        story.Wait(60, guest: 2);
        Assert.Equal(2, story.Of<RecoveryAction.RecordIntent>().Count);
    }

    [Fact]
    public void A_gate_that_never_opens_is_waited_for_ten_minutes_then_an_operator_comes()
    {
        var story = new BridgeStory();
        story.Step(new BridgeInput.GuestSeen(Guest(), new DomainId(5), new GuestDisks([], ["xvda (qdisk)"])));
        story.Say(5, 1, 1, Filesystem()).Say(5, 1, 2, Filesystem(verdict: Verdict.JournalAborted)).Wait(599);
        Assert.IsType<RecoveryState.AwaitingStorage>(story.State());
        story.Wait(2);
        Assert.Contains("xvda (qdisk) cannot be mapped", story.Operator().Reason);
        story.Wait(600);
        Assert.Single(story.Told(TellKind.Operator));
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());

        story.Say(5, 1, 3, Filesystem());
        Assert.IsType<RecoveryState.Healthy>(story.State());
    }

    [Fact]
    public void What_is_told_of_a_hidden_hang_says_of_the_storage_that_it_is_stable_and_not_of_the_mount_table()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Wait(31)
            .Say(5, 1, 1, Filesystem(verdict: Verdict.Hung) with { Hidden = true });
        Assert.Contains(
            "/ (xvda, ext3) is hung, which the mount table hides; "
                + "its storage is stable, and a hang ends by itself: nothing is done",
            story.Told(TellKind.Decision));
    }

    [Fact]
    public void A_guest_that_merely_hangs_is_not_restarted_but_an_operator_comes_after_ten_minutes()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Wait(31).Say(5, 1, 1, Filesystem(verdict: Verdict.Hung)).Wait(599);
        Assert.IsType<RecoveryState.Suspect>(story.State());
        story.Wait(2);
        Assert.Contains("hung", story.Operator().Reason);
        story.Say(5, 1, 2, Filesystem());
        Assert.IsType<RecoveryState.Healthy>(story.State());
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void A_silent_guest_is_suspect_and_never_acted_on()
    {
        var story = new BridgeStory();
        story.Appear().Say(5, 1, 1, Filesystem(verdict: Verdict.JournalAborted));
        story.Step(new BridgeInput.GuestSeen(Guest(), new DomainId(5), new GuestDisks([Disk], [])));
        story.Wait(50, guest: 99).Wait(50, guest: 99).Wait(50, guest: 99).StorageIs(true);
        story.Wait(50, guest: 99);
        Assert.Contains("silent", Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void One_guest_cannot_answer_for_another()
    {
        var story = new BridgeStory();
        story.Appear(7, guest: 2).WithAbortedRoot().RecordIntent().Arm().Answer(RequestStatus.Accepted, domain: 7);
        Assert.Equal(RecoveryPhase.AwaitingAnswer, Assert.IsType<RecoveryState.Recovering>(story.State()).Phase);
    }

    [Fact]
    public void A_second_domain_that_claims_a_living_guests_uuid_is_nobody()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear(5).Wait(31).Say(5, 1, 1, Filesystem()).Appear(9);
        story.Say(9, 2, 1, Filesystem(verdict: Verdict.JournalAborted));
        Assert.Equal(new RecoveryState.Healthy(Boot(1)), story.State());
    }

    [Fact]
    public void As_long_as_two_domains_have_one_uuid_neither_is_acted_on_and_an_operator_is_told_once()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear(9).Appear(5).Wait(31).Say(9, 1, 1, Filesystem()).Appear(5);
        story.Say(9, 1, 2, Filesystem(verdict: Verdict.JournalAborted)).Wait(300);
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        Assert.Contains("domain 5 has the same uuid", Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
        Assert.Contains("domains 9 and 5 have the same uuid", Assert.Single(story.Told(TellKind.Operator)));

        story.Gone(5).Wait(300);
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        Assert.Contains("may be restarting", Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
        for (int sequence = 3; sequence < 10; sequence++)
        {
            story.Wait(60).Say(9, 1, sequence, Filesystem(verdict: Verdict.JournalAborted));
        }

        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void A_domain_that_was_listed_second_is_the_guest_once_the_first_is_gone()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear(9).Appear(5).Gone(9).Appear(5).Say(5, 1, 1, Filesystem());
        Assert.Equal((new DomainId(5), null), (story.Record()!.Domain, story.Record()!.Twin));
        Assert.Equal(new RecoveryState.Healthy(Boot(1)), story.State());
    }

    [Fact]
    public void A_twin_that_appears_after_the_intent_stops_the_act()
    {
        BridgeStory story = new BridgeStory().WithAbortedRoot().Appear(9).RecordIntent();
        Assert.Empty(story.Of<RecoveryAction.ArmForcedFsck>());
        Assert.Contains(story.Of<RecoveryAction.Tell>(), tell => tell.EndsIntent);
    }

    [Fact]
    public void A_guest_that_vanishes_during_a_repair_ends_the_incident()
    {
        var story = new BridgeStory().WithAbortedData().RecordIntent().Answer(RequestStatus.Accepted).Gone();
        Assert.IsType<RecoveryState.Unknown>(story.State());
        Assert.Contains(story.Of<RecoveryAction.Tell>(), tell => tell.EndsIntent);
    }

    [Fact]
    public void What_is_no_report_is_told_a_few_times_and_the_others_go_on()
    {
        var story = new BridgeStory();
        story.Appear(7, guest: 2);
        for (int time = 0; time < 50; time++)
        {
            story.Step(new BridgeInput.ReportRejected(Guest(2).Uuid, new DomainId(7), "its filesystem/0 cannot be parsed"));
        }

        Assert.Equal(3, story.Told(TellKind.Report).Count);
        story.WithAbortedRoot();
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void What_stood_before_a_restart_still_stands()
    {
        var story = new BridgeStory();
        var standing = new RecoveryState.NeedsOperator("the bridge stopped in the middle of",
            OperatorRelease.WhenAcknowledged);
        story.Step(new BridgeInput.HistoryRestored(new GuestHistory(Guest(), [story.Now.Wall], standing)));
        Assert.Equal([standing.Reason], story.Told(TellKind.Operator));
        story.WithAbortedRoot().Say(5, 1, 3, Filesystem());
        Assert.Equal(standing, story.State());
        story.Complete(new RecoveryInput.HoldReleased());
        Assert.IsType<RecoveryState.Healthy>(story.State());
    }

    [Fact]
    public void Recoveries_before_a_restart_count_against_the_budget()
    {
        var story = new BridgeStory();
        DateTimeOffset hourAgo = story.Now.Wall.AddHours(-1);
        story.Step(new BridgeInput.HistoryRestored(new GuestHistory(Guest(), [hourAgo, hourAgo], null)));
        story.WithAbortedRoot();
        Assert.Contains("2 recoveries", story.Operator().Reason);
    }
}
