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
    private readonly MountPoint? _reportedAt;
    private readonly int? _reportedMountId;

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

    /// <summary>The ids of its other mounts, this one included.</summary>
    public IReadOnlyList<int> WritableMountIds { get; init; } = [];

    /// <summary>
    /// A mount of the same folder of the filesystem, or of one above it, is read-only for itself. A read-only mount of a
    /// part of it (a container's volume) says nothing of the whole.
    /// </summary>
    public bool IsWiderMountReadOnly { get; init; }

    /// <summary>Another mount covers the mount point: the path to it leads elsewhere, and no probe is made.</summary>
    public bool IsCovered { get; init; }

    /// <summary>The root of a type that is not probed (<see cref="LocalFilesystems"/>): it is only named.</summary>
    public bool IsNotWatched { get; init; }

    /// <summary>
    /// Where the filesystem is reported: <c>/</c> when it carries the root, else the mount nearest its root folder. This
    /// mount, through which it is probed, may be another one.
    /// </summary>
    public MountPoint ReportedAt
    {
        get => _reportedAt ?? MountPoint;
        init => _reportedAt = value;
    }

    /// <summary>The id of the mount that it is reported by.</summary>
    public int ReportedMountId
    {
        get => _reportedMountId ?? MountId;
        init => _reportedMountId = value;
    }

    /// <summary>
    /// The folders that the probe file may lie in, as paths from the top folder of this mount; the first that is fit for
    /// it is used.
    /// </summary>
    public IReadOnlyList<MountPoint> ProbeFolders { get; init; } = [MountPoint.Root];

    /// <summary>Whether a probe can be made.</summary>
    public bool IsProbed => !IsCovered && !IsNotWatched;

    /// <summary>
    /// The filesystem is read-only though no mount of it that could explain that is: at first sight, the kernel did it
    /// (an error before 6.1, btrfs, sysrq-u).
    /// </summary>
    public bool LooksForcedReadOnly => IsSuperReadOnly && !IsMountReadOnly && !IsWiderMountReadOnly;

    /// <summary>This mount, with what the other mounts of its filesystem say.</summary>
    /// <param name="mounts">All mounts of the filesystem.</param>
    public MountEntry Among(IReadOnlyList<MountEntry> mounts) => this with
    {
        ReadOnlyMountIds = [.. mounts.Where(mount => mount.IsMountReadOnly).Select(mount => mount.MountId)],
        WritableMountIds = [.. mounts.Where(mount => !mount.IsMountReadOnly).Select(mount => mount.MountId)],
        IsWiderMountReadOnly = mounts.Any(mount => mount.IsMountReadOnly && MountPaths.IsAtOrBelow(Root, mount.Root)),
    };

    /// <summary>What <c>mount</c> and <c>/proc/mounts</c> show.</summary>
    public MountClaim Claims => IsMountReadOnly || IsSuperReadOnly ? MountClaim.Ro : MountClaim.Rw;
}
