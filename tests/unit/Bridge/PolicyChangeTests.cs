using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>An administrator changes the policy while guests wait and recoveries are in flight.</summary>
public sealed class PolicyChangeTests
{
    private static readonly RecoveryPolicy Observe = Recover with { Mode = BridgeMode.Observe };

    private static readonly RecoveryPolicy Destroy = Recover with
    {
        AnyGuest = new GuestPolicy { AllowDestroy = true, ExclusiveStorage = ExclusiveStorage.Yes },
    };

    private static void Change(BridgeStory story, RecoveryPolicy policy) => story.Step(new BridgeInput.PolicyChanged(policy));

    private static BridgeStory TwoDeadGuestsAndOnePlace()
    {
        var other = new DeviceNumber(8, 32);
        BridgeStory story = new BridgeStory(Recover with { MaxPerHost = 1 })
            .StorageIs(true, other, "lun-2").Appear(7, 2, other).WithAbortedRoot()
            .Say(7, 20, 1, Filesystem(verdict: Verdict.JournalAborted));
        Assert.IsType<RecoveryState.Recovering>(story.State());
        Assert.IsType<RecoveryState.Queued>(story.State(2));
        return story;
    }

    [Fact]
    public void What_was_only_observed_is_recovered_once_the_mode_says_so()
    {
        BridgeStory story = new BridgeStory(Observe).WithAbortedRoot().Wait(60);
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        Change(story, Recover);
        story.Wait(1);
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void Observe_between_the_intent_and_the_act_stops_the_act()
    {
        BridgeStory story = new BridgeStory().WithAbortedRoot();
        Change(story, Observe);
        story.RecordIntent().Wait(600);
        Assert.Empty(story.Of<RecoveryAction.ArmForcedFsck>());
        Assert.Empty(story.Of<RecoveryAction.SendRequest>());
        Assert.Contains("the mode is observe", story.Told(TellKind.Outcome)[^1]);
        Assert.Contains("the mode is observe", Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
    }

    [Fact]
    public void Observe_between_arming_and_the_request_stops_the_request()
    {
        BridgeStory story = new BridgeStory().WithAbortedRoot().RecordIntent();
        Change(story, Observe);
        story.Arm().Wait(600);
        Assert.Empty(story.Of<RecoveryAction.SendRequest>());
    }

    [Fact]
    public void What_was_asked_before_is_still_proved_under_observe()
    {
        BridgeStory story = new BridgeStory().WithAbortedRoot().RecordIntent().Arm().Answer(RequestStatus.Accepted);
        Change(story, Observe);
        story.Gone().Appear(6).Say(6, 2, 1, Filesystem()).ReadFsck(1).Answer(RequestStatus.Done, probe: "ok", domain: 6);
        Assert.IsType<RecoveryState.Healthy>(story.State());
        Assert.Single(story.Told(TellKind.Proof));
    }

    [Fact]
    public void A_guest_that_waits_for_its_turn_leaves_the_queue_under_observe()
    {
        BridgeStory story = TwoDeadGuestsAndOnePlace();
        Change(story, Observe with { MaxPerHost = 4 });
        story.Wait(5, guest: 2);
        Assert.IsType<RecoveryState.Suspect>(story.State(2));
        Assert.DoesNotContain(story.Effects, one => one.Guest == Guest(2) && one.Action is RecoveryAction.RecordIntent);
    }

    [Fact]
    public void More_places_are_taken_at_once()
    {
        BridgeStory story = TwoDeadGuestsAndOnePlace();
        Change(story, Recover with { MaxPerHost = 2 });
        story.Wait(1, guest: 2);
        Assert.Equal(2, story.Of<RecoveryAction.RecordIntent>().Count());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_old_boot_is_not_destroyed_once_that_is_taken_back(bool byGuest)
    {
        BridgeStory story = new BridgeStory(Destroy).WithAbortedRoot().RecordIntent().Arm().Answer(RequestStatus.Accepted);
        Change(story, byGuest
            ? Destroy with { Guests = new Dictionary<string, GuestPolicy> { ["web1"] = new() } }
            : Recover);
        story.Wait(300);
        Assert.Empty(story.Of<RecoveryAction.ConfirmCreatable>());
        Assert.Empty(story.Of<RecoveryAction.Destroy>());
    }

    [Fact]
    public void A_longer_time_to_be_stable_closes_the_gate_again()
    {
        BridgeStory story = new BridgeStory(Recover with { MaintenanceWindows =
            [new MaintenanceWindow.Weekly(DayOfWeek.Monday, new TimeOnly(3, 0), TimeSpan.FromMinutes(62))] });
        story.WithAbortedRoot();
        Change(story, Recover with { StableFor = TimeSpan.FromMinutes(30) });
        story.Wait(300);
        Assert.Contains("less than 1800 s", Assert.IsType<RecoveryState.AwaitingStorage>(story.State()).Reasons);
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        Change(story, Recover);
        story.Wait(6);
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void What_is_in_flight_keeps_its_deadline()
    {
        BridgeStory story = new BridgeStory().WithAbortedRoot().RecordIntent().Arm().Answer(RequestStatus.Accepted).Gone();
        TimeSpan deadline = Assert.IsType<RecoveryState.Recovering>(story.State()).Deadline;
        Change(story, Recover with { RebootDeadline = TimeSpan.FromMinutes(1), NoDomainDeadline = TimeSpan.FromHours(1) });
        story.Wait(120);
        Assert.Equal(deadline, Assert.IsType<RecoveryState.Recovering>(story.State()).Deadline);
    }
}
