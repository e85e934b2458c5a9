using HostBridge;
using HostBridge.Notifications.Grouping;
using HostBridge.Notifications.Telling;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge.Notifications;

/// <summary>How notices become messages: at once, gathered, folded, tried again.</summary>
public sealed class GroupingTests
{
    private const string Lun = "lun-1";

    private readonly DeskStory _story = new();

    [Fact]
    public void A_guest_with_a_trouble_of_its_own_is_told_within_seconds()
    {
        _story.Tell(NoticeKind.NeedsOperator).Wait(3);
        Assert.Equal([NoticeKind.NeedsOperator], Assert.Single(_story.Messages).Notices.Select(one => one.Kind));
    }

    [Fact]
    public void A_few_guests_with_troubles_of_their_own_are_told_one_by_one()
    {
        _story.Tell(NoticeKind.Problem, 1).Tell(NoticeKind.Problem, 2).Wait(5);
        Assert.Equal([1, 1], _story.Messages.Select(message => message.Notices.Count));
    }

    [Fact]
    public void Many_guests_with_troubles_of_their_own_share_a_message()
    {
        for (int guest = 1; guest <= 500; guest++)
        {
            _story.Tell(NoticeKind.NeedsOperator, guest);
        }

        _story.Wait(5);
        Assert.Equal(500, Assert.Single(_story.Messages).Notices.Count);
    }

    [Fact]
    public void A_guest_that_flaps_is_held_to_a_pace_and_nothing_of_it_is_lost()
    {
        for (int turn = 0; turn < 300; turn++)
        {
            _story.Tell(turn % 2 == 0 ? NoticeKind.Problem : NoticeKind.WellAgain).Wait(10);
        }

        Assert.InRange(_story.Messages.Count, 6, 18);
        _story.Wait(600);
        Assert.Equal(300, _story.Messages.Sum(message => message.Notices.Count));
    }

    [Fact]
    public void A_storage_incident_is_one_message_with_its_guests_counted()
    {
        _story.Tell(NoticeKind.StorageLost, guest: null, Lun);
        for (int guest = 1; guest <= 12; guest++)
        {
            _story.Tell(NoticeKind.Problem, guest, Lun);
        }

        _story.Wait(6);
        NoticeBatch first = Assert.Single(_story.Messages);
        Assert.Equal(new GuestCounts(12, 0, 0, 12, 0), first.Counts);
        for (int guest = 1; guest <= 9; guest++)
        {
            _story.Tell(NoticeKind.Recovered, guest, Lun);
        }

        _story.Tell(NoticeKind.NeedsOperator, 10, Lun).Tell(NoticeKind.NeedsOperator, 11, Lun).Wait(16);
        Assert.Equal(2, _story.Messages.Count);
        Assert.Equal(new GuestCounts(12, 9, 0, 1, 2), _story.Messages[^1].Counts);
    }

    [Fact]
    public void A_guest_that_told_before_its_host_saw_the_fault_belongs_to_the_incident()
    {
        _story.Tell(NoticeKind.Problem, 1, incident: null, groups: [Lun]).Wait(1)
            .Tell(NoticeKind.StorageLost, guest: null, Lun).Wait(10);
        Assert.Equal(2, Assert.Single(_story.Messages).Notices.Count);
    }

    [Fact]
    public void The_end_of_an_incident_is_told_at_once_and_the_next_one_begins_anew()
    {
        _story.Tell(NoticeKind.StorageLost, guest: null, Lun).Tell(NoticeKind.Problem, 1, Lun).Wait(10)
            .Tell(NoticeKind.Recovered, 1, Lun).Tell(NoticeKind.StorageOver, guest: null, Lun).Wait(1);
        Assert.Equal(2, _story.Messages.Count);
        _story.Tell(NoticeKind.StorageLost, guest: null, Lun).Wait(6);
        Assert.Equal(0, _story.Messages[^1].Counts!.Value.Affected);
    }

    [Fact]
    public void Progress_that_is_told_after_the_end_of_all_words_is_told_all_the_same()
    {
        _story.Tell(NoticeKind.StorageLost, guest: null, Lun).Wait(6).Tell(NoticeKind.Problem, 1, Lun).Wait(130);
        Assert.Equal(2, _story.Messages.Count);
    }

    [Fact]
    public void After_an_hour_without_the_carrier_everything_is_told_in_a_few_messages()
    {
        _story.IsDown = true;
        _story.Tell(NoticeKind.StorageLost, guest: null, Lun);
        for (int minute = 0; minute < 60; minute++)
        {
            _story.Tell(NoticeKind.Problem, minute + 1, Lun).Wait(60);
        }

        _story.Tell(NoticeKind.NeedsOperator, 100);
        Assert.Empty(_story.Messages);
        // 5 s, doubled up to 5 min: some 17 attempts, and no storm.
        Assert.InRange(_story.Attempts, 12, 25);
        _story.IsDown = false;
        _story.Wait(600);
        Assert.Equal(62, _story.Messages.Sum(message => message.Notices.Count));
        Assert.InRange(_story.Messages.Count, 2, 3);
        Assert.Null(_story.Messages[^1].Folded);
    }

    [Fact]
    public void What_exceeds_the_bound_is_told_by_its_number()
    {
        _story.IsDown = true;
        for (int guest = 1; guest <= 2500; guest++)
        {
            _story.Tell(NoticeKind.Problem, guest);
        }

        _story.Wait(10);
        Assert.Equal(500, _story.FoldedIds.Count);
        _story.IsDown = false;
        _story.Wait(60);
        Assert.Equal(500, _story.Messages[0].Folded?.Count);
        Assert.Equal(2000, _story.Messages[0].Notices.Count);
        _story.Tell(NoticeKind.Problem, 1).Wait(60);
        Assert.Null(_story.Messages[^1].Folded);
    }

    [Fact]
    public void A_message_that_is_refused_for_good_does_not_hold_up_the_others()
    {
        _story.RefusedGuest = 1;
        _story.Tell(NoticeKind.Problem, 1).Wait(5).Tell(NoticeKind.NeedsOperator, 2).Wait(60);
        Assert.Equal(Guest(2), Assert.Single(_story.Messages).Notices[0].Guest);
    }

    [Fact]
    public void After_a_restart_the_rest_is_told_and_the_numbers_hold_the_whole_incident()
    {
        _story.Tell(NoticeKind.StorageLost, guest: null, Lun).Tell(NoticeKind.Problem, 1, Lun)
            .Tell(NoticeKind.Problem, 2, Lun).Wait(6);
        _story.Tell(NoticeKind.Recovered, 1, Lun).Restart().Wait(10);
        NoticeBatch after = _story.Messages[^1];
        Assert.Equal(NoticeKind.Recovered, Assert.Single(after.Notices).Kind);
        Assert.Equal(new GuestCounts(2, 1, 0, 1, 0), after.Counts);
        Assert.NotEmpty(after.Cause);
    }

    [Fact]
    public void Five_hundred_guests_in_one_event_are_five_messages_at_most()
    {
        const int Guests = 500;
        var bridge = new BridgeStory(new RecoveryPolicy());
        bridge.StorageIs(true);
        for (int guest = 1; guest <= Guests; guest++)
        {
            bridge.Appear(guest, guest).Say(guest, guest, 1, Filesystem());
        }

        bridge.Wait(31).StorageIs(false);
        void Pass(int seconds)
        {
            for (int second = 0; second < seconds; second++)
            {
                bridge.Wait(1);
                foreach (BridgeEffect effect in bridge.Effects.Where(effect => effect.Notice is not null))
                {
                    _story.Tell(effect.Notice!);
                }

                foreach (Notice notice in bridge.Loop.TakeTimeline().Select(NoticeBook.Of).OfType<Notice>())
                {
                    _story.Tell(notice);
                }

                bridge.Effects.Clear();
                _story.Wait(1);
            }
        }

        Pass(5);
        for (int guest = 1; guest <= Guests; guest++)
        {
            bridge.Say(guest, guest, 2, Filesystem(verdict: Verdict.JournalAborted));
            Pass(guest % 50 == 0 ? 3 : 0);
        }

        Pass(120);
        bridge.StorageIs(true);
        Pass(60);
        for (int guest = 1; guest <= Guests; guest++)
        {
            bridge.Say(guest, guest, 3, Filesystem());
            Pass(guest % 25 == 0 ? 30 : 0);
        }

        Pass(90);
        Assert.InRange(_story.Messages.Count, 3, 5);
        Assert.Equal(new GuestCounts(Guests, Guests, 0, 0, 0), _story.Messages[^1].Counts);
        Assert.Contains(_story.Messages[^1].Notices, notice => notice.Kind == NoticeKind.StorageOver);
        Assert.Equal(_story.Told, _story.Messages.Sum(message => message.Notices.Count));
    }
}
