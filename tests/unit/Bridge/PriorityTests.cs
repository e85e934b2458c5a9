using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>Whose turn it is, and how soon after a boot.</summary>
public sealed class PriorityTests
{
    [Fact]
    public void The_infrastructure_goes_first_then_the_longest_waiting()
    {
        var story = new BridgeStory(Recover with
        {
            MaxPerHost = 1,
            Guests = new Dictionary<string, GuestPolicy> { ["web4"] = new() { Priority = GuestPriority.Infrastructure } },
        });
        for (int guest = 1; guest <= 4; guest++)
        {
            story.StorageIs(true, new DeviceNumber(8, guest)).Appear(guest, guest, new DeviceNumber(8, guest));
        }

        story.Wait(31, guest: 99);
        foreach (int guest in new[] { 3, 1, 2, 4 })
        {
            story.Say(guest, guest, 1, Filesystem(verdict: Verdict.JournalAborted)).Wait(1, guest: 99);
        }

        var order = new List<string>();
        for (int turn = 0; turn < 4; turn++)
        {
            BridgeStory next = story;
            string name = next.Effects.Last(one => one.Action is RecoveryAction.RecordIntent).Guest.Name;
            order.Add(name);
            int guest = name[^1] - '0';
            story.RecordIntent(guest).Arm(guest: guest)
                .Answer(RequestStatus.Refused, OutcomeReason.FaultGone, domain: guest, guest: guest);
        }

        Assert.Equal(["web3", "web4", "web1", "web2"], order);
    }

    [Fact]
    public void A_boot_that_was_first_heard_just_now_is_given_time()
    {
        var story = new BridgeStory(Recover with { GraceAfterBoot = TimeSpan.FromSeconds(60) });
        story.StorageIs(true).Appear().Wait(31).Say(5, 1, 1, Filesystem(verdict: Verdict.JournalAborted)).Wait(59);
        Assert.Contains("first heard less than 60 s ago", Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        story.Wait(1);
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void A_heartbeat_does_not_make_the_grace_longer()
    {
        var story = new BridgeStory(Recover with { GraceAfterBoot = TimeSpan.FromSeconds(60) });
        story.StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Wait(50).Say(5, 1, 2, Filesystem()).Wait(11)
            .Say(5, 1, 3, Filesystem(verdict: Verdict.JournalAborted));
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }
}
