using HostBridge.Recovery;

namespace HostBridge.Storage.Judging;

/// <summary>
/// Which devices are to be read directly, when, and what came of it. Pure. A device has one read outstanding at most,
/// even when it never returns; a LUN group has few, so that a dead array leaves room for the others.
/// </summary>
internal sealed class ReadBook
{
    private const int MaxOutstandingPerGroup = 8;
    private const int MaxOutstanding = 256;

    /// <summary>
    /// A device that can be read is read every 25 to 35 s, by its number, so that they do not all come at once.
    /// </summary>
    private const int BaseIntervalSeconds = 25;
    private const int SpreadSeconds = 10;

    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(2);

    /// <summary>What nobody asked for during this time is no longer read, and forgotten.</summary>
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(30);

    private readonly Dictionary<DeviceNumber, Entry> _entries = [];

    /// <summary>How many reads have not returned.</summary>
    public int Outstanding => _entries.Values.Count(entry => entry.OutstandingSince is not null);

    /// <summary>What is known of a device.</summary>
    public DiskReading Of(DeviceNumber device)
        => _entries.GetValueOrDefault(device) is { } entry
            ? new DiskReading(entry.Last, entry.OutstandingSince)
            : DiskReading.None;

    /// <summary>This device is to be read from time to time. To be repeated at every look.</summary>
    /// <param name="device">The device.</param>
    /// <param name="name">The kernel's name of it.</param>
    /// <param name="group">The LUN group it counts for.</param>
    /// <param name="now">This moment, on the monotonic clock.</param>
    public void Want(DeviceNumber device, string name, string group, TimeSpan now)
        => _entries[device] = (_entries.GetValueOrDefault(device) ?? new Entry()) with
        {
            Name = name,
            Group = group,
            WantedAt = now,
            IsWanted = true,
        };

    /// <summary>
    /// Something is, or was, wrong with this device: what was read before, or is just being read, says nothing, and
    /// it is not read until somebody wants it again.
    /// </summary>
    public void Distrust(DeviceNumber device)
    {
        if (_entries.GetValueOrDefault(device) is { } entry)
        {
            _entries[device] = entry with { Last = null, IsOutstandingTrusted = false, IsWanted = false };
        }
    }

    /// <summary>The reads to begin now; they count as begun.</summary>
    public IReadOnlyList<ReadTarget> TakeDue(TimeSpan now)
    {
        foreach ((DeviceNumber device, Entry entry) in _entries)
        {
            if (entry.OutstandingSince is null && now - entry.WantedAt >= KeptFor)
            {
                _entries.Remove(device);
            }
        }

        Dictionary<string, int> outstanding = _entries.Values
            .Where(entry => entry.OutstandingSince is not null)
            .CountBy(entry => entry.Group)
            .ToDictionary(StringComparer.Ordinal);
        int room = MaxOutstanding - outstanding.Values.Sum();
        var due = new List<ReadTarget>();
        foreach ((DeviceNumber device, Entry entry) in _entries)
        {
            int ofGroup = outstanding.GetValueOrDefault(entry.Group);
            if (due.Count >= room || ofGroup >= MaxOutstandingPerGroup || !IsDue(device, entry, now))
            {
                continue;
            }

            outstanding[entry.Group] = ofGroup + 1;
            _entries[device] = entry with { OutstandingSince = now, IsOutstandingTrusted = true };
            due.Add(new ReadTarget(device, entry.Name));
        }

        return due;
    }

    /// <summary>A read returned; whether it says anything that was not known.</summary>
    /// <param name="device">The device.</param>
    /// <param name="result">How it ended.</param>
    /// <param name="reason">Why it failed or was not made; empty when it succeeded.</param>
    /// <param name="took">How long it took.</param>
    public bool Take(DeviceNumber device, ReadResult result, string reason, TimeSpan took)
    {
        if (_entries.GetValueOrDefault(device) is not { OutstandingSince: { } since } entry)
        {
            return false;
        }

        _entries[device] = entry with
        {
            OutstandingSince = null,
            Last = entry.IsOutstandingTrusted ? new FinishedRead(since, result, reason, took) : null,
        };
        return entry.Last?.Result != result || took >= DiskReading.Limit;
    }

    /// <summary>Who read is no more: nothing that is outstanding will be heard of again.</summary>
    public void Abandon()
    {
        foreach ((DeviceNumber device, Entry entry) in _entries)
        {
            _entries[device] = entry with { OutstandingSince = null };
        }
    }

    private static bool IsDue(DeviceNumber device, Entry entry, TimeSpan now)
    {
        if (!entry.IsWanted || entry.OutstandingSince is not null)
        {
            return false;
        }

        if (entry.Last is not { } last)
        {
            return true;
        }

        bool isWell = last.Result == ReadResult.Read && last.Took < DiskReading.Limit;
        int spread = (device.Minor + device.Major) % SpreadSeconds;
        return now - last.BeganAt >= (isWell ? TimeSpan.FromSeconds(BaseIntervalSeconds + spread) : RetryInterval);
    }

    private sealed record Entry
    {
        public string Name { get; init; } = string.Empty;

        public string Group { get; init; } = string.Empty;

        public TimeSpan WantedAt { get; init; }

        public bool IsWanted { get; init; }

        public FinishedRead? Last { get; init; }

        public TimeSpan? OutstandingSince { get; init; }

        public bool IsOutstandingTrusted { get; init; }
    }
}

/// <summary>A device to be read.</summary>
/// <param name="Device">The device.</param>
/// <param name="Name">The kernel's name of it.</param>
internal readonly record struct ReadTarget(DeviceNumber Device, string Name);
