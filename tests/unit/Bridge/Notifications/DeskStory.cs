using HostBridge.Notifications.Grouping;
using HostBridge.Notifications.Telling;

namespace Tests.Unit.Bridge.Notifications;

/// <summary>One carrier, which may be down, second by second; without a clock.</summary>
internal sealed class DeskStory
{
    private readonly List<Notice> _kept = [];
    private readonly HashSet<long> _undelivered = [];
    private CarrierDesk _desk = NewDesk(TimeSpan.Zero);
    private TimeSpan _now;

    /// <summary>Whether every delivery fails.</summary>
    public bool IsDown { get; set; }

    /// <summary>The guest whose messages are refused; null for none.</summary>
    public int? RefusedGuest { get; set; }

    /// <summary>What was delivered.</summary>
    public List<NoticeBatch> Messages { get; } = [];

    /// <summary>The numbers of what was given up.</summary>
    public List<long> FoldedIds { get; } = [];

    /// <summary>How many notices there were.</summary>
    public int Told => _kept.Count;

    /// <summary>How many deliveries were tried.</summary>
    public int Attempts { get; private set; }

    public DeskStory Tell(NoticeKind kind, int? guest = 1, string? incident = null, IReadOnlyList<string>? groups = null)
        => Tell(new Notice
        {
            At = DateTimeOffset.UnixEpoch + _now,
            Kind = kind,
            Guest = guest is { } number ? BridgeStory.Guest(number) : null,
            Incident = incident,
            LunGroups = groups ?? [],
            What = $"{kind} of {guest}",
            ToDo = kind.IsUrgent() ? "see to it" : string.Empty,
        });

    public DeskStory Tell(Notice notice)
    {
        Notice numbered = notice with { Id = _kept.Count + 1 };
        _kept.Add(numbered);
        _undelivered.Add(numbered.Id);
        _desk.Add(numbered, _now);
        return this;
    }

    public DeskStory Wait(int seconds)
    {
        for (int second = 0; second < seconds; second++)
        {
            _now += TimeSpan.FromSeconds(1);
            FoldedIds.AddRange(_desk.TakeFoldedIds());
            while (_desk.Take(_now) is { } batch)
            {
                Attempts++;
                bool isRefused = IsDown
                    || (RefusedGuest is { } refused && batch.Notices.Any(one => one.Guest == BridgeStory.Guest(refused)));
                _undelivered.ExceptWith(_desk.Complete(!isRefused, _now));
                if (!isRefused)
                {
                    Messages.Add(batch);
                }
            }
        }

        return this;
    }

    /// <summary>The bridge is killed, and started again on what was kept.</summary>
    public DeskStory Restart()
    {
        _desk = NewDesk(_now);
        _desk.Restore(_kept, _undelivered, folded: null, _now);
        return this;
    }

    private static CarrierDesk NewDesk(TimeSpan now) => new("webhook", new GroupingLimits(), now);
}
