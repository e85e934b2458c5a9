using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>Recoveries that fail one after another stop new ones, until a person looks or time has passed.</summary>
public sealed class BreakerTests
{
    /// <summary>Guests on one LUN group whose roots are dead; each on a disk of its own.</summary>
    private static BridgeStory With(int guests)
    {
        var story = new BridgeStory(Recover with { MaxPerLunGroup = 1, MaxPerHost = 1 });
        Add(story, 1, guests);
        return story;
    }

    private static void Add(BridgeStory story, int first, int last)
    {
        for (int guest = first; guest <= last; guest++)
        {
            var disk = new DeviceNumber(8, guest);
            story.StorageIs(true, disk, "lun").Appear(guest, guest, disk);
        }

        story.Wait(31, guest: 99);
        for (int guest = first; guest <= last; guest++)
        {
            story.Say(guest, guest, 1, Filesystem(verdict: Verdict.JournalAborted));
        }
    }

    private static void Fail(BridgeStory story, int guest)
        => story.RecordIntent(guest).Arm(ArmingResult.Failed, guest);

    private static void Succeed(BridgeStory story, int guest)
        => story.RecordIntent(guest).Arm(guest: guest).Answer(RequestStatus.Accepted, domain: guest, guest: guest)
            .Say(guest, 100 + guest, 1, Filesystem()).ReadFsck(0, guest)
            .Answer(RequestStatus.Done, probe: "ok", domain: guest, guest: guest);

    private static void LetPass(BridgeStory story, int seconds)
    {
        for (int second = 0; second < seconds; second += 60)
        {
            story.Wait(60, guest: 99);
            foreach (GuestRecord guest in story.Loop.Guests.Where(one => one.Report is not null).ToList())
            {
                story.Step(new BridgeInput.ReportRead(guest.Identity.Uuid, guest.Domain!.Value, guest.Report!, IsNew: true));
            }
        }
    }

    private static int Begun(BridgeStory story) => story.Of<RecoveryAction.RecordIntent>().Count;

    private static BridgeStory Tripped()
    {
        BridgeStory story = With(guests: 6);
        Fail(story, 1);
        Fail(story, 2);
        Assert.Equal(3, Begun(story));
        Fail(story, 3);
        return story;
    }

    [Fact]
    public void After_three_failures_in_a_row_none_begins_any_more_and_that_is_told_once()
    {
        BridgeStory story = Tripped();
        LetPass(story, 3300);
        Assert.Equal(3, Begun(story));
        Assert.IsType<RecoveryState.Queued>(story.State(4));
        Assert.Contains("LUN group lun and this host",
            Assert.Single(story.Told(TellKind.Operator), text => text.Contains("too many", StringComparison.Ordinal)));
    }

    [Fact]
    public void After_the_cool_down_one_is_tried_and_its_success_lets_the_others_begin()
    {
        BridgeStory story = Tripped();
        LetPass(story, 3600);
        story.Wait(1, guest: 99);
        Assert.Equal(4, Begun(story));
        Succeed(story, 4);
        Assert.Equal(5, Begun(story));
    }

    [Fact]
    public void A_trial_that_fails_begins_the_wait_anew()
    {
        BridgeStory story = Tripped();
        LetPass(story, 3600);
        story.Wait(1, guest: 99);
        Fail(story, 4);
        LetPass(story, 3540);
        Assert.Equal(4, Begun(story));
        LetPass(story, 60);
        story.Wait(1, guest: 99);
        Assert.Equal(5, Begun(story));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_person_who_acknowledges_lets_them_begin_again(bool isForTheHost)
    {
        BridgeStory story = Tripped();
        story.Step(new BridgeInput.Acknowledged(isForTheHost ? null : Guest(3).Uuid));
        story.Wait(1, guest: 99);
        Assert.Equal(4, Begun(story));
    }

    [Fact]
    public void A_success_between_makes_it_count_anew()
    {
        BridgeStory story = With(guests: 6);
        Fail(story, 1);
        Fail(story, 2);
        Succeed(story, 3);
        Fail(story, 4);
        Assert.Equal(5, Begun(story));
    }

    [Fact]
    public void Failures_that_are_over_an_hour_apart_do_not_add_up()
    {
        BridgeStory story = With(guests: 2);
        Fail(story, 1);
        Fail(story, 2);
        LetPass(story, 3600);
        Add(story, 3, 5);
        Fail(story, 3);
        Fail(story, 4);
        Assert.Equal(5, Begun(story));
    }

    [Fact]
    public void Many_guests_that_are_unwell_are_no_failure()
    {
        BridgeStory story = With(guests: 6);
        for (int guest = 1; guest <= 5; guest++)
        {
            story.RecordIntent(guest).Arm(guest: guest)
                .Answer(RequestStatus.Refused, OutcomeReason.FaultGone, domain: guest, guest: guest);
        }

        Assert.Equal(6, Begun(story));
    }

    [Fact]
    public void What_failed_before_a_restart_of_the_bridge_counts_after_it()
    {
        BridgeStory story = Restored(proof: null);
        Add(story, 4, 5);
        LetPass(story, 2400);
        Assert.Equal(0, Begun(story));
        LetPass(story, 1200);
        Assert.Equal(1, Begun(story));
    }

    [Fact]
    public void A_proof_after_the_failures_counts_after_a_restart_too()
    {
        BridgeStory story = Restored(proof: 5);
        Add(story, 4, 5);
        Assert.Equal(1, Begun(story));
    }

    [Fact]
    public void A_person_acknowledges_what_failed_before_a_restart()
    {
        BridgeStory story = Restored(proof: null);
        Add(story, 4, 5);
        story.Step(new BridgeInput.Acknowledged(Guest: null));
        story.Wait(1, guest: 99);
        Assert.Equal(1, Begun(story));
    }

    [Fact]
    public void What_failed_before_a_restart_stops_its_own_group_alone_where_the_host_had_a_success_since()
    {
        BridgeStory story = Restored(proof: 5);
        // The one that was proved lies on another group than those that failed.
        for (int guest = 1; guest <= 3; guest++)
        {
            var failed = new DeviceNumber(8, guest);
            story.StorageIs(true, failed, "lun").Appear(guest, guest, failed);
        }

        var other = new DeviceNumber(9, 1);
        story.StorageIs(true, other, "other").Appear(20, 20, other);
        Add(story, 4, 4);
        Assert.Equal(0, Begun(story));
    }

    /// <summary>Three guests failed 20, 15 and 10 minutes ago; another was proved so many minutes ago, or none was.</summary>
    private static BridgeStory Restored(int? proof)
    {
        var story = new BridgeStory(Recover with { MaxPerLunGroup = 1, MaxPerHost = 1 });
        for (int guest = 1; guest <= 3; guest++)
        {
            DateTimeOffset failed = story.Now.Wall.AddMinutes(-25 + (guest * 5));
            var standing = new RecoveryState.NeedsOperator("it failed", OperatorRelease.WhenHealthy, MountPoint.Root);
            story.Step(new BridgeInput.HistoryRestored(
                new GuestHistory(Guest(guest), [failed], standing) { FailedAt = failed }));
        }

        if (proof is { } minutes)
        {
            DateTimeOffset proved = story.Now.Wall.AddMinutes(-minutes);
            story.Step(new BridgeInput.HistoryRestored(
                new GuestHistory(Guest(20), [proved], Standing: null) { ProvedAt = proved }));
        }

        return story;
    }
}
