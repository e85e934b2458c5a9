using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>People who want nothing to be done: pauses, maintenance windows, and the mode of one guest.</summary>
public sealed class PauseTests
{
    private static BridgeStory Paused(Guid? guest, DateTimeOffset? until = null)
    {
        var story = new BridgeStory();
        story.Step(new BridgeInput.Paused(guest, until));
        return story.WithAbortedRoot();
    }

    private static string Doubt(BridgeStory story)
        => Assert.IsType<RecoveryState.Suspect>(story.State()).Reason;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nothing_is_begun_while_it_is_paused_and_it_is_once_it_is_resumed(bool isForOneGuest)
    {
        Guid? guest = isForOneGuest ? Guest().Uuid : null;
        BridgeStory story = Paused(guest).Wait(600);
        Assert.Contains("paused", Doubt(story));
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        Assert.Empty(story.Of<RecoveryAction.SendRequest>());
        story.Step(new BridgeInput.Resumed(guest));
        story.Wait(1);
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void A_pause_of_another_guest_is_no_matter()
        => Assert.Single(Paused(Guest(2).Uuid).Of<RecoveryAction.RecordIntent>());

    [Fact]
    public void A_pause_with_an_end_ends_by_itself()
    {
        BridgeStory story = Paused(null, new BridgeStory().Now.Wall.AddMinutes(5));
        Assert.Contains("paused until", Doubt(story));
        story.Wait(301);
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void A_pause_between_the_intent_and_the_act_stops_the_act()
    {
        BridgeStory story = new BridgeStory().WithAbortedRoot();
        story.Step(new BridgeInput.Paused(null, null));
        story.RecordIntent();
        Assert.Empty(story.Of<RecoveryAction.ArmForcedFsck>());
        Assert.Contains("the bridge is paused", story.Told(TellKind.Outcome)[^1]);
    }

    [Fact]
    public void What_was_asked_before_is_still_proved()
    {
        BridgeStory story = new BridgeStory().WithAbortedRoot().RecordIntent().Arm().Answer(RequestStatus.Accepted);
        story.Step(new BridgeInput.Paused(null, null));
        story.Gone().Appear(6).Say(6, 2, 1, Filesystem()).ReadFsck(1).Answer(RequestStatus.Done, probe: "ok", domain: 6);
        Assert.IsType<RecoveryState.Healthy>(story.State());
        Assert.Single(story.Told(TellKind.Proof));
    }

    [Fact]
    public void An_old_boot_is_not_destroyed_in_a_pause_but_after_it()
    {
        BridgeStory story = new BridgeStory(Recover with
        {
            AnyGuest = new GuestPolicy { AllowDestroy = true, ExclusiveStorage = ExclusiveStorage.Yes },
        });
        story.WithAbortedRoot().RecordIntent().Arm().Answer(RequestStatus.Accepted);
        story.Step(new BridgeInput.Paused(null, null));
        story.Wait(300);
        Assert.Empty(story.Of<RecoveryAction.ConfirmCreatable>());
        story.Step(new BridgeInput.Resumed(null));
        story.Wait(1);
        Assert.Single(story.Of<RecoveryAction.ConfirmCreatable>());
    }

    [Fact]
    public void Nothing_is_done_in_a_maintenance_window()
    {
        // The stories begin on Monday, 1970-01-05 04:00 UTC.
        var window = new MaintenanceWindow.Weekly(DayOfWeek.Monday, new TimeOnly(3, 0), TimeSpan.FromMinutes(90));
        var story = new BridgeStory(Recover with { MaintenanceWindows = [window] });
        story.WithAbortedRoot();
        Assert.Contains("maintenance window, until 1970-01-05 04:30 UTC", Doubt(story));
        story.Wait(1800);
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void A_window_of_another_guest_is_no_matter()
    {
        var window = new MaintenanceWindow.Weekly(DayOfWeek.Monday, new TimeOnly(3, 0), TimeSpan.FromHours(9));
        RecoveryPolicy policy = Recover with
        {
            Guests = new Dictionary<string, GuestPolicy> { ["web2"] = new() { MaintenanceWindows = [window] } },
        };
        Assert.Single(new BridgeStory(policy).WithAbortedRoot().Of<RecoveryAction.RecordIntent>());
    }

    [Theory]
    [InlineData("2026-03-07T21:59:59Z", false)]
    [InlineData("2026-03-07T22:00:00Z", true)]
    [InlineData("2026-03-08T03:59:59Z", true)]
    [InlineData("2026-03-08T04:00:00Z", false)]
    [InlineData("2026-03-08T04:30:00+01:00", true)]
    public void A_weekly_window_may_reach_over_the_end_of_a_week_and_counts_in_UTC(string time, bool isInside)
    {
        var saturdayNight = new MaintenanceWindow.Weekly(DayOfWeek.Saturday, new TimeOnly(22, 0), TimeSpan.FromHours(6));
        DateTimeOffset at = DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(
            isInside ? DateTimeOffset.Parse("2026-03-08T04:00:00Z", System.Globalization.CultureInfo.InvariantCulture) : null,
            saturdayNight.EndIfInside(at));
    }

    [Fact]
    public void A_single_window_holds_once()
    {
        DateTimeOffset begins = DateTimeOffset.UnixEpoch;
        var once = new MaintenanceWindow.Once(begins, begins.AddHours(1));
        Assert.Null(once.EndIfInside(begins.AddTicks(-1)));
        Assert.Equal(begins.AddHours(1), once.EndIfInside(begins));
        Assert.Null(once.EndIfInside(begins.AddHours(1)));
    }

    [Theory]
    [InlineData("web1")]
    [InlineData("00000001-0000-0000-0000-000000000000")]
    public void One_guest_may_be_observed_while_the_others_are_recovered(string key)
    {
        RecoveryPolicy policy = Recover with
        {
            Guests = new Dictionary<string, GuestPolicy> { [key] = new() { Mode = BridgeMode.Observe } },
        };
        BridgeStory story = new BridgeStory(policy).WithAbortedRoot();
        Assert.Contains("the mode is observe", Doubt(story));
        story.StorageIs(true, new DeviceNumber(8, 32)).Appear(7, 2, new DeviceNumber(8, 32)).Wait(31)
            .Say(7, 20, 1, Filesystem(verdict: Verdict.JournalAborted));
        Assert.Equal(Guest(2), Assert.Single(story.Effects, one => one.Action is RecoveryAction.RecordIntent).Guest);
    }
}
