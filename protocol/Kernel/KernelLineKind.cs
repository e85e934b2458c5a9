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

    /// <summary>A page could not be written to swap, or read back: programs die, and the root's among them.</summary>
    SwapFailed,

    /// <summary>A disk appeared, or a loop device was given another file: what was said before speaks of another.</summary>
    DeviceAttached,

    /// <summary>The disk was reset, as at the end of a failure.</summary>
    DeviceReset,

    /// <summary>The storage refuses writes while reads may go on: no room, a reservation, write protection.</summary>
    WritesRefused,

    /// <summary>An iSCSI connection or session is lost.</summary>
    SessionLost,

    /// <summary>A path, a port or a controller is lost.</summary>
    PathLost,

    /// <summary>A server or a peer that carries disks does not answer.</summary>
    PeerLost,

    /// <summary>Something changed in the storage: worth a look.</summary>
    StorageChanged,
}
