using System.Collections.Concurrent;
using System.Diagnostics;
using HostBridge;
using HostBridge.Incidents;
using HostBridge.Notifications;
using HostBridge.Notifications.Carriers;
using HostBridge.Notifications.Grouping;
using HostBridge.Notifications.Telling;
using HostBridge.Notifications.Wording;
using HostBridge.Recovery;
using Microsoft.Extensions.Logging.Abstractions;
using Tests.Unit.Bridge.Incidents;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge.Notifications;

/// <summary>What is to be told is in the state directory until it is told, whenever the bridge is killed.</summary>
public sealed class OutboxTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly string[] Carriers = ["journal", "webhook"];

    private readonly StateDirectory _directory = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_notice_comes_back_as_it_was_with_the_carriers_that_have_not_delivered_it()
    {
        Notice first = Told(1) with { LunGroups = ["lun-1", "lun-2"], Incident = "lun-1", Domain = 5, Mount = "/" };
        Notice storage = Told(2) with { Guest = null, Kind = NoticeKind.StorageLost };
        var folded = new FoldedNotices(7, StateDirectory.Now, StateDirectory.Now.AddHours(1));
        _directory.Run(
            Entry(first), Entry(storage), new StateChange.Delivered("journal", [1], Folded: null),
            new StateChange.Delivered("webhook", [], folded));
        RestoredNotices restored = _directory.Run().Notices;
        Assert.Equal([first.Id, storage.Id], restored.Notices.Select(notice => notice.Id));
        Assert.Equivalent(first, restored.Notices[0], strict: true);
        Assert.Equivalent(storage, restored.Notices[1], strict: true);
        Assert.Equal([2], restored.Undelivered["journal"]);
        Assert.Equal([1, 2], restored.Undelivered["webhook"].Order());
        Assert.Equal(folded, Assert.Single(restored.Folded).Value);
        _directory.Run(new StateChange.Delivered("webhook", [1, 2], Folded: null));
        Assert.Empty(_directory.Run().Notices.Folded);
    }

    [Fact]
    public void A_notice_is_written_with_its_entry_or_not_at_all()
    {
        using IncidentStore store = _directory.Store();
        store.Open();
        var intentWithoutName = new StateChange.Story(IncidentEntry.Of(
            Guest(), new DomainId(5), TellKind.Intent, "about to", IncidentFacts.None, StateDirectory.Now))
        {
            Outgoing = new OutgoingNotice(Told(1), Carriers),
        };
        Assert.ThrowsAny<Exception>(() => store.Append([intentWithoutName]));
        store.Dispose();
        Assert.Empty(_directory.Run().Notices.Notices);
    }

    [Fact]
    public void Notices_are_kept_for_a_week_and_within_a_number()
    {
        _directory.Run([.. Enumerable.Range(1, 50).Select(number => Entry(Told(number)))]);
        using (IncidentStore store = _directory.Store(new RetentionLimits { MaxNotices = 20 }))
        {
            store.Open();
            store.Prune(StateDirectory.Now);
        }

        Assert.Equal(20, _directory.Run().Notices.Notices.Count);
        using (IncidentStore store = _directory.Store())
        {
            store.Open();
            store.Prune(StateDirectory.Now.AddDays(8));
        }

        RestoredNotices none = _directory.Run().Notices;
        Assert.Empty(none.Notices);
        Assert.Empty(none.Undelivered);
    }

    [Fact]
    public async Task What_a_bridge_that_was_killed_has_not_told_is_told_by_the_next_one_and_once()
    {
        _directory.Run(Entry(Told(1)), Entry(Told(2, guest: 2)), new StateChange.Delivered("journal", [1], Folded: null));
        var journal = new Kept("journal");
        var webhook = new Kept("webhook");
        await RunAsync([journal, webhook], () => webhook.Ids.Count == 2 && journal.Ids.Count == 1);
        Assert.Equal([2], journal.Ids);
        Assert.Equal([1, 2], webhook.Ids.Order());

        var again = new Kept("webhook");
        await RunAsync([again], () => true);
        Assert.Empty(again.Ids);
    }

    [Fact]
    public async Task Without_a_state_directory_it_is_told_all_the_same()
    {
        var journal = new Kept("journal");
        await RunAsync(
            [journal], () => journal.Ids.Count == 1, new IncidentStore(_directory.Folder, stateLock: null),
            service => service.Tell(service.Prepare(Told(0))));
    }

    [Fact]
    public async Task A_carrier_that_hangs_holds_up_no_other_and_nobody_who_tells()
    {
        var journal = new Kept("journal");
        var hook = new Kept("hook") { Hangs = true };
        await RunAsync([hook, journal], () => journal.Ids.Count == 3000, tell: service =>
        {
            for (int number = 0; number < 3000; number++)
            {
                service.Tell(service.Prepare(Told(0, guest: number)));
            }
        });
    }

    private static Notice Told(int number, int guest = 1) => new()
    {
        Id = number,
        At = StateDirectory.Now,
        Kind = NoticeKind.NeedsOperator,
        Guest = Guest(guest),
        What = "it does not write",
        Why = "nobody knows",
        Done = "nothing",
        ToDo = "see to it",
    };

    private static StateChange Entry(Notice notice)
        => ((StateChange.Story)StateDirectory.Entry(TellKind.Operator, "needed")) with
        {
            Outgoing = new OutgoingNotice(notice, Carriers),
        };

    private async Task RunAsync(
        IReadOnlyList<INoticeCarrier> carriers, Func<bool> isDone, IncidentStore? store = null,
        Action<NotificationService>? tell = null)
    {
        var clock = new BridgeClock(TimeProvider.System);
        using var log = new IncidentLog(
            store ?? _directory.Store(), new BridgeInputQueue(), clock, NullLogger<IncidentLog>.Instance);
        RestoredIncidents restored = await log.OpenAsync(Cancellation);
        var settings = new NotificationSettings
        {
            Grouping = new GroupingLimits { MaxWaiting = 10_000, SingleWindow = TimeSpan.Zero },
        };
        using var service = new NotificationService(
            settings, carriers, log, clock, NullLogger<NotificationService>.Instance);
        service.Restore(restored.Notices);
        tell?.Invoke(service);
        await service.StartAsync(Cancellation);
        long start = Stopwatch.GetTimestamp();
        while (!isDone())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Limit, "it is not told");
            await Task.Delay(TimeSpan.FromMilliseconds(20), Cancellation);
        }

        await service.StopAsync(Cancellation);
        await log.StopAsync(Cancellation);
    }

    /// <summary>A carrier that keeps what it is given, or never comes back.</summary>
    private sealed class Kept(string name) : INoticeCarrier
    {
        private readonly ConcurrentQueue<long> _ids = new();

        public bool Hangs { get; init; }

        public string Name => name;

        public IReadOnlyList<long> Ids => [.. _ids];

        public async Task<string?> DeliverAsync(NoticeMessage message, CancellationToken cancellationToken)
        {
            if (Hangs)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            }

            foreach (Notice notice in message.Batch.Notices)
            {
                _ids.Enqueue(notice.Id);
            }

            return null;
        }
    }
}
