using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>What is out of sight is not well: filesystems that leave the report while they are faulty.</summary>
public sealed class VanishedTests
{
    /// <summary>In seconds, beyond what a boot with a check of disks of unknown size may take.</summary>
    private const int TimeOfACheck = 9000;

    private static BridgeStory WithFailedRepair()
        => new BridgeStory().WithAbortedData().RecordIntent()
            .Answer(RequestStatus.Accepted)
            .Say(5, 1, 3, Filesystem())
            .Answer(RequestStatus.Failed, OutcomeReason.CheckFailed, fsck: 4);

    [Fact]
    public void A_failed_repair_that_leaves_the_filesystem_unmounted_stays_with_the_operator()
    {
        BridgeStory story = WithFailedRepair();
        Assert.Contains("e2fsck exit 4", story.Operator().Reason);
        story.Wait(5).Say(5, 1, 4, Filesystem()).Wait(5);
        Assert.Equal(MountPoint.FromText("/srv"), story.Operator().AtStake);
        Assert.Empty(story.Told(TellKind.Proof));
    }

    [Fact]
    public void It_stays_so_over_a_restart_of_the_guest_that_does_not_mount_it()
    {
        BridgeStory story = WithFailedRepair().Gone().Appear(6).Say(6, 2, 1, Filesystem()).Wait(5);
        story.Operator();
        story.Say(6, 2, 2, Filesystem(), Filesystem("/srv", Verdict.Unknown));
        story.Operator();
        story.Say(6, 2, 3, Filesystem(), Filesystem("/srv"));
        Assert.Equal(new RecoveryState.Healthy(Boot(2)), story.State());
        Assert.Single(story.Told(TellKind.Proof));
    }

    [Fact]
    public void Once_it_is_listed_as_well_again_the_operator_is_released()
    {
        BridgeStory story = WithFailedRepair().Say(5, 1, 4, Filesystem(), Filesystem("/srv"));
        Assert.IsType<RecoveryState.Healthy>(story.State());
        Assert.Single(story.Told(TellKind.Proof));
    }

    [Fact]
    public void A_person_who_removes_the_hold_releases_the_operator_too()
    {
        BridgeStory story = WithFailedRepair().Complete(new RecoveryInput.HoldReleased());
        Assert.IsType<RecoveryState.Healthy>(story.State());
        Assert.Empty(story.Told(TellKind.Proof));
    }

    [Theory]
    [InlineData(Verdict.JournalAborted, false)]
    [InlineData(Verdict.JournalAborted, true)]
    [InlineData(Verdict.ErrorsRecorded, true)]
    public void A_faulty_filesystem_that_is_unmounted_is_told_as_no_longer_mounted(Verdict verdict, bool storage)
    {
        var story = new BridgeStory();
        story.StorageIs(storage).Appear().Wait(31)
            .Say(5, 1, 1, Filesystem("/srv", verdict, "btrfs"), Filesystem());
        story.Say(5, 1, 2, Filesystem()).Wait(5);
        string expected = "/srv (xvda, btrfs) is no longer mounted; it was " + verdict.ToName();
        Assert.Contains(expected, Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
        story.Wait(TimeOfACheck);
        Assert.Contains(expected, story.Operator().Reason);
        Assert.Equal(MountPoint.FromText("/srv"), story.Operator().AtStake);
        Assert.Empty(story.Told(TellKind.Proof));
        Assert.DoesNotContain(story.Told(TellKind.Decision), text => text.Contains("well", StringComparison.Ordinal));

        story.Say(5, 1, 3, Filesystem(), Filesystem("/srv", type: "btrfs"));
        Assert.IsType<RecoveryState.Healthy>(story.State());
        Assert.Single(story.Told(TellKind.Proof));
    }

    [Fact]
    public void A_person_who_orders_another_recovery_does_not_make_it_well()
    {
        BridgeStory story = WithFailedRepair().Wait(601);
        story.Say(5, 1, 5, Filesystem(verdict: Verdict.RemountedReadOnly)).Order().RecordIntent()
            .Answer(RequestStatus.Accepted)
            .Say(5, 1, 6, Filesystem())
            .Answer(RequestStatus.Done, probe: "ok");
        Assert.Contains("/ writes again", Assert.Single(story.Told(TellKind.Proof)));
        Assert.Contains("/srv", story.Operator().Reason);
        Assert.Contains("mounted", story.Operator().Reason);
    }

    [Fact]
    public void A_well_filesystem_that_is_unmounted_is_no_matter()
    {
        var story = new BridgeStory().Appear().Say(5, 1, 1, Filesystem(), Filesystem("/srv")).Say(5, 1, 2, Filesystem());
        Assert.IsType<RecoveryState.Healthy>(story.State());
    }

    [Fact]
    public void A_filesystem_that_an_asked_for_restart_does_not_bring_back_is_not_well()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Wait(31)
            .Say(5, 1, 1, Filesystem(verdict: Verdict.JournalAborted), Filesystem("/srv", Verdict.JournalAborted))
            .RecordIntent().Arm().Answer(RequestStatus.Accepted).Gone().Appear(6).Say(6, 2, 1, Filesystem())
            .ReadFsck(1).Answer(RequestStatus.Done, probe: "ok", domain: 6);
        Assert.Contains("/ writes again", Assert.Single(story.Told(TellKind.Proof)));
        Assert.Contains("/srv (xvda, ext3) is no longer mounted",
            Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
        story.Wait(TimeOfACheck);
        Assert.Contains("/srv (xvda, ext3) is no longer mounted", story.Operator().Reason);
        story.Say(6, 2, 2, Filesystem(), Filesystem("/srv"));
        Assert.Equal(new RecoveryState.Healthy(Boot(2)), story.State());
    }

    [Fact]
    public void Two_filesystems_out_of_sight_are_both_named_and_the_second_stays_when_the_first_is_well()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Wait(31).Say(
            5, 1, 1, Filesystem("/srv", Verdict.JournalAborted, "btrfs"), Filesystem("/data", Verdict.JournalAborted, "btrfs"),
            Filesystem());
        story.Say(5, 1, 2, Filesystem()).Wait(TimeOfACheck);
        Assert.Contains("/srv", story.Operator().Reason);
        Assert.Contains("/data", story.Operator().Reason);

        story.Say(5, 1, 3, Filesystem(), Filesystem("/srv", type: "btrfs"));
        Assert.Equal(MountPoint.FromText("/data"), story.Operator().AtStake);
        Assert.Empty(story.Told(TellKind.Proof));
        story.Say(5, 1, 4, Filesystem(), Filesystem("/srv", type: "btrfs"), Filesystem("/data", type: "btrfs"));
        Assert.IsType<RecoveryState.Healthy>(story.State());
    }

    [Fact]
    public void An_operator_who_is_needed_for_one_filesystem_is_told_once_that_another_died()
    {
        BridgeStory story = WithFailedRepair();
        int told = story.Told(TellKind.Operator).Count;
        for (int report = 4; report < 8; report++)
        {
            story.Say(5, 1, report, Filesystem(verdict: Verdict.JournalAborted)).Wait(5);
        }

        Assert.Contains("; also / (xvda, ext3) is journal-aborted", story.Operator().Reason);
        Assert.Equal(MountPoint.FromText("/srv"), story.Operator().AtStake);
        Assert.Equal(told + 1, story.Told(TellKind.Operator).Count);
    }

    [Fact]
    public void What_is_out_of_sight_is_told_although_another_filesystem_is_slow()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Wait(31)
            .Say(5, 1, 1, Filesystem("/srv", Verdict.JournalAborted, "btrfs"), Filesystem());
        story.Say(5, 1, 2, Filesystem(verdict: Verdict.Slow)).Wait(TimeOfACheck);
        Assert.Contains("/srv", story.Operator().Reason);
    }

    [Fact]
    public void While_a_second_one_may_come_back_the_operator_of_the_first_stays()
    {
        BridgeStory story = WithFailedRepair()
            .Say(5, 1, 4, Filesystem(), Filesystem("/data", Verdict.JournalAborted, "btrfs"))
            .Say(5, 1, 5, Filesystem(), Filesystem("/srv"));
        Assert.Equal(MountPoint.FromText("/srv"), story.Operator().AtStake);
        story.Wait(TimeOfACheck);
        Assert.Equal(MountPoint.FromText("/data"), story.Operator().AtStake);
        story.Say(5, 1, 6, Filesystem(), Filesystem("/srv"), Filesystem("/data", type: "btrfs"));
        Assert.IsType<RecoveryState.Healthy>(story.State());
        Assert.Single(story.Told(TellKind.Proof));
    }

    /// <summary>As agent 0.1.0 reports a guest whose root is a reiserfs.</summary>
    [Fact]
    public void A_guest_whose_root_is_not_in_its_report_is_not_healthy()
    {
        BridgeStory story = new BridgeStory().Appear(5).Say(5, 1, 1, Filesystem("/boot", type: "ext2"));
        story.Wait(60).Say(5, 1, 2, Filesystem("/boot", type: "ext2"));
        Assert.Contains("its root is not in its report", Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
        story.Say(5, 1, 3, Filesystem("/boot", type: "ext2"), Filesystem(type: "reiserfs"));
        Assert.IsType<RecoveryState.Healthy>(story.State());
        story.Say(5, 1, 4, Filesystem("/boot", type: "ext2"), Filesystem("/", Verdict.Unknown, "nfs"));
        Assert.IsType<RecoveryState.Suspect>(story.State());
    }
}
