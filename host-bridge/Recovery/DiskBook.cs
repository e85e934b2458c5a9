namespace HostBridge.Recovery;

/// <summary>A judgement, and for how long it need not be made anew.</summary>
/// <param name="View">The storage under the guest.</param>
/// <param name="Domain">The domain it was made for.</param>
/// <param name="Disks">The disks it was made of.</param>
/// <param name="Version">What the book had taken in.</param>
/// <param name="ValidUntil">When time alone changes it, on the monotonic clock.</param>
internal sealed record StorageJudgement(
    StorageView View, DomainId? Domain, GuestDisks Disks, long Version, TimeSpan ValidUntil);

/// <summary>
/// Remembers since when each disk is operational, and judges the gate of a guest from it. A disk that flaps, or that
/// was not checked for too long, begins to count anew. A disk that is not the one it was when its domain was first
/// seen closes the gate of that domain. What a guest may only read need not be writable, and may be changed, as a CD is.
/// </summary>
/// <param name="stableFor">How long a disk must have been operational before anything is done to its guests.</param>
/// <param name="validFor">For how long a check says anything.</param>
internal sealed class DiskBook(TimeSpan stableFor, TimeSpan validFor)
{
    /// <summary>Disks of which nobody can tell what they share count as one group.</summary>
    private static readonly IReadOnlyList<string> UnknownGroup = ["unknown"];

    private readonly Dictionary<DeviceNumber, Entry> _entries = [];
    private readonly Dictionary<(DomainId Domain, DeviceNumber Device), string> _identities = [];

    /// <summary>Counts what may change a judgement.</summary>
    private long _version;

    /// <summary>How long a disk must have been operational before anything is done to its guests.</summary>
    public TimeSpan StableFor
    {
        get;
        set
        {
            field = value;
            _version++;
        }
    } = stableFor;

    /// <summary>Takes in what the host holds true of a disk now.</summary>
    public void Update(DiskCondition condition, TimeSpan now)
    {
        Entry? before = _entries.GetValueOrDefault(condition.Device);
        bool isContinued = before is { Condition.Operational: true } && !IsOutdated(before, now);
        TimeSpan operationalSince = isContinued ? before!.OperationalSince : now;
        TimeSpan writableSince = isContinued && before!.Condition.WriteProtection is null ? before.WritableSince : now;
        if (condition.InterruptedAt > operationalSince)
        {
            operationalSince = condition.InterruptedAt.Value;
        }

        if (operationalSince > writableSince)
        {
            writableSince = operationalSince;
        }

        // What a disk shares its fate with is still known when the way to it is gone.
        IReadOnlyList<string> groups = condition.LunGroups.Count > 0
            ? condition.LunGroups
            : before?.LunGroups ?? UnknownGroup;
        HostFault? lastFault = Newest(before?.LastFault, condition.Fault);
        if (before is null || before.OperationalSince != operationalSince
            || before.WritableSince != writableSince || before.LastFault != lastFault
            || !IsSame(before.Condition, condition))
        {
            _version++;
        }

        _entries[condition.Device] = new Entry(
            condition, now, operationalSince, writableSince, lastFault, groups);
    }

    /// <summary>A domain is no more: its number may be given to another, on other disks.</summary>
    public void Forget(DomainId domain)
    {
        foreach ((DomainId Domain, DeviceNumber Device) key in _identities.Keys.Where(one => one.Domain == domain))
        {
            _identities.Remove(key);
        }

        _version++;
    }

    /// <summary>
    /// The storage under a guest, as <see cref="Judge(DomainId?, GuestDisks, TimeSpan)"/> says. As long as nothing
    /// changed it is the same view, and costs next to nothing: each guest is judged once a second.
    /// </summary>
    /// <param name="before">What this returned for the guest the last time; null for the first time.</param>
    /// <param name="domain">The domain it runs in; null when none is known.</param>
    /// <param name="disks">Its disks.</param>
    /// <param name="now">This moment, on the monotonic clock.</param>
    public StorageJudgement Judge(StorageJudgement? before, DomainId? domain, GuestDisks disks, TimeSpan now)
    {
        if (before is not null && before.Version == _version && now < before.ValidUntil
            && before.Domain == domain && ReferenceEquals(before.Disks, disks))
        {
            return before;
        }

        StorageView view = Judge(domain, disks, now);
        return new StorageJudgement(
            before is not null && before.View.IsSameAs(view) ? before.View : view,
            domain,
            disks,
            _version,
            NextChange(disks, now));
    }

    /// <summary>The storage under a guest with these disks.</summary>
    /// <param name="domain">The domain it runs in; null when none is known.</param>
    /// <param name="disks">Its disks.</param>
    /// <param name="now">This moment, on the monotonic clock.</param>
    public StorageView Judge(DomainId? domain, GuestDisks disks, TimeSpan now)
    {
        var reasons = disks.Unmappable.Select(name => $"{name} cannot be mapped to a device of this host").ToList();
        if (disks.Devices.Count == 0 && reasons.Count == 0)
        {
            return StorageView.Unknown;
        }

        var known = new List<Entry>();
        TimeSpan since = TimeSpan.MinValue;
        foreach (DeviceNumber device in disks.Devices)
        {
            if (_entries.GetValueOrDefault(device) is not { } entry)
            {
                reasons.Add($"nothing is known of device {device} yet");
                continue;
            }

            known.Add(entry);
            bool mayWrite = !disks.ReadOnly.Contains(device);
            TimeSpan usableSince = entry.UsableSince(mayWrite);
            since = usableSince > since ? usableSince : since;
            // What it is is noted at first sight, operational or not.
            string? otherDisk = mayWrite ? WhyNotTheSame(domain, entry) : null;
            if ((WhyNotUsable(entry, mayWrite, now) ?? otherDisk) is { } reason)
            {
                reasons.Add(reason);
            }
        }

        return new StorageView(
            reasons.Count > 0 ? new StorageGate.Closed(string.Join("; ", reasons)) : OpenGate(since, known),
            known.Select(entry => entry.LastFault).Aggregate((HostFault?)null, Newest),
            [.. known.SelectMany(entry => entry.LunGroups).Distinct(StringComparer.Ordinal)])
        {
            SizeBytes = known.Count == disks.Devices.Count && disks.Unmappable.Count == 0
                ? known.Aggregate((long?)0, (sum, entry) => sum + entry.Condition.SizeBytes)
                : null,
        };
    }

    /// <summary>When time alone changes it: a check becomes too old, or a disk has been stable enough.</summary>
    private TimeSpan NextChange(GuestDisks disks, TimeSpan now)
    {
        TimeSpan next = TimeSpan.MaxValue;
        foreach (DeviceNumber device in disks.Devices)
        {
            if (_entries.TryGetValue(device, out Entry? entry) && !IsOutdated(entry, now))
            {
                TimeSpan stableAt = entry.UsableSince(!disks.ReadOnly.Contains(device)) + StableFor;
                TimeSpan outdatedAt = entry.CheckedAt + validFor;
                next = outdatedAt < next ? outdatedAt : next;
                next = stableAt > now && stableAt < next ? stableAt : next;
            }
        }

        return next;
    }

    /// <summary>Whether two conditions judge alike; the list of groups is made anew for each look.</summary>
    private static bool IsSame(DiskCondition one, DiskCondition other)
        => one with { LunGroups = other.LunGroups } == other
            && one.LunGroups.SequenceEqual(other.LunGroups, StringComparer.Ordinal);

    private string? WhyNotUsable(Entry entry, bool mayWrite, TimeSpan now)
    {
        DeviceNumber device = entry.Condition.Device;
        if (IsOutdated(entry, now))
        {
            return $"device {device} was not checked for {validFor.TotalSeconds:0} s";
        }

        if (!entry.Condition.Operational)
        {
            return entry.Condition.Text;
        }

        if (mayWrite && entry.Condition.WriteProtection is { } protection)
        {
            return protection;
        }

        return now - entry.UsableSince(mayWrite) < StableFor
            ? $"device {device} has been operational for less than {StableFor.TotalSeconds:0} s"
            : null;
    }

    private string? WhyNotTheSame(DomainId? domain, Entry entry)
    {
        if (domain is not { } number || entry.Condition.Identity is not { } identity)
        {
            return null;
        }

        DeviceNumber device = entry.Condition.Device;
        return _identities.TryAdd((number, device), identity) || _identities[(number, device)] == identity
            ? null
            : $"device {device} is now {identity}, but was {_identities[(number, device)]} when domain {number} was "
                + "first seen; find out who changed it, then restart host-bridge to accept it";
    }

    private StorageGate.Open OpenGate(TimeSpan since, List<Entry> known)
        => new(
            since + StableFor,
            string.Join("; ", known.Select(entry => entry.Condition.Text).Distinct(StringComparer.Ordinal)));

    private static HostFault? Newest(HostFault? one, HostFault? other)
        => one is null || other?.At >= one.At ? other ?? one : one;

    private bool IsOutdated(Entry entry, TimeSpan now) => now - entry.CheckedAt >= validFor;

    private sealed record Entry(
        DiskCondition Condition, TimeSpan CheckedAt, TimeSpan OperationalSince, TimeSpan WritableSince,
        HostFault? LastFault, IReadOnlyList<string> LunGroups)
    {
        /// <summary>Since when a guest can use it.</summary>
        public TimeSpan UsableSince(bool mayWrite) => mayWrite ? WritableSince : OperationalSince;
    }
}
