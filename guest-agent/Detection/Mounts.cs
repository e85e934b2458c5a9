using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>A block device's number (or, on btrfs, the filesystem's anonymous one), as in mountinfo field 3.</summary>
internal readonly record struct DeviceNumber(int Major, int Minor)
{
    public override string ToString() => $"{Major}:{Minor}";
}

/// <summary>One line of <c>/proc/self/mountinfo</c> (proc(5)).</summary>
internal sealed record MountEntry
{
    /// <summary>Field 1: another id is another mount; the kernel gives ids again, so the same id may be too.</summary>
    public required int MountId { get; init; }

    /// <summary>Field 2: the id of the mount that this one is mounted on.</summary>
    public int ParentId { get; init; }

    /// <summary>Field 3.</summary>
    public required DeviceNumber Device { get; init; }

    /// <summary>Field 4: which folder of the filesystem is mounted; <c>/</c> for all of it.</summary>
    public required MountPoint Root { get; init; }

    /// <summary>Field 5.</summary>
    public required MountPoint MountPoint { get; init; }

    /// <summary>Field 6: the options of this mount, of which <c>ro</c> speaks of this mount alone.</summary>
    public required IReadOnlyList<string> MountOptions { get; init; }

    /// <summary>The type, after the separator.</summary>
    public required string FilesystemType { get; init; }

    /// <summary>The source, usually the path of the device.</summary>
    public required MountPoint Source { get; init; }

    /// <summary>The options of the superblock, of which <c>ro</c> speaks of the filesystem.</summary>
    public required IReadOnlyList<string> SuperOptions { get; init; }

    /// <summary>This mount alone is read-only (<c>mount -o remount,bind,ro</c>).</summary>
    public bool IsMountReadOnly => MountOptions.Contains("ro");

    /// <summary>The whole filesystem is read-only.</summary>
    public bool IsSuperReadOnly => SuperOptions.Contains("ro");

    /// <summary>The ids of the mounts of the same filesystem, this one included, that are read-only for themselves.</summary>
    public IReadOnlyList<int> ReadOnlyMountIds { get; init; } = [];

    /// <summary>
    /// This mount, or another of the same filesystem, is read-only for itself: an administrator's remount makes at
    /// least one so.
    /// </summary>
    public bool IsAnyMountReadOnly => ReadOnlyMountIds.Count > 0;

    /// <summary>Another mount covers the mount point: the path to it leads elsewhere.</summary>
    public bool IsCovered { get; init; }

    /// <summary>
    /// The filesystem is read-only though no mount of it asks for that: the kernel did it (an error before 6.1,
    /// btrfs, sysrq-u).
    /// </summary>
    public bool IsForcedReadOnly => IsSuperReadOnly && !IsMountReadOnly && !IsAnyMountReadOnly;

    /// <summary>What <c>mount</c> and <c>/proc/mounts</c> show.</summary>
    public MountClaim Claims => IsMountReadOnly || IsSuperReadOnly ? MountClaim.Ro : MountClaim.Rw;
}

/// <summary>What <c>/etc/fstab</c> says of a mount point.</summary>
internal enum FstabWish
{
    /// <summary>Nothing, or there is no fstab.</summary>
    NotListed = 0,

    /// <summary>Mounted read-write.</summary>
    ReadWrite,

    /// <summary>Mounted read-only.</summary>
    ReadOnly,
}

/// <summary>Which filesystems the agent watches.</summary>
internal static class LocalFilesystems
{
    private static readonly string[] WatchedTypes = ["ext2", "ext3", "ext4", "xfs", "btrfs"];

    /// <summary>
    /// One mount for each local filesystem: the root where it is mounted there, else the first mount of the whole
    /// filesystem that is not read-only for itself, else the first of any part of it. Bind mounts and container mounts
    /// repeat a superblock many times; its health is one. First is what stands first in the table, where mounts stand
    /// by age: a mount's id is given again, a bind mount of today may have the lowest.
    /// </summary>
    public static IReadOnlyList<MountEntry> Choose(
        IReadOnlyList<MountEntry> table, IReadOnlySet<MountPoint> leftOut)
        => [.. table
            .Where(mount => WatchedTypes.Contains(mount.FilesystemType) && !leftOut.Contains(mount.MountPoint))
            .GroupBy(mount => mount.Device)
            .Select(group => group
                .OrderByDescending(mount => mount.MountPoint.IsRoot)
                .ThenByDescending(mount => mount.Root.IsRoot)
                .ThenBy(mount => mount.IsMountReadOnly)
                .First() with
                {
                    ReadOnlyMountIds = [.. group.Where(mount => mount.IsMountReadOnly).Select(mount => mount.MountId)],
                })];

    /// <summary>
    /// What can be walked through without waiting for anyone else. Any other type on the way to a mount (nfs, fuse,
    /// autofs) may hang by itself.
    /// </summary>
    private static readonly string[] WalkableTypes =
        [.. WatchedTypes, "tmpfs", "ramfs", "rootfs", "devtmpfs", "squashfs"];

    /// <summary>The mounts that stand in the way of walking to those below them.</summary>
    public static IReadOnlyList<MountPoint> Obstacles(IReadOnlyList<MountEntry> table)
        => [.. table.Where(mount => !WalkableTypes.Contains(mount.FilesystemType)).Select(mount => mount.MountPoint)];

    /// <summary>Whether the path to a mount point leads through none of them.</summary>
    public static bool IsReachedLocally(MountPoint mountPoint, IReadOnlyList<MountPoint> obstacles)
        => !obstacles.Any(one => one.IsRoot
            ? !mountPoint.IsRoot
            : mountPoint.Encoded.StartsWith($"{one.Encoded}/", StringComparison.Ordinal));

    /// <summary>Whether e2fsck is the tool for this type.</summary>
    public static bool IsExtended(string filesystemType) => filesystemType is "ext2" or "ext3" or "ext4";
}
