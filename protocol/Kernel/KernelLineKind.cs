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

    /// <summary>The block layer gave up on a request.</summary>
    DeviceError,

    /// <summary>blkfront turned a failed flush into success and disabled flushes.</summary>
    FlushDisabled,

    /// <summary>The filesystem was mounted: what was said before speaks of an earlier mount.</summary>
    Mounted,

    /// <summary>An administrator's remount.</summary>
    Remounted,

    /// <summary>A task hangs.</summary>
    TaskHung,
}
