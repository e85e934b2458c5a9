namespace Protocol.Kernel;

/// <summary>What a kernel line says, whatever its exact words on this kernel.</summary>
public enum KernelLineKind
{
    /// <summary><c>Aborting journal on device X</c>, <c>Detected aborted journal</c>.</summary>
    JournalAborted = 0,

    /// <summary><c>Remounting filesystem read-only</c>.</summary>
    RemountedReadOnly,

    /// <summary><c>EXT4-fs error (device X)</c> of any other sort.</summary>
    FilesystemError,

    /// <summary>A filesystem shut itself down (xfs, ext4) or forced itself read-only (btrfs).</summary>
    ShutDown,

    /// <summary>A write of the filesystem's was lost.</summary>
    WriteLost,

    /// <summary>The block layer gave up on a request that was not a read, or did not say what it was.</summary>
    DeviceError,

    /// <summary>The block layer gave up on a read.</summary>
    ReadError,

    /// <summary>A command timed out, or the disk was reset: it may answer again.</summary>
    DeviceTimeout,

    /// <summary>The kernel gave the disk up.</summary>
    DeviceOffline,

    /// <summary>blkfront turned a failed flush into success and disabled flushes.</summary>
    FlushDisabled,

    /// <summary>blkfront connected, or goes on, with flushes.</summary>
    FlushEnabled,

    /// <summary>
    /// blkfront connected, or goes on, without flushes. A backend may never have had any: a loss only where they
    /// were enabled before.
    /// </summary>
    FlushAbsent,

    /// <summary>The filesystem was mounted: what was said before speaks of an earlier mount.</summary>
    Mounted,

    /// <summary>An administrator's remount.</summary>
    Remounted,

    /// <summary>A task hangs.</summary>
    TaskHung,
}
