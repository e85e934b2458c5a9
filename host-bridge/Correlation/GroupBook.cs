using HostBridge.Recovery;

namespace HostBridge.Correlation;

/// <summary>A disk as it was last looked at, and the LUN groups it belongs to.</summary>
/// <param name="Condition">Its condition.</param>
/// <param name="Groups">Its groups, remembered while the disk is away.</param>
/// <param name="CheckedAt">When it was looked at, on the monotonic clock.</param>
/// <param name="NewFault">Its fault, when it is newer than the one before; null otherwise.</param>
internal sealed record DiskInGroups(
    DiskCondition Condition, IReadOnlyList<string> Groups, TimeSpan CheckedAt, HostFault? NewFault);

/// <summary>Which disks belong to which LUN group, and what was last found of them. Pure.</summary>
/// <param name="validFor">For how long a look at a disk says anything.</param>
internal sealed class GroupBook(TimeSpan validFor)
{
    private static readonly IReadOnlyList<string> UnknownGroup = ["unknown"];

    private readonly Dictionary<DeviceNumber, DiskInGroups> _disks = [];

    /// <summary>Takes in what a look found.</summary>
    /// <param name="condition">What it found.</param>
    /// <param name="now">This moment, on the monotonic clock.</param>
    /// <param name="changes">Where it is noted which parts became others.</param>
    public DiskInGroups Update(DiskCondition condition, TimeSpan now, PartChanges changes)
    {
        DiskInGroups? before = _disks.GetValueOrDefault(condition.Device);
        IReadOnlyList<string> groups = condition.LunGroups.Count > 0
            ? condition.LunGroups
            : before?.Groups ?? UnknownGroup;
        bool isNew = condition.Fault is { } fault && !(fault.At <= before?.Condition.Fault?.At);
        var disk = new DiskInGroups(condition, groups, now, isNew ? condition.Fault : null);
        _disks[condition.Device] = disk;
        foreach (string group in groups)
        {
            changes.Compare(group, before?.Condition.Parts, condition.Parts);
        }

        return disk;
    }

    /// <summary>The groups of a guest's disks.</summary>
    public IReadOnlyList<string> GroupsOf(GuestDisks disks)
        =>
        [
            .. disks.Devices.Select(device => _disks.GetValueOrDefault(device)).OfType<DiskInGroups>()
                .SelectMany(disk => disk.Groups).Distinct(StringComparer.Ordinal),
        ];

    /// <summary>Whether any disk of a guest belongs to a group.</summary>
    public bool IsOn(GuestDisks disks, string group)
        => disks.Devices.Any(device => _disks.GetValueOrDefault(device)?.Groups.Contains(group) == true);

    /// <summary>The disks of a group that this host found at fault when it last looked.</summary>
    public IReadOnlyDictionary<DeviceNumber, DiskCondition> LostOf(string group)
        => _disks.Values
            .Where(disk => disk.Condition is { Operational: false, Fault: not null } && disk.Groups.Contains(group))
            .ToDictionary(disk => disk.Condition.Device, disk => disk.Condition);

    /// <summary>Whether every disk of a group is operational over all its paths, as far as was looked lately.</summary>
    public bool IsWell(string group, TimeSpan now)
        => _disks.Values.Where(disk => disk.Groups.Contains(group))
            .All(disk => disk.Condition is { Operational: true, LostPaths: null } && now - disk.CheckedAt < validFor);

    /// <summary>Forgets the disks that no guest has any more.</summary>
    public void Forget(IReadOnlyCollection<GuestRecord> guests, TimeSpan now)
    {
        if (_disks.Values.All(disk => now - disk.CheckedAt < validFor))
        {
            return;
        }

        HashSet<DeviceNumber> held = [.. guests.SelectMany(guest => guest.Disks.Devices)];
        foreach ((DeviceNumber device, DiskInGroups disk) in _disks)
        {
            if (now - disk.CheckedAt >= validFor && !held.Contains(device))
            {
                _disks.Remove(device);
            }
        }
    }
}
