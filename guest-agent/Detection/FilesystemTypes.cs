namespace GuestAgent.Detection;

/// <summary>What is known of filesystems by their type, as the mount table names it.</summary>
internal static class FilesystemTypes
{
    public const string Overlay = "overlay";
    public const string Zfs = "zfs";

    /// <summary>
    /// Local and written in place of a block device: probed. vfat, exfat and ntfs are not: the EFI system partition and
    /// removable media are no place for a write each 15 s, and nothing of the guest stops when they are read-only.
    /// </summary>
    private static readonly string[] ProbedTypes =
    [
        "ext2", "ext3", "ext4", "xfs", "btrfs",
        "reiserfs", "reiser4", "jfs", "f2fs", "nilfs2", "bcachefs", Zfs,
    ];

    /// <summary>Images that nothing writes to.</summary>
    private static readonly string[] ImageTypes = ["squashfs", "erofs", "cramfs", "romfs", "iso9660", "udf"];

    private static readonly string[] MemoryTypes = ["tmpfs", "ramfs", "rootfs", "devtmpfs"];

    /// <summary>Local types that are not probed: no reason not to walk through them.</summary>
    private static readonly string[] OtherLocalTypes =
        [Overlay, "overlayfs", "aufs", "unionfs", "vfat", "msdos", "exfat", "ntfs3", "minix", "ufs", "hfs", "hfsplus"];

    private static readonly string[] WalkableTypes = [.. ProbedTypes, .. ImageTypes, .. MemoryTypes, .. OtherLocalTypes];

    /// <summary>Whether a write to it is a probe. Writing needs no knowledge of the type.</summary>
    public static bool IsProbed(string type) => ProbedTypes.Contains(type);

    /// <summary>Whether it is a read-only image.</summary>
    public static bool IsImage(string type) => ImageTypes.Contains(type);

    /// <summary>Whether it lies in memory.</summary>
    public static bool IsMemory(string type) => MemoryTypes.Contains(type);

    /// <summary>
    /// What can be walked through without waiting for anyone else. Any other type on the way to a mount (nfs, fuse,
    /// autofs) may hang by itself.
    /// </summary>
    public static bool IsWalkable(string type) => WalkableTypes.Contains(type);

    /// <summary>Whether a write may need a new block although the file has one.</summary>
    public static bool IsCopyOnWrite(string type) => type is "btrfs" or "f2fs" or "nilfs2" or "bcachefs" or Zfs;

    /// <summary>Whether e2fsck is the tool for this type.</summary>
    public static bool IsExtended(string type) => type is "ext2" or "ext3" or "ext4";
}
