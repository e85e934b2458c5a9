namespace GuestAgent.Detection;

/// <summary>At which step of the probe something was met.</summary>
internal enum ProbeStep
{
    /// <summary>All steps done: the device confirmed the bytes.</summary>
    Done = 0,

    /// <summary>Opening the mount point, which must be the filesystem that is meant.</summary>
    OpenMountPoint,

    /// <summary>Opening the probe file.</summary>
    Open,

    /// <summary>Creating the probe file where there is none.</summary>
    Create,

    /// <summary>
    /// The probe file is not ours to write (a link, a fifo, another owner, a second name), or was kept from being
    /// written by something that says nothing of the device (EPERM, ETXTBSY, a path too long).
    /// </summary>
    Refused,

    /// <summary>Writing.</summary>
    Write,

    /// <summary>Asking the device to confirm (fdatasync).</summary>
    Sync,
}

/// <summary>How a probe ended.</summary>
/// <param name="Step">Where.</param>
/// <param name="ErrnoName">What it met there; <c>ok</c> when done.</param>
/// <param name="Duration">How long it took.</param>
internal readonly record struct ProbeResult(ProbeStep Step, string ErrnoName, TimeSpan Duration)
{
    public const string Ok = "ok";

    /// <summary>What statfs(2) said right after the probe; null when it was not asked.</summary>
    public FilesystemRoom? Room { get; init; }

    /// <summary>The probe met EROFS in a btrfs subvolume that has the read-only property.</summary>
    public bool IsReadOnlySubvolume { get; init; }

    /// <summary>
    /// The filesystem that was written to, as a hash of its UUID; null where the probe did not write or the type has
    /// none that can be asked for.
    /// </summary>
    public ulong? FilesystemId { get; init; }

    /// <summary>The bytes reached the device.</summary>
    public bool Wrote => Step == ProbeStep.Done;

    /// <summary>The mount point no longer leads to the filesystem; the mount table will say why.</summary>
    public bool MissedFilesystem => Step == ProbeStep.OpenMountPoint;

    /// <summary>The probe could not be made in this mount, which says nothing of the filesystem.</summary>
    public bool IsRefused => Step == ProbeStep.Refused;

    /// <summary>There is no room, which is no fault.</summary>
    public bool NoRoom => !Wrote && ErrnoName is "ENOSPC" or "EDQUOT";
}

/// <summary>
/// Room as statfs(2) tells it. The probe's own blocks were written once: it goes on succeeding on a full disk.
/// </summary>
/// <param name="FreeBytes">What a program that is not root's may still write.</param>
/// <param name="FreeInodes">How many files may still be made; null where there is no such limit (btrfs).</param>
/// <param name="IsReadOnly">ST_RDONLY.</param>
internal readonly record struct FilesystemRoom(long FreeBytes, long? FreeInodes, bool IsReadOnly)
{
    /// <summary>
    /// xfs and btrfs keep some blocks back and never count down to nothing; less than this holds no file worth the
    /// name.
    /// </summary>
    private const long LeastBytes = 256 * 1024;

    public bool LacksBytes => FreeBytes < LeastBytes;

    public bool LacksInodes => FreeInodes == 0;
}
