using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>A person orders the recovery of a guest: what that goes over, and what it never does.</summary>
public sealed class OrderTests
{
    private static readonly RecoveryPolicy Observe = Recover with { Mode = BridgeMode.Observe };

    private static Outlook Outlook(BridgeStory story) => story.Loop.Look(story.Now).Guests[0].Outlook;

    private static HindranceKind? Refusal(BridgeStory story) => Outlook(story).Refusal?.Kind;

    private static IReadOnlyList<HindranceKind> Hindrances(BridgeStory story)
        => [.. Outlook(story).Hindrances.Select(one => one.Kind)];

    private static BridgeStory Healed(BridgeStory story, int boot, int domain)
        => story.RecordIntent().Arm().Answer(RequestStatus.Accepted, domain: domain - 1).Gone(domain - 1).Appear(domain)
            .Say(domain, boot, 1, Filesystem()).ReadFsck(1).Answer(RequestStatus.Done, probe: "ok", domain: domain);

    [Fact]
    public void Observing_lists_what_it_would_do_and_what_stands_in_the_way()
    {
        BridgeStory story = new BridgeStory(Observe).WithAbortedRoot().Wait(60);
        Assert.Equal(Rung.Reboot, Outlook(story).Rung);
        Assert.Equal([HindranceKind.Observe], Hindrances(story));
        Assert.Null(Refusal(story));
    }

    [Fact]
    public void An_order_goes_over_the_mode_and_is_proved()
    {
        BridgeStory story = new BridgeStory(Observe).WithAbortedRoot().Wait(60).Order();
        RecoveryAction.RecordIntent intent = Assert.Single(story.Of<RecoveryAction.RecordIntent>());
        Assert.Contains("ordered by a person", intent.Text);
        Healed(story, boot: 2, domain: 6);
        Assert.IsType<RecoveryState.Healthy>(story.State());
        Assert.Null(story.Record()!.Order);
    }

    [Fact]
    public void The_next_fault_is_no_matter_of_the_order_before()
    {
        BridgeStory story = Healed(new BridgeStory(Observe).WithAbortedRoot().Wait(60).Order(), boot: 2, domain: 6);
        story.Wait(200).Say(6, 2, 5, Filesystem(verdict: Verdict.JournalAborted)).Wait(60);
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
        Assert.Contains("the mode is observe", Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
    }

    [Fact]
    public void An_order_goes_over_a_maintenance_window()
    {
        var window = new MaintenanceWindow.Weekly(DayOfWeek.Monday, new TimeOnly(3, 0), TimeSpan.FromHours(9));
        BridgeStory story = new BridgeStory(Recover with { MaintenanceWindows = [window] }).WithAbortedRoot();
        Assert.Equal([HindranceKind.Window], Hindrances(story));
        Assert.Single(story.Order().Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void An_order_goes_over_the_grace_of_a_boot()
    {
        BridgeStory story = new BridgeStory(Recover with { GraceAfterBoot = TimeSpan.FromMinutes(5) }).WithAbortedRoot();
        Assert.Equal([HindranceKind.Grace], Hindrances(story));
        Assert.Single(story.Order().Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void An_order_stands_in_for_evidence_of_this_host()
    {
        BridgeStory story = new BridgeStory(Recover with { ActWithoutHostEvidence = false }).WithAbortedRoot();
        Assert.Equal([HindranceKind.HostEvidence], Hindrances(story));
        story.Order();
        Assert.Single(story.RecordIntent().Arm().Of<RecoveryAction.SendRequest>());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_order_never_goes_over_a_pause(bool isForOneGuest)
    {
        Guid? guest = isForOneGuest ? Guest().Uuid : null;
        var story = new BridgeStory();
        story.Step(new BridgeInput.Paused(guest, null));
        story.WithAbortedRoot().Order().Wait(60);
        Assert.Equal(isForOneGuest ? HindranceKind.GuestPause : HindranceKind.HostPause, Refusal(story));
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        Assert.Contains("refused: ", story.Told(TellKind.Decision)[^1]);
        story.Step(new BridgeInput.Resumed(guest));
        Assert.Single(story.Wait(1).Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void A_pause_that_comes_after_the_order_stops_it()
    {
        BridgeStory story = new BridgeStory(Observe).WithAbortedRoot().Wait(60).Order();
        story.Step(new BridgeInput.Paused(null, null));
        Assert.Empty(story.RecordIntent().Wait(60).Of<RecoveryAction.ArmForcedFsck>());
    }

    [Fact]
    public void An_order_waits_for_the_storage_and_not_for_ever()
    {
        BridgeStory story = new BridgeStory(Observe).WithAbortedRoot().Wait(60).StorageIs(false);
        Assert.Null(Refusal(story));
        Assert.Equal([HindranceKind.Storage, HindranceKind.Observe], Hindrances(story));
        story.Order().Wait(120);
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        Assert.Single(story.StorageIs(true).Wait(31).Of<RecoveryAction.RecordIntent>());

        BridgeStory late = new BridgeStory(Observe).WithAbortedRoot().Wait(60).StorageIs(false).Order();
        late.Wait(601).StorageIs(true).Wait(120);
        Assert.Empty(late.Of<RecoveryAction.RecordIntent>());
        Assert.Contains(late.Told(TellKind.Decision), text => text.Contains("its time has passed", StringComparison.Ordinal));
    }

    [Fact]
    public void An_order_is_for_the_boot_that_the_person_saw()
    {
        BridgeStory story = new BridgeStory(Observe).WithAbortedRoot().Wait(60).StorageIs(false).Order();
        story.Say(5, 2, 1, Filesystem(verdict: Verdict.JournalAborted)).StorageIs(true).Wait(120);
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        Assert.Contains(story.Told(TellKind.Decision), text => text.Contains("it booted anew", StringComparison.Ordinal));
    }

    [Fact]
    public void An_order_goes_over_the_budget_once()
    {
        BridgeStory story = new BridgeStory(Recover with { MaxPerGuest = 1 }).WithAbortedRoot();
        Healed(story, boot: 2, domain: 6);
        story.Wait(200).Say(6, 2, 5, Filesystem(verdict: Verdict.JournalAborted)).Wait(60);
        Assert.IsType<RecoveryState.NeedsOperator>(story.State());
        Assert.Equal([HindranceKind.Acknowledgement, HindranceKind.Budget], Hindrances(story));
        Assert.Null(Refusal(story));
        story.Order();
        Assert.Equal(2, story.Of<RecoveryAction.RecordIntent>().Count);
        Healed(story, boot: 3, domain: 7);
        story.Wait(200).Say(7, 3, 5, Filesystem(verdict: Verdict.JournalAborted)).Wait(60);
        Assert.Equal(2, story.Of<RecoveryAction.RecordIntent>().Count);
        Assert.IsType<RecoveryState.NeedsOperator>(story.State());
    }

    [Theory]
    [InlineData(Verdict.Hung, nameof(HindranceKind.Hang))]
    [InlineData(Verdict.ErrorsRecorded, nameof(HindranceKind.ByHand))]
    [InlineData(Verdict.FlushDisabled, nameof(HindranceKind.ByHand))]
    [InlineData(Verdict.Writable, nameof(HindranceKind.NothingWrong))]
    [InlineData(Verdict.Frozen, nameof(HindranceKind.NothingWrong))]
    public void A_guest_whose_root_writes_or_may_write_again_is_never_restarted_by_an_order(
        Verdict verdict, string expected)
    {
        BridgeStory story = new BridgeStory(Observe).StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Wait(31)
            .Say(5, 1, 2, Filesystem(verdict: verdict)).Wait(60);
        RecoveryState before = story.State();
        story.Order().Wait(60);
        Assert.Equal(expected, Refusal(story).ToString());
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        Assert.Equal(before, story.State());
    }

    [Fact]
    public void A_guest_that_was_only_read_is_asked_for_a_sign_of_life_first()
    {
        BridgeStory story = new BridgeStory(Observe).StorageIs(true).Appear()
            .Find(5, 1, 2, Filesystem(verdict: Verdict.JournalAborted)).Wait(40);
        Assert.Empty(story.Of<RecoveryAction.SendRequest>());
        story.Order().Wait(1);
        Assert.Equal(RequestAction.Probe, story.LastRequest.Action);
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        story.Answer(RequestStatus.Done, probe: "EROFS");
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void A_silent_guest_is_not_recovered_by_an_order()
    {
        BridgeStory story = new BridgeStory(Observe).WithAbortedRoot();
        for (int minute = 0; minute < 5; minute++)
        {
            story.Wait(50);
        }

        Assert.Equal(HindranceKind.Silent, Refusal(story));
        Assert.Empty(story.Order().Wait(50).Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void An_order_waits_for_a_place_among_the_others()
    {
        var story = new BridgeStory(Recover with { MaxPerHost = 1 });
        story.WithAbortedRoot().RecordIntent().Arm();
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
        var other = new DeviceNumber(8, 32);
        story.StorageIs(true, other, "lun-2").Appear(7, 2, other).Wait(31)
            .Say(7, 20, 1, Filesystem(verdict: Verdict.JournalAborted));
        Outlook outlook = story.Loop.Look(story.Now).Guests[1].Outlook;
        Assert.Contains(outlook.Hindrances, one => one.Kind == HindranceKind.Turn);
        story.Order(2).Wait(1);
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void An_order_never_destroys_a_domain_that_is_only_observed()
    {
        BridgeStory story = new BridgeStory(Observe with
        {
            AnyGuest = new GuestPolicy { AllowDestroy = true, ExclusiveStorage = ExclusiveStorage.Yes },
        });
        story.WithAbortedRoot().Wait(60).Order().RecordIntent().Arm().Answer(RequestStatus.Accepted).Wait(300);
        Assert.Empty(story.Of<RecoveryAction.ConfirmCreatable>());
        Assert.Contains("ordered the restart alone", story.Operator().Reason);
    }

    [Fact]
    public void Nothing_is_recovered_twice_at_once()
    {
        BridgeStory story = new BridgeStory(Observe).WithAbortedRoot().Wait(60).Order().Order();
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
        Assert.Equal([HindranceKind.UnderWay], Hindrances(story));
        Assert.Equal(HindranceKind.UnderWay, Refusal(story));
    }

    [Fact]
    public void Looking_changes_nothing()
    {
        BridgeStory story = new BridgeStory(Observe).WithAbortedRoot().Wait(60);
        GuestRecord before = story.Record()!;
        Assert.Empty(story.Step(new BridgeInput.Asked()));
        _ = story.Loop.Look(story.Now);
        Assert.Same(before, story.Record());
        DiskStanding disk = Assert.Single(story.Loop.LookAtDisks(Guest().Uuid, story.Now));
        Assert.Null(disk.WhyClosed);
        Assert.Equal("8:16", disk.Name);
        story.StorageIs(false);
        Assert.Equal("session 1 FAILED", story.Loop.LookAtDisks(Guest().Uuid, story.Now)[0].WhyClosed);
        Assert.Empty(story.Loop.LookAtDisks(Guest(9).Uuid, story.Now));
    }
}
