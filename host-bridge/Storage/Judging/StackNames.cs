using System.Globalization;

namespace HostBridge.Storage.Judging;

/// <summary>A name by which the kernel's log speaks of a part of a stack.</summary>
/// <param name="Name">
/// Like <c>sda</c>, <c>8:0</c>, <c>3:0:0:1</c>, <c>session2</c>, <c>rport-3:0-1</c>, <c>nvme0</c>.
/// </param>
/// <param name="IsRedundant">Whether another part can carry the disk without this one: a path among others.</param>
internal readonly record struct PartName(string Name, bool IsRedundant);

/// <summary>What can be told from a stack of devices, whatever its state. Pure.</summary>
internal static class StackNames
{
    /// <summary>Every name by which the kernel's log may speak of a part of this stack.</summary>
    public static IReadOnlyList<PartName> PartsOf(BlockDevice disk)
    {
        var parts = new List<PartName>();
        AddParts(parts, disk, isRedundant: false);
        return parts;
    }

    /// <summary>What the disk shares its fate with: targets, arrays, subsystems or disks of this host.</summary>
    public static IReadOnlyList<string> LunGroupsOf(BlockDevice disk)
        => [.. AllOf(disk).Select(GroupOf).OfType<string>().Distinct(StringComparer.Ordinal)];

    /// <summary>
    /// What tells this disk from any other, and its size; null as long as a part of it is not there or not known.
    /// The paths of a multipath map do not count: the map's own name holds the disk's.
    /// </summary>
    public static string? IdentityOf(BlockDevice disk)
    {
        var parts = new List<string>();
        return TryAddIdentities(parts, disk) && disk.SizeSectors is { } sectors
            ? string.Create(CultureInfo.InvariantCulture, $"{string.Join(" on ", parts)} of {sectors} sectors")
            : null;
    }

    /// <summary>
    /// Where a direct read proves the most: a loop device without direct I/O answers out of the page cache of its file,
    /// so what carries the file is read instead.
    /// </summary>
    public static BlockDevice ReadTargetOf(BlockDevice disk)
        => disk switch
        {
            BlockDevice.Loop { IsDirect: false, Below: [var carrier, ..] } => ReadTargetOf(carrier),
            BlockDevice.Partition { Below: [BlockDevice.Loop loop] } => ReadTargetOf(loop),
            _ => disk,
        };

    /// <summary>
    /// <see cref="DiskCondition.RecoveryTimeoutSeconds"/>: of the one session of a disk, seen through partitions and
    /// volumes, as long as it is neither well nor given up.
    /// </summary>
    public static int? RecoveryTimeoutOf(BlockDevice disk)
        => disk switch
        {
            BlockDevice.ScsiDisk { Transport: ScsiTransport.Iscsi { Session: { State: "FAILED" } session } }
                => session.RecoveryTimeoutSeconds,
            BlockDevice.Partition or BlockDevice.Mapped or BlockDevice.Loop when disk.Below is [var only]
                => RecoveryTimeoutOf(only),
            _ => null,
        };

    private static void AddParts(List<PartName> parts, BlockDevice device, bool isRedundant)
    {
        parts.Add(new PartName(device.Name, isRedundant));
        parts.Add(new PartName(device.Number.ToString(), isRedundant));
        if (device is BlockDevice.ScsiDisk disk)
        {
            parts.Add(new PartName(disk.Address, isRedundant));
            string? way = disk.Transport switch
            {
                ScsiTransport.Iscsi { Session.Name: var session } => session,
                ScsiTransport.FibreChannel { Port.Name: var port } => port,
                _ => null,
            };
            if (way is not null)
            {
                parts.Add(new PartName(way, isRedundant));
            }
        }
        else if (device is BlockDevice.Nvme space)
        {
            bool isOneOfMany = isRedundant || space.Paths.Count > 1;
            parts.AddRange(space.Paths.Select(path => new PartName(path.Name, isOneOfMany)));
        }

        bool hasOthers = device is BlockDevice.Multipath { Below.Count: > 1 };
        foreach (BlockDevice below in device.Below)
        {
            AddParts(parts, below, isRedundant || hasOthers);
        }
    }

    private static IEnumerable<BlockDevice> AllOf(BlockDevice device) => device.Below.SelectMany(AllOf).Prepend(device);

    private static string? GroupOf(BlockDevice device)
        => device switch
        {
            BlockDevice.ScsiDisk { Transport: ScsiTransport.Iscsi { Session: var session } }
                => $"iscsi {(session.TargetName.Length > 0 ? session.TargetName : session.Name)}",
            BlockDevice.ScsiDisk { Transport: ScsiTransport.FibreChannel { Port: var port } }
                => $"fc {(port.NodeName.Length > 0 ? port.NodeName : port.Name)}",
            BlockDevice.Nvme space => $"nvme {(space.SubsystemName.Length > 0 ? space.SubsystemName : space.Name)}",
            BlockDevice.ScsiDisk or BlockDevice.Plain => $"local {device.Name}",
            _ => null,
        };

    /// <summary>Adds what the device is and what it stands on, each once; false when a part is not known.</summary>
    private static bool TryAddIdentities(List<string> parts, BlockDevice device)
    {
        string? own = device switch
        {
            BlockDevice.ScsiDisk disk => disk.Wwid ?? $"a disk without wwid at {disk.Address}",
            BlockDevice.Multipath map => map.Uuid,
            BlockDevice.Mapped map => map.Uuid.Length > 0 ? map.Uuid : map.MapName,
            BlockDevice.Nvme space => space.Wwid ?? $"a namespace without wwid of {space.SubsystemName}",
            BlockDevice.Loop loop => loop.BackingFile,
            BlockDevice.Partition or BlockDevice.Plain => device.Name,
            _ => null,
        };
        if (own is null)
        {
            return false;
        }

        if (!parts.Contains(own))
        {
            parts.Add(own);
        }

        return device is BlockDevice.Multipath || device.Below.All(below => TryAddIdentities(parts, below));
    }
}
