using HostBridge.Guests;
using HostBridge.Notifications.Telling;
using HostBridge.Recovery;

namespace HostBridge.Notifications.Grouping;

/// <summary>
/// What waits for one carrier, and what the next message is: one storage incident, one guest with a trouble of its own,
/// or many of those together. While the carrier fails, what comes in is gathered, so that an hour without it ends with
/// a few messages and not with a flood. Pure; one message is under way at a time.
/// </summary>
/// <param name="carrier">Its name; it scatters the waits.</param>
/// <param name="limits">The limits.</param>
/// <param name="start">The moment of creation, on the monotonic clock.</param>
internal sealed class CarrierDesk(string carrier, GroupingLimits limits, TimeSpan start)
{
    private readonly List<WaitingNotice> _waiting = [];
    private readonly List<long> _foldedIds = [];
    private readonly Dictionary<string, IncidentGroup> _groups = new(StringComparer.Ordinal);
    private readonly Dictionary<Guid, TokenBucket> _guests = [];
    private readonly TokenBucket _singles = new(limits.SingleBurst, limits.SingleRefill, start);
    private NoticeBatch? _underWay;
    private TimeSpan _notBefore;
    private string? _triedLast;
    private int _failures;

    /// <summary>What is told by its number alone with the next message; null for nothing.</summary>
    public FoldedNotices? Folded { get; private set; }

    /// <summary>How many notices wait.</summary>
    public int Waiting => _waiting.Count;

    /// <summary>Takes in what was kept over a restart of the bridge.</summary>
    /// <param name="notices">All that is kept, in its order.</param>
    /// <param name="undelivered">The numbers of those that this carrier has not delivered.</param>
    /// <param name="folded">What is still to be told by its number; null for nothing.</param>
    /// <param name="now">This moment, on the monotonic clock.</param>
    public void Restore(
        IEnumerable<Notice> notices, IReadOnlySet<long> undelivered, FoldedNotices? folded, TimeSpan now)
    {
        Folded = folded;
        foreach (Notice notice in notices)
        {
            Note(notice, now);
            if (undelivered.Contains(notice.Id))
            {
                _waiting.Add(new WaitingNotice(notice, now));
            }
            else if (notice is { Kind: NoticeKind.StorageOver, Incident: { } over })
            {
                _groups.Remove(over);
            }
        }

        Bound(now);
    }

    /// <summary>A notice is to be told.</summary>
    public void Add(Notice notice, TimeSpan now)
    {
        Note(notice, now);
        _waiting.Add(new WaitingNotice(notice, now));
        Bound(now);
    }

    /// <summary>
    /// What is to be told now; null when nothing is due. It is under way until <see cref="Complete"/> is called.
    /// </summary>
    public NoticeBatch? Take(TimeSpan now)
    {
        Bound(now);
        if (_underWay is not null || now < _notBefore || _waiting.Count == 0)
        {
            return null;
        }

        Candidate? next = Candidates(now)
            .OrderBy(one => one.Key == _triedLast)
            .ThenByDescending(one => one.IsUrgent)
            .ThenBy(one => one.Notices[0].Since)
            .FirstOrDefault();
        if (next is null)
        {
            return null;
        }

        _triedLast = next.Key;
        IncidentGroup? group = next.Incident is { } incident ? _groups[incident] : null;
        _underWay = new NoticeBatch([.. next.Notices.Select(one => one.Notice)])
        {
            Incident = next.Incident,
            Cause = group?.Cause ?? string.Empty,
            Counts = group?.Count(),
            Folded = Folded,
        };
        return _underWay;
    }

    /// <summary>The message that was under way was delivered, or not.</summary>
    /// <returns>The numbers of the notices that are told now; none when it was not delivered.</returns>
    public IReadOnlyList<long> Complete(bool isDelivered, TimeSpan now)
    {
        NoticeBatch batch = _underWay ?? throw new InvalidOperationException("nothing was under way");
        _underWay = null;
        if (!isDelivered)
        {
            _failures++;
            _notBefore = now + Backoff.After(_failures, limits.FirstRetry, limits.LongestRetry, carrier);
            return [];
        }

        (_failures, _notBefore, _triedLast) = (0, default, null);
        if (Folded is { } folded && batch.Folded is { } told)
        {
            // More may have been folded while it was under way.
            Folded = folded.Count > told.Count ? folded with { Count = folded.Count - told.Count } : null;
        }

        Charge(batch, now);
        HashSet<long> ids = [.. batch.Notices.Select(notice => notice.Id)];
        _waiting.RemoveAll(one => ids.Contains(one.Notice.Id));
        return [.. ids];
    }

    /// <summary>The numbers of the notices that were folded since the last time.</summary>
    public IReadOnlyList<long> TakeFoldedIds()
    {
        long[] taken = [.. _foldedIds];
        _foldedIds.Clear();
        return taken;
    }

    private void Note(Notice notice, TimeSpan now)
    {
        if (notice.Incident is { } incident && !_groups.ContainsKey(incident))
        {
            _groups[incident] = new IncidentGroup(limits, now);
        }

        if (GroupOf(notice) is { } group)
        {
            _groups[group].Note(notice, now);
        }
    }

    /// <summary>The incident that a notice belongs to: one that was seen only after it counts as well.</summary>
    private string? GroupOf(Notice notice)
        => notice.Incident is { } incident && _groups.ContainsKey(incident)
            ? incident
            : notice.LunGroups.FirstOrDefault(_groups.ContainsKey);

    private List<Candidate> Candidates(TimeSpan now)
    {
        var candidates = new List<Candidate>();
        ILookup<string?, WaitingNotice> byIncident =
            _waiting.ToLookup(one => GroupOf(one.Notice), StringComparer.Ordinal);
        foreach (IGrouping<string?, WaitingNotice> group in byIncident)
        {
            WaitingNotice[] waiting = [.. group];
            if (group.Key is { } incident && _groups[incident].DueAt(waiting) <= now)
            {
                candidates.Add(new Candidate($"incident {incident}", waiting) { Incident = incident });
            }
        }

        if (!_singles.HasOne(now))
        {
            return candidates;
        }

        List<Candidate> due =
        [
            .. byIncident[null].GroupBy(one => one.Notice.Guest?.Uuid ?? Guid.Empty)
                .Where(one => one.Any(notice => notice.Since + limits.SingleWindow <= now)
                    && BucketOf(one.Key, now).HasOne(now))
                .Select(one => new Candidate($"guest {one.Key:D}", [.. one])),
        ];
        if (due.Count > limits.MaxSingles)
        {
            due = [new Candidate("guests", [.. due.SelectMany(one => one.Notices).OrderBy(one => one.Notice.Id)])];
        }

        candidates.AddRange(due);
        return candidates;
    }

    private void Charge(NoticeBatch batch, TimeSpan now)
    {
        if (batch.Incident is { } incident && _groups.TryGetValue(incident, out IncidentGroup? group))
        {
            group.NoteTold(now);
            if (batch.Notices.Any(notice => notice.Kind == NoticeKind.StorageOver))
            {
                _groups.Remove(incident);
            }
        }
        else if (batch.Incident is null)
        {
            _singles.TryTake(now);
            foreach (Guid guest in batch.Notices.Select(notice => notice.Guest?.Uuid ?? Guid.Empty).Distinct())
            {
                BucketOf(guest, now).TryTake(now);
            }
        }
    }

    private TokenBucket BucketOf(Guid guest, TimeSpan now)
    {
        if (!_guests.TryGetValue(guest, out TokenBucket? bucket))
        {
            _guests[guest] = bucket = new TokenBucket(limits.GuestBurst, limits.GuestRefill, now);
        }

        return bucket;
    }

    /// <summary>Holds what is kept within its limits; what is under way is left as it is.</summary>
    private void Bound(TimeSpan now)
    {
        while (_underWay is null && _waiting.Count > 0
            && (_waiting.Count > limits.MaxWaiting || now - _waiting[0].Since >= limits.MaxWait))
        {
            Folded = FoldedNotices.Add(Folded, _waiting[0].Notice);
            _foldedIds.Add(_waiting[0].Notice.Id);
            _waiting.RemoveAt(0);
        }

        foreach ((string name, IncidentGroup group) in _groups)
        {
            if (now - group.HeardAt >= limits.GroupIdle && _waiting.TrueForAll(one => GroupOf(one.Notice) != name))
            {
                _groups.Remove(name);
            }
        }

        if (_guests.Count > limits.MaxWaiting)
        {
            foreach ((Guid guest, TokenBucket bucket) in _guests)
            {
                if (bucket.IsFull(now))
                {
                    _guests.Remove(guest);
                }
            }
        }
    }

    /// <summary>A message that might be next.</summary>
    private sealed record Candidate(string Key, IReadOnlyList<WaitingNotice> Notices)
    {
        public string? Incident { get; init; }

        public bool IsUrgent => Notices.Any(one => one.Notice.Kind.IsUrgent());
    }
}
