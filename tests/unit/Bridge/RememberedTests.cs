using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>What was faulty when it was last listed outlives the bridge: a restart makes nothing well.</summary>
public sealed class RememberedTests
{
    /// <summary>In seconds, beyond what a boot with a check of disks of unknown size may take.</summary>
    private const int TimeOfACheck = 9000;

    private static readonly FilesystemHealth DeadData = Filesystem("/srv", Verdict.JournalAborted, "btrfs");

    /// <summary>A bridge that starts and knows what it remembered.</summary>
    private static BridgeStory Restarted(
        FaultySeen? faulty, RecoveryPolicy? policy = null, RecoveryState.NeedsOperator? standing = null)
    {
        var story = new BridgeStory(policy);
        story.Step(new BridgeInput.HistoryRestored(new GuestHistory(Guest(), [], standing) { Faulty = faulty }));
        return story.StorageIs(true);
    }

    private static BridgeStory WithDeadData()
        => new BridgeStory().StorageIs(true).Appear().Wait(31).Say(5, 1, 1, DeadData, Filesystem());

    private static FaultySeen LastRemembered(BridgeStory story) => story.Of<RecoveryAction.RememberFaulty>()[^1].Faulty;

    [Fact]
    public void What_is_faulty_is_remembered_when_it_becomes_so_and_forgotten_when_it_is_well()
    {
        BridgeStory story = WithDeadData().Wait(300);
        FaultySeen seen = Assert.Single(story.Of<RecoveryAction.RememberFaulty>()).Faulty;
        Assert.Equal((Boot(1), DeadData.MountPoint), (seen.BootId, Assert.Single(seen.Filesystems).MountPoint));

        story.Say(5, 1, 20, Filesystem(), Filesystem("/srv", type: "btrfs"));
        Assert.Empty(LastRemembered(story).Filesystems);
        Assert.Equal(2, story.Of<RecoveryAction.RememberFaulty>().Count);
    }

    [Fact]
    public void A_filesystem_that_left_the_report_reaches_an_operator_although_the_bridge_was_started_anew()
    {
        BridgeStory before = WithDeadData().Say(5, 1, 2, Filesystem());
        BridgeStory story = Restarted(LastRemembered(before)).Appear().Find(5, 1, 3, Filesystem()).Wait(31)
            .Say(5, 1, 4, Filesystem());
        Assert.Contains(
            "/srv (xvda, btrfs) is no longer mounted; it was journal-aborted when last seen",
            Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
        story.Wait(TimeOfACheck);
        Assert.Equal(DeadData.MountPoint, story.Operator().AtStake);

        story.Say(5, 1, 400, Filesystem(), Filesystem("/srv", type: "btrfs"));
        Assert.IsType<RecoveryState.Healthy>(story.State());
        Assert.Empty(LastRemembered(story).Filesystems);
    }

    [Fact]
    public void A_filesystem_that_is_listed_as_in_doubt_is_not_well()
    {
        BridgeStory story = WithDeadData()
            .Say(5, 1, 2, Filesystem(), Filesystem("/srv", Verdict.Unknown, "btrfs")).Say(5, 1, 3, Filesystem());
        Assert.Single(story.Of<RecoveryAction.RememberFaulty>());
        Assert.Contains("/srv", Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
    }

    [Fact]
    public void A_guest_that_does_not_come_back_is_forgotten_at_last()
    {
        BridgeStory story = new(Recover with { FaultyKeptFor = TimeSpan.FromHours(1) });
        story.StorageIs(false).Appear().Say(5, 1, 1, Filesystem(verdict: Verdict.JournalAborted)).Gone().Wait(3500);
        Assert.NotNull(story.Record());
        story.Wait(200);
        Assert.Null(story.Record());
        Assert.Empty(LastRemembered(story).Filesystems);
    }

    [Fact]
    public void An_acknowledgement_that_comes_too_late_costs_nothing_that_is_remembered()
    {
        BridgeStory story = WithDeadData().Say(5, 1, 2, Filesystem());
        story.Step(new BridgeInput.Acknowledged(Guest().Uuid));
        Assert.Equal(2, story.Of<RecoveryAction.RememberFaulty>().Count);
        Assert.Equal(DeadData.MountPoint, Assert.Single(LastRemembered(story).Filesystems).MountPoint);
    }

    [Fact]
    public void A_boot_that_the_bridge_did_not_ask_for_starts_with_nothing_remembered()
    {
        BridgeStory story = Restarted(new FaultySeen(Boot(1), [DeadData])).Appear().Say(5, 2, 1, Filesystem());
        Assert.IsType<RecoveryState.Healthy>(story.State());
        Assert.Empty(LastRemembered(story).Filesystems);
    }

    [Fact]
    public void A_guest_that_is_saved_and_restored_is_still_the_same_boot()
    {
        BridgeStory story = WithDeadData().Say(5, 1, 2, Filesystem()).Gone().Wait(600).Appear(6)
            .Say(6, 1, 3, Filesystem()).Wait(TimeOfACheck);
        Assert.Equal(DeadData.MountPoint, story.Operator().AtStake);
    }

    [Fact]
    public void A_guest_that_is_restored_from_an_older_save_is_listened_to()
    {
        BridgeStory story = new BridgeStory().Appear().Say(5, 1, 9, Filesystem()).Say(5, 2, 1, Filesystem())
            .Gone().Appear(6).Say(6, 1, 9, Filesystem());
        Assert.Equal(new RecoveryState.Healthy(Boot(1)), story.State());
    }

    [Fact]
    public void The_boot_that_a_restart_led_to_is_known_as_that_although_it_was_heard_before()
    {
        var story = new BridgeStory();
        DateTimeOffset began = story.Now.Wall.AddMinutes(-1);
        RequestId intent = RequestId.TryParse("reboot-of-before", out RequestId id) ? id : default;
        story.Step(new BridgeInput.HistoryRestored(new GuestHistory(Guest(), [began], Standing: null)
        {
            Open = new OpenIntent(intent, Rung.Reboot, began, new DomainId(5), Boot(1), "/", []),
            Faulty = new FaultySeen(Boot(2), [DeadData]),
        }));
        story.StorageIs(true).Wait(40);
        Assert.Equal(RecoveryPhase.AwaitingNewBoot, Assert.IsType<RecoveryState.Recovering>(story.State()).Phase);
        story.Appear(6).Say(6, 2, 2, Filesystem(), DeadData);
        Assert.IsType<RecoveryState.Verifying>(story.State());
    }

    [Fact]
    public void An_order_is_durable_together_with_what_stays_at_stake()
    {
        var standing = new RecoveryState.NeedsOperator("e2fsck exit 4", OperatorRelease.WhenHealthy, DeadData.MountPoint);
        BridgeStory story = Restarted(faulty: null, standing: standing).Appear().Wait(31)
            .Say(5, 1, 1, Filesystem(verdict: Verdict.RemountedReadOnly)).Order();
        RecoveryAction.RememberFaulty remembered = Assert.Single(
            story.Of<RecoveryAction.RememberFaulty>(), one => one.EndsStanding);
        Assert.Contains(remembered.Faulty.Filesystems, one => one.MountPoint == DeadData.MountPoint);
        int remembering = story.Effects.FindIndex(effect => effect.Action == remembered);
        int intending = story.Effects.FindIndex(effect => effect.Action is RecoveryAction.RecordIntent);
        Assert.True(remembering < intending, $"remembered as effect {remembering}, intended as {intending}");
    }

    [Fact]
    public void A_guest_whose_filesystems_come_and_go_does_not_fill_the_disk()
    {
        BridgeStory story = WithDeadData();
        for (int report = 2; report < 1002; report++)
        {
            story.Say(5, 1, report, report % 2 == 0 ? [Filesystem()] : [DeadData, Filesystem("/tmp", Verdict.Slow)]);
        }

        Assert.InRange(story.Of<RecoveryAction.RememberFaulty>().Count, 1, 70);
        story.Say(5, 1, 1002, Filesystem(), Filesystem("/srv", type: "btrfs"), Filesystem("/tmp")).Wait(60);
        Assert.Empty(LastRemembered(story).Filesystems);
    }
}
