using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>What decides, beside the mount table, which mount of a filesystem is probed.</summary>
internal sealed record MountChoice
{
    /// <summary>Mount points that are not watched (key <c>exclude</c>).</summary>
    public IReadOnlySet<MountPoint> Excluded { get; init; } = new HashSet<MountPoint>();

    /// <summary>Folders for the probe file (key <c>probe-folder</c>), as absolute paths.</summary>
    public IReadOnlyList<MountPoint> ProbeFolders { get; init; } = [];

    /// <summary>Mount points that an administrator listed in fstab: none of them is a container's.</summary>
    public IReadOnlySet<MountPoint> Listed { get; init; } = new HashSet<MountPoint>();

    /// <summary>
    /// Ids of mounts that cannot be probed although the table says <c>rw</c>: their probe was refused, or they are
    /// read-only btrfs subvolumes.
    /// </summary>
    public IReadOnlySet<int> Unwritable { get; init; } = new HashSet<int>();

    /// <summary>What was chosen of the table before this one; a mount that is still as good is kept.</summary>
    public IReadOnlyList<MountEntry> Before { get; init; } = [];
}
