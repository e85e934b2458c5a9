using HostBridge.Notifications.Telling;

namespace HostBridge.Notifications.Grouping;

/// <summary>A storage incident as one carrier tells it: its guests, and when the next message about it is due.</summary>
/// <param name="limits">The limits.</param>
/// <param name="start">The moment of creation, on the monotonic clock.</param>
internal sealed class IncidentGroup(GroupingLimits limits, TimeSpan start)
{
    private readonly Dictionary<Guid, NoticeKind> _guests = [];
    private int _told;
    private TimeSpan _toldAt;

    /// <summary>What began it; empty when that is not known.</summary>
    public string Cause { get; private set; } = string.Empty;

    /// <summary>When it was last heard of, on the monotonic clock.</summary>
    public TimeSpan HeardAt { get; private set; } = start;

    /// <summary>Takes a notice into the numbers.</summary>
    public void Note(Notice notice, TimeSpan now)
    {
        HeardAt = now;
        if (notice.Guest is { } guest)
        {
            _guests[guest.Uuid] = notice.Kind;
        }
        else if (notice.Kind == NoticeKind.StorageLost && Cause.Length == 0)
        {
            Cause = notice.What;
        }
    }

    /// <summary>How its guests stand.</summary>
    public GuestCounts Count()
    {
        int healed = Of(kind => kind is NoticeKind.Recovered or NoticeKind.WellAgain);
        int recovering = Of(kind => kind is NoticeKind.RecoveryBegun or NoticeKind.Escalated);
        int needOperator = Of(NoticeKinds.IsUrgent);
        return new GuestCounts(
            _guests.Count, healed, recovering, _guests.Count - healed - recovering - needOperator, needOperator);
    }

    /// <summary>When what waits is to be told, on the monotonic clock.</summary>
    public TimeSpan DueAt(IReadOnlyList<WaitingNotice> waiting)
    {
        TimeSpan due = _told == 0
            ? waiting[0].Since + limits.FirstWindow
            : _toldAt + After(limits.ProgressAfter);
        foreach (WaitingNotice one in waiting)
        {
            TimeSpan? earlier = one.Notice.Kind switch
            {
                NoticeKind.StorageOver => one.Since,
                var kind when kind.IsUrgent() => Later(
                    one.Since + limits.UrgentWindow, _told == 0 ? TimeSpan.Zero : _toldAt + After(limits.UrgentAfter)),
                _ => null,
            };
            due = earlier < due ? earlier.Value : due;
        }

        return due;
    }

    /// <summary>A message about it was delivered.</summary>
    public void NoteTold(TimeSpan now) => (_told, _toldAt) = (_told + 1, now);

    private int Of(Func<NoticeKind, bool> predicate) => _guests.Values.Count(predicate);

    private TimeSpan After(IReadOnlyList<TimeSpan> waits) => waits[Math.Min(_told, waits.Count) - 1];

    private static TimeSpan Later(TimeSpan one, TimeSpan other) => one > other ? one : other;
}

/// <summary>A notice that was not delivered yet.</summary>
/// <param name="Notice">The notice.</param>
/// <param name="Since">Since when it waits, on the monotonic clock.</param>
internal sealed record WaitingNotice(Notice Notice, TimeSpan Since);
