namespace HostBridge.Recovery;

/// <summary>
/// Remembers since when each disk is operational, and judges the gate of a guest from it. A disk that flaps, or that
/// was not checked for too long, begins to count anew. A disk that is not the one it was when its domain was first
/// seen closes the gate of that domain.
/// </summary>
/// <param name="stableFor">How long a disk must have been operational before anything is done to its guests.</param>
/// <param name="validFor">For how long a check says anything.</param>
internal sealed class DiskBook(TimeSpan stableFor, TimeSpan validFor)
{
    /// <summary>Disks of which nobody can tell what they share count as one group.</summary>
    private static readonly IReadOnlyList<string> UnknownGroup = ["unknown"];

    private readonly Dictionary<DeviceNumber, Entry> _entries = [];
    private readonly Dictionary<(DomainId Domain, DeviceNumber Device), string> _identities = [];

    /// <summary>Takes in what the host holds true of a disk now.</summary>
    public void Update(DiskCondition condition, TimeSpan now)
    {
        Entry? before = _entries.GetValueOrDefault(condition.Device);
        TimeSpan operationalSince = before is { Condition.Operational: true } && !IsOutdated(before, now)
            ? before.OperationalSince
            : now;
        if (condition.InterruptedAt > operationalSince)
        {
            operationalSince = condition.InterruptedAt.Value;
        }

        // What a disk shares its fate with is still known when the way to it is gone.
        IReadOnlyList<string> groups = condition.LunGroups.Count > 0
            ? condition.LunGroups
            : before?.LunGroups ?? UnknownGroup;
        _entries[condition.Device] = new Entry(
            condition, now, operationalSince, Newest(before?.LastFault, condition.Fault), groups);
    }

    /// <summary>A domain is no more: its number may be given to another, on other disks.</summary>
    public void Forget(DomainId domain)
    {
        foreach ((DomainId Domain, DeviceNumber Device) key in _identities.Keys.Where(one => one.Domain == domain))
        {
            _identities.Remove(key);
        }
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
        foreach (DeviceNumber device in disks.Devices)
        {
            if (_entries.GetValueOrDefault(device) is not { } entry)
            {
                reasons.Add($"nothing is known of device {device} yet");
                continue;
            }

            known.Add(entry);
            // What it is is noted at first sight, operational or not.
            string? otherDisk = WhyNotTheSame(domain, entry);
            if ((WhyNotOperational(entry, now) ?? otherDisk) is { } reason)
            {
                reasons.Add(reason);
            }
        }

        return new StorageView(
            reasons.Count > 0 ? new StorageGate.Closed(string.Join("; ", reasons)) : OpenGate(known),
            known.Select(entry => entry.LastFault).Aggregate((HostFault?)null, Newest),
            [.. known.SelectMany(entry => entry.LunGroups).Distinct(StringComparer.Ordinal)]);
    }

    private string? WhyNotOperational(Entry entry, TimeSpan now)
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

        return now - entry.OperationalSince < stableFor
            ? $"device {device} has been operational for less than {stableFor.TotalSeconds:0} s"
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

    private StorageGate.Open OpenGate(List<Entry> known)
        => new(
            known.Max(entry => entry.OperationalSince) + stableFor,
            string.Join("; ", known.Select(entry => entry.Condition.Text).Distinct(StringComparer.Ordinal)));

    private static HostFault? Newest(HostFault? one, HostFault? other)
        => one is null || other?.At >= one.At ? other ?? one : one;

    private bool IsOutdated(Entry entry, TimeSpan now) => now - entry.CheckedAt >= validFor;

    private sealed record Entry(
        DiskCondition Condition, TimeSpan CheckedAt, TimeSpan OperationalSince, HostFault? LastFault,
        IReadOnlyList<string> LunGroups);
}
