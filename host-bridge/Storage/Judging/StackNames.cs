using System.Globalization;

namespace HostBridge.Storage.Judging;

/// <summary>A name by which the kernel's log speaks of a part of a stack.</summary>
/// <param name="Name">Like <c>sda</c>, <c>8:0</c>, <c>3:0:0:1</c>, <c>session2</c>, <c>rport-3:0-1</c>, <c>nvme0</c>.</param>
/// <param name="IsRedundant">Whether another part can carry the disk without this one: a path among others.</param>
internal readonly record struct PartName(string Name, bool IsRedundant);

/// <summary>What can be told from a stack of devices, whatever its state. Pure.</summary>
internal static class StackNames
{
    /// <summary>Every name by which the kernel's log may speak of a part of this stack.</summary>
    public static IEnumerable<PartName> PartsOf(BlockDevice disk) => PartsOf(disk, isRedundant: false);

    /// <summary>What the disk shares its fate with: targets, arrays, subsystems or disks of this host.</summary>
    public static IReadOnlyList<string> LunGroupsOf(BlockDevice disk)
        => [.. AllOf(disk).Select(GroupOf).OfType<string>().Distinct(StringComparer.Ordinal)];

    /// <summary>
    /// What tells this disk from any other, and its size; null as long as a part of it is not there or not known.
    /// The paths of a multipath map do not count: the map's own name holds the disk's.
    /// </summary>
    public static string? IdentityOf(BlockDevice disk)
    {
        List<string?> parts = [.. IdentitiesOf(disk).Distinct(StringComparer.Ordinal)];
        return parts.Contains(null) || disk.SizeSectors is not { } sectors
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"{string.Join(" on ", parts)} of {sectors} sectors");
    }

    /// <summary>
    /// Where a direct read proves the most: a loop device answers out of the page cache of its file, so what carries
    /// the file is read instead.
    /// </summary>
    public static BlockDevice ReadTargetOf(BlockDevice disk)
        => disk switch
        {
            BlockDevice.Loop { Below: [var carrier, ..] } => ReadTargetOf(carrier),
            BlockDevice.Partition { Below: [BlockDevice.Loop loop] } => ReadTargetOf(loop),
            _ => disk,
        };

    private static IEnumerable<PartName> PartsOf(BlockDevice device, bool isRedundant)
    {
        yield return new PartName(device.Name, isRedundant);
        yield return new PartName(device.Number.ToString(), isRedundant);
        if (device is BlockDevice.ScsiDisk disk)
        {
            yield return new PartName(disk.Address, isRedundant);
            if (disk.Transport is ScsiTransport.Iscsi { Session.Name: var session })
            {
                yield return new PartName(session, isRedundant);
            }
            else if (disk.Transport is ScsiTransport.FibreChannel { Port.Name: var port })
            {
                yield return new PartName(port, isRedundant);
            }
        }
        else if (device is BlockDevice.Nvme space)
        {
            foreach (NvmePath path in space.Paths)
            {
                yield return new PartName(path.Name, isRedundant || space.Paths.Count > 1);
            }
        }

        bool hasOthers = device is BlockDevice.Multipath { Below.Count: > 1 };
        foreach (PartName part in device.Below.SelectMany(below => PartsOf(below, isRedundant || hasOthers)))
        {
            yield return part;
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

    private static IEnumerable<string?> IdentitiesOf(BlockDevice device)
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
        yield return own;
        if (device is BlockDevice.Multipath)
        {
            yield break;
        }

        foreach (string? identity in device.Below.SelectMany(IdentitiesOf))
        {
            yield return identity;
        }
    }
}
