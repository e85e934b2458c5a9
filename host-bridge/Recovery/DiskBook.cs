namespace HostBridge.Recovery;

/// <summary>
/// Remembers since when each disk is operational, and judges the gate of a guest from it. A disk that flaps, or that
/// was not checked for too long, begins to count anew.
/// </summary>
/// <param name="stableFor">How long a disk must have been operational before anything is done to its guests.</param>
/// <param name="validFor">For how long a check says anything.</param>
internal sealed class DiskBook(TimeSpan stableFor, TimeSpan validFor)
{
    private readonly Dictionary<DeviceNumber, Entry> _entries = [];

    /// <summary>Takes in what the host holds true of a disk now.</summary>
    public void Update(DiskCondition condition, TimeSpan now)
    {
        Entry? before = _entries.GetValueOrDefault(condition.Device);
        HostFault? lastFault = before is { Condition.Operational: true } && !condition.Operational
            ? new HostFault(now, condition.Text)
            : before?.LastFault;
        TimeSpan operationalSince = before is { Condition.Operational: true } && !IsOutdated(before, now)
            ? before.OperationalSince
            : now;
        _entries[condition.Device] = new Entry(condition, now, operationalSince, lastFault);
    }

    /// <summary>The storage under a guest with these disks.</summary>
    public StorageView Judge(GuestDisks disks, TimeSpan now)
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
            if (IsOutdated(entry, now))
            {
                reasons.Add($"device {device} was not checked for {validFor.TotalSeconds:0} s");
            }
            else if (!entry.Condition.Operational)
            {
                reasons.Add(entry.Condition.Text);
            }
            else if (now - entry.OperationalSince < stableFor)
            {
                reasons.Add($"device {device} has been operational for less than {stableFor.TotalSeconds:0} s");
            }
        }

        return new StorageView(
            reasons.Count > 0 ? new StorageGate.Closed(string.Join("; ", reasons)) : OpenGate(known),
            known.Select(entry => entry.LastFault).OfType<HostFault>().MaxBy(fault => fault.At),
            [.. known.Select(entry => entry.Condition.LunGroup).Distinct(StringComparer.Ordinal)]);
    }

    private StorageGate.Open OpenGate(List<Entry> known)
        => new(
            known.Max(entry => entry.OperationalSince) + stableFor,
            string.Join("; ", known.Select(entry => entry.Condition.Text).Distinct(StringComparer.Ordinal)));

    private bool IsOutdated(Entry entry, TimeSpan now) => now - entry.CheckedAt >= validFor;

    private sealed record Entry(
        DiskCondition Condition, TimeSpan CheckedAt, TimeSpan OperationalSince, HostFault? LastFault);
}
