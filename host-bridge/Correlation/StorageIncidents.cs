using HostBridge.Recovery;

namespace HostBridge.Correlation;

/// <summary>A storage incident that is open.</summary>
/// <param name="LunGroup">Its LUN group.</param>
/// <param name="BeganAt">When it began, on the monotonic clock.</param>
internal sealed record OpenStorageIncident(string LunGroup, TimeSpan BeganAt);

/// <summary>
/// Joins what the host sees of its storage with what the guests on it say and what the bridge does, one timeline an
/// incident. An incident of a LUN group begins with the first fault of a part of it, and ends when all of it has been
/// well for the stable time and no guest on it is faulty. Pure; used by the loop alone.
/// </summary>
/// <param name="stableFor">How long everything must have been well.</param>
/// <param name="validFor">For how long a look at a disk says anything.</param>
internal sealed class StorageIncidents(TimeSpan stableFor, TimeSpan validFor)
{
    /// <summary>More arrays than fail at once; of a further one the log of the gates tells.</summary>
    private const int MaxOpen = 64;

    /// <summary>A guest may notice first: its words of this time before the first fault belong to it.</summary>
    private static readonly TimeSpan Prelude = TimeSpan.FromSeconds(60);

    /// <summary>Whoever is away for less may be restarting: xl takes minutes for that on a loaded host.</summary>
    private static readonly TimeSpan MayReturnFor = TimeSpan.FromMinutes(5);

    private readonly GroupBook _book = new(validFor);
    private readonly RecentWords _recent = new(Prelude);
    private readonly SortedDictionary<string, StorageIncident> _open = new(StringComparer.Ordinal);
    private readonly List<TimelineEntry> _entries = [];

    /// <summary>How long everything must have been well.</summary>
    public TimeSpan StableFor { get; set; } = stableFor;

    /// <summary>How many incidents are open.</summary>
    public int Open => _open.Count;

    /// <summary>The open incidents, by the name of their LUN group.</summary>
    public IReadOnlyList<OpenStorageIncident> OpenIncidents
        => [.. _open.Values.Select(one => new OpenStorageIncident(one.LunGroup, one.BeganAt))];

    /// <summary>The first LUN group under these disks with an open incident; null when none has one.</summary>
    public string? OpenUnder(GuestDisks disks)
        => _open.Count == 0 ? null : _book.GroupsOf(disks).FirstOrDefault(_open.ContainsKey);

    /// <summary>Takes in what a look at the storage found, and what the kernel said since the last one.</summary>
    /// <param name="conditions">The disks whose condition changed, or which are said again.</param>
    /// <param name="lines">The lines of the kernel's log.</param>
    /// <param name="guests">Every guest.</param>
    /// <param name="now">This moment.</param>
    public void TakeDisks(
        IReadOnlyList<DiskCondition> conditions, IReadOnlyList<HostLine> lines,
        IReadOnlyCollection<GuestRecord> guests, Moment now)
    {
        foreach (HostLine line in lines)
        {
            foreach (string group in line.LunGroups)
            {
                TakeLine(group, line, now);
            }
        }

        var changes = new PartChanges();
        var lost = new SortedSet<string>(StringComparer.Ordinal);
        foreach (DiskCondition condition in conditions)
        {
            DiskInGroups disk = _book.Update(condition, now.Elapsed, changes);
            NoteFault(disk, now);
            lost.UnionWith(condition.Operational ? [] : disk.Groups);
        }

        foreach ((string group, string text, bool isTurn) in changes.Take())
        {
            _open.GetValueOrDefault(group)?.AddState(now.Elapsed, text, isTurn);
        }

        foreach (StorageIncident incident in lost.Select(group => _open.GetValueOrDefault(group)).OfType<StorageIncident>())
        {
            Warn(incident, guests, now);
        }
    }

    /// <summary>Takes in what one step of a guest led to.</summary>
    /// <param name="guest">The guest as it is after it.</param>
    /// <param name="input">What happened to it.</param>
    /// <param name="actions">What it led to.</param>
    /// <param name="now">This moment.</param>
    public void TakeGuest(
        GuestRecord guest, RecoveryInput input, IReadOnlyList<RecoveryAction> actions, Moment now)
    {
        if (actions.Count == 0 && input is not (RecoveryInput.DomainGone or RecoveryInput.DomainAppeared))
        {
            return;
        }

        IReadOnlyList<string> groups = _book.GroupsOf(guest.Disks);
        foreach (GuestWord word in groups.Count == 0 ? [] : GuestWord.Of(guest, input, actions, now))
        {
            foreach (string group in groups)
            {
                if (_open.GetValueOrDefault(group) is { } incident)
                {
                    incident.AddWord(word);
                }
                else if (word.IsFault)
                {
                    _recent.Add(group, word);
                }
            }
        }
    }

    /// <summary>A second passed: tells what is due, and ends what is over.</summary>
    public void Turn(IReadOnlyCollection<GuestRecord> guests, Moment now)
    {
        _book.Forget(guests, now.Elapsed);
        foreach (StorageIncident incident in _open.Values.ToList())
        {
            incident.TellRepeats(now.Elapsed, isEnd: false);
            if (WhyOver(incident, guests, now) is { } reason)
            {
                incident.TellRepeats(now.Elapsed, isEnd: true);
                string leftOut = incident.LeftOut == 0
                    ? string.Empty
                    : $"; {Words.Text(incident.LeftOut)} entries were left out";
                incident.AddVerdict(
                    TimelineSource.Bridge,
                    now.Elapsed,
                    $"it is over after {Words.Duration(now.Elapsed - incident.BeganAt)}: {reason}{leftOut}",
                    incident.ConcernsGuests ? IncidentTurn.Over : null);
                _entries.AddRange(incident.TakeEntries());
                _open.Remove(incident.LunGroup);
            }
        }
    }

    /// <summary>The entries since the last time, in the order of their moments.</summary>
    public IReadOnlyList<TimelineEntry> TakeEntries()
    {
        foreach (StorageIncident incident in _open.Values)
        {
            _entries.AddRange(incident.TakeEntries());
        }

        if (_entries.Count == 0)
        {
            return [];
        }

        TimelineEntry[] taken = [.. _entries.OrderBy(entry => entry.At)];
        _entries.Clear();
        return taken;
    }

    private void TakeLine(string group, HostLine line, Moment now)
    {
        if (line.IsFault && now.Elapsed - line.LastAt < StableFor)
        {
            Begin(group, line.At, now)?.NoteBad(line.LastAt);
        }

        if (_open.GetValueOrDefault(group) is { } incident && line.LastAt >= incident.BeganAt - Prelude)
        {
            incident.AddLine(line);
        }
    }

    private void NoteFault(DiskInGroups disk, Moment now)
    {
        DiskCondition condition = disk.Condition;
        bool isBad = !condition.Operational || condition.LostPaths is not null;
        foreach (string group in disk.Groups)
        {
            StorageIncident? incident = _open.GetValueOrDefault(group);
            if (disk.NewFault is { } fault && (isBad || now.Elapsed - fault.At < StableFor))
            {
                incident = Begin(group, fault.At, now);
                incident?.NoteBad(fault.At);
            }

            if (isBad)
            {
                incident?.NoteBad(now.Elapsed);
            }
        }
    }

    /// <summary>The open incident of a group, or a new one; null when there are too many.</summary>
    private StorageIncident? Begin(string group, TimeSpan at, Moment now)
    {
        if (_open.GetValueOrDefault(group) is { } known || _open.Count >= MaxOpen)
        {
            return _open.GetValueOrDefault(group);
        }

        var incident = new StorageIncident(group, at < now.Elapsed ? at : now.Elapsed, now);
        _open[group] = incident;
        foreach (GuestWord word in _recent.Take(group, incident.BeganAt))
        {
            incident.AddWord(word);
        }

        return incident;
    }

    /// <summary>Says which guests a fault hits, before any of them says a word; each guest once an incident.</summary>
    private void Warn(StorageIncident incident, IReadOnlyCollection<GuestRecord> guests, Moment now)
    {
        IReadOnlyDictionary<DeviceNumber, DiskCondition> lost = _book.LostOf(incident.LunGroup);
        List<GuestRecord> hit =
        [
            .. guests.Where(guest => guest.Domain is not null && guest.Disks.Devices.Any(lost.ContainsKey)
                && incident.Warned.Add(guest.Identity.Uuid)),
        ];
        if (hit.Count > 0)
        {
            IEnumerable<DiskCondition> theirs = hit.SelectMany(guest => guest.Disks.Devices).Distinct()
                .Where(lost.ContainsKey).Select(device => lost[device]);
            incident.AddVerdict(
                TimelineSource.Bridge,
                now.Elapsed,
                Forecast.Of([.. theirs], [.. hit.Select(guest => guest.Identity.Name)]),
                IncidentTurn.Lost);
        }
    }

    /// <summary>Why an incident is over; null while it is not.</summary>
    private string? WhyOver(StorageIncident incident, IReadOnlyCollection<GuestRecord> guests, Moment now)
    {
        List<GuestRecord> there = [.. guests.Where(guest => _book.IsOn(guest.Disks, incident.LunGroup))];
        if (there.Exists(guest => guest.Domain is not null || guest.State.IsInFlight))
        {
            incident.InhabitedAt = now.Elapsed;
        }
        else
        {
            return now.Elapsed - incident.InhabitedAt >= MayReturnFor ? "no guest of this host is on it any more" : null;
        }

        if (!_book.IsWell(incident.LunGroup, now.Elapsed))
        {
            incident.NoteBad(now.Elapsed);
        }

        if (now.Elapsed - incident.BadAt < StableFor)
        {
            return null;
        }

        if (!incident.IsSaidToBeStable)
        {
            incident.IsSaidToBeStable = true;
            string since = Words.Clock(incident.Wall(incident.BadAt));
            incident.AddVerdict(TimelineSource.Storage, now.Elapsed, $"stable: all of it is well since {since}");
        }

        return there.Exists(IsFaulty) ? null : "the storage is stable and no guest on it is faulty";
    }

    private static bool IsFaulty(GuestRecord guest)
        => guest is { Report: not null, LastSeenFaulty.Count: > 0 }
            || guest.State is RecoveryState.Queued || guest.State.IsInFlight;
}
