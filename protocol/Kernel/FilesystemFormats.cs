using System.Text.RegularExpressions;

namespace Protocol.Kernel;

/// <summary>What the other filesystems print. btrfs shows the state letter E from an error on until it is unmounted.</summary>
internal static partial class FilesystemFormats
{
    /// <summary>In the order in which they are tried.</summary>
    public static IReadOnlyList<KernelFormat> Rows =>
    [
        new(KernelLineKind.ShutDown, KernelReaders.Both, XfsShutDown(), "2.6.18", null, "fs/xfs/xfs_fsops.c",
            "XFS (dm-0): xfs_log_force: error -5 returned."),
        new(KernelLineKind.Mounted, KernelReaders.Guest, XfsMounted(), "2.6.18", null, "fs/xfs/xfs_log.c",
            "XFS (xvdb): Mounting V5 Filesystem 1c6d5928-a1f6-4a7e-9c41-0a2a8e2a2a11"),
        new(KernelLineKind.FilesystemError, KernelReaders.Guest, XfsError(), "2.6.18", null, "fs/xfs/xfs_error.c",
            "XFS (dm-0): metadata I/O error in \"xfs_buf_ioend\" at daddr 0x2 len 1 error 5"),
        new(KernelLineKind.ShutDown, KernelReaders.Both, BtrfsForced(), "2.6.35", null, "fs/btrfs/messages.c",
            "BTRFS info (device xvdc state E): forced readonly"),
        new(KernelLineKind.Mounted, KernelReaders.Guest, BtrfsMounted(), "3.0", null, "fs/btrfs/disk-io.c",
            "BTRFS info (device xvdc): first mount of filesystem 1c6d5928-a1f6-4a7e-9c41-0a2a8e2a2a11"),
        new(KernelLineKind.FilesystemError, KernelReaders.Guest, BtrfsError(), "3.4", null, "fs/btrfs/messages.c",
            "BTRFS: error (device xvdc) in btrfs_commit_transaction:2413: errno=-5 IO failure"),
        new(KernelLineKind.JournalAborted, KernelReaders.Both, ReiserAborted(), "2.6.18", "6.12",
            "fs/reiserfs/prints.c",
            "REISERFS abort (device xvda1): Journal write error in flush_commit_list"),
        new(KernelLineKind.Mounted, KernelReaders.Guest, ReiserMounted(), "2.6.18", "6.12", "fs/reiserfs/super.c",
            "REISERFS (device xvda1): found reiserfs format \"3.6\" with standard journal"),
        new(KernelLineKind.FilesystemError, KernelReaders.Guest, ReiserError(), "2.6.18", "6.12",
            "fs/reiserfs/prints.c",
            "REISERFS error (device xvda1): vs-5150 search_by_key: invalid format found in block 8211"),
        new(KernelLineKind.RemountedReadOnly, KernelReaders.Both, JfsReadOnly(), "2.6.18", null, "fs/jfs/super.c",
            "ERROR: (device xvda1): remounting filesystem as read-only"),
        new(KernelLineKind.FilesystemError, KernelReaders.Guest, JfsError(), "2.6.18", null, "fs/jfs/super.c",
            "ERROR: (device xvda1): diRead: i_ino != di_number"),
        new(KernelLineKind.ShutDown, KernelReaders.Both, F2fsStopped(), "6.3", null, "fs/f2fs/super.c",
            "F2FS-fs (xvdb): Stopped filesystem due to reason: 3"),
        new(KernelLineKind.RemountedReadOnly, KernelReaders.Both, F2fsReadOnly(), "6.4", null, "fs/f2fs/super.c",
            "F2FS-fs (xvdb): Remounting filesystem read-only"),
        new(KernelLineKind.Mounted, KernelReaders.Guest, F2fsMounted(), "3.12", null, "fs/f2fs/super.c",
            "F2FS-fs (xvdb): Mounted with checkpoint version = 4d4e2c3a"),
        new(KernelLineKind.RemountedReadOnly, KernelReaders.Both, NilfsReadOnly(), "4.8", null, "fs/nilfs2/super.c",
            "NILFS (xvdb): Remounting filesystem read-only"),
        new(KernelLineKind.DeviceOffline, KernelReaders.Both, ZfsSuspended(), "2.6.32", null,
            "OpenZFS module/os/linux/zfs",
            "WARNING: Pool 'tank' has encountered an uncorrectable I/O failure and has been suspended."),
        new(KernelLineKind.ShutDown, KernelReaders.Both, BcachefsReadOnly(), "6.7", null, "fs/bcachefs/error.c",
            "bcachefs (xvdb): emergency read only"),
    ];

    [GeneratedRegex(@"^(?:XFS \((?<device>[^)]+)\): .*(?:[Ss]hutting down filesystem|has been shut down|User initiated shutdown|xfs_do_force_shutdown|xfs_log_force: error -?\d+ returned|Please u(?:n)?mount the filesystem and rectify)|Filesystem \""(?<device>[^\""]+)\"": .*(?:[Ss]hutting down filesystem|xfs_log_force: error \d+ returned|Please umount the filesystem)|xfs_force_shutdown\((?<device>[^,)]+),0x)")]
    private static partial Regex XfsShutDown();

    [GeneratedRegex(@"^(?:XFS \((?<device>[^)]+)\): (?:Mounting (?:V\d |Filesystem)|Ending clean mount)|XFS mounting filesystem (?<device>[\w!.-]+)|Ending clean XFS mount for filesystem: (?<device>[\w!.-]+))")]
    private static partial Regex XfsMounted();

    [GeneratedRegex(@"^(?:XFS \((?<device>[^)]+)\): (?:[Mm]etadata (?:I/O error|corruption)|log I/O error|Internal error|writeback error)|I/O error in filesystem \(\""(?<device>[^\""]+)\""\)|XFS:? [Ii]nternal error |Filesystem \""(?<device>[^\""]+)\"": XFS internal error)")]
    private static partial Regex XfsError();

    [GeneratedRegex(@"^(?:BTRFS.*\(device (?<device>[^): ]+)(?: state [A-Z]*E[A-Z]*\)|[^)]*\).*(?:forced readonly|Skipping commit of aborted transaction))|btrfs is forced readonly|BTRFS: Transaction aborted)")]
    private static partial Regex BtrfsForced();

    [GeneratedRegex(@"^BTRFS info \(device (?<device>[^): ]+)\): (?:(?:first mount|last unmount) of filesystem|disk space caching is enabled|using free.space.tree|using \S+ .*checksum algorithm)")]
    private static partial Regex BtrfsMounted();

    [GeneratedRegex(@"^BTRFS(?:: error| error| critical) \(device (?<device>[^): ]+)")]
    private static partial Regex BtrfsError();

    [GeneratedRegex(@"^REISERFS:? abort \(device (?<device>[^)]+)\): ")]
    private static partial Regex ReiserAborted();

    [GeneratedRegex(@"^(?:REISERFS \(device (?<device>[^)]+)\): found reiserfs format|ReiserFS: (?<device>[\w!.-]+): found reiserfs format)")]
    private static partial Regex ReiserMounted();

    [GeneratedRegex(@"^(?:REISERFS error \(device (?<device>[^)]+)\)|REISERFS: error \(device (?<device>[^)]+)\))")]
    private static partial Regex ReiserError();

    [GeneratedRegex(@"^ERROR: \(device (?<device>[^)]+)\): remounting filesystem as read-only")]
    private static partial Regex JfsReadOnly();

    [GeneratedRegex(@"^ERROR: \(device (?<device>[^)]+)\): ")]
    private static partial Regex JfsError();

    [GeneratedRegex(@"^F2FS-fs \((?<device>[^)]+)\): Stopped filesystem due to reason")]
    private static partial Regex F2fsStopped();

    [GeneratedRegex(@"^F2FS-fs \((?<device>[^)]+)\): Remounting filesystem read-only")]
    private static partial Regex F2fsReadOnly();

    [GeneratedRegex(@"^F2FS-fs \((?<device>[^)]+)\): Mounted with checkpoint version")]
    private static partial Regex F2fsMounted();

    [GeneratedRegex(@"^NILFS(?: error)? \((?:device )?(?<device>[^)]+)\): [Rr]emounting filesystem read-only")]
    private static partial Regex NilfsReadOnly();

    [GeneratedRegex(@"^WARNING: Pool '(?<device>[^']+)' has encountered an uncorrectable I/O failure and has been suspended")]
    private static partial Regex ZfsSuspended();

    [GeneratedRegex(@"^bcachefs \((?<device>[^) ]+)[^)]*\): .*(?:emergency read[ -]only|fatal error)")]
    private static partial Regex BcachefsReadOnly();
}
