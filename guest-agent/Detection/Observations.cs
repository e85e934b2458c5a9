namespace GuestAgent.Detection;

/// <summary>A fact that an observer brings to the judge.</summary>
internal abstract record Observation
{
    private Observation()
    {
    }

    /// <summary>The mount table was read, whole and in one pass.</summary>
    /// <param name="Mounts">One for each filesystem to watch (<see cref="LocalFilesystems.Choose"/>).</param>
    /// <param name="IsFirst">The first reading since the agent's start: what it shows was not seen to happen.</param>
    public sealed record MountTableRead(IReadOnlyList<ObservedMount> Mounts, bool IsFirst) : Observation;

    /// <summary>A probe was handed to the probe process.</summary>
    public sealed record ProbeStarted(DeviceNumber Device, long ProbeId) : Observation;

    /// <summary>A probe came back.</summary>
    public sealed record ProbeFinished(DeviceNumber Device, long ProbeId, ProbeResult Result) : Observation;

    /// <summary>There was no probe process to take a probe.</summary>
    public sealed record ProbeNotStarted(DeviceNumber Device) : Observation;

    /// <summary>Somebody needs to know now: probe as soon as the pace allows.</summary>
    public sealed record ProbeWanted(DeviceNumber Device) : Observation;

    /// <summary>
    /// A probe of an agent before this one, or of a probe process that was killed, is still stuck in the kernel: there
    /// must be no second beside it.
    /// </summary>
    /// <param name="Device">The filesystem.</param>
    /// <param name="ProbeId">Its id from now on.</param>
    /// <param name="StartedAt">When it began.</param>
    /// <param name="WriteCompletions">What the device had completed by then.</param>
    public sealed record ProbeFoundOutstanding(
        DeviceNumber Device, long ProbeId, Moment StartedAt, long WriteCompletions) : Observation;

    /// <summary>A probe ended with its process: it will never come back.</summary>
    public sealed record ProbeLost(DeviceNumber Device, long ProbeId) : Observation;

    /// <summary>A line of the kernel log that speaks of a filesystem or its device.</summary>
    public sealed record KernelLineSeen(KernelLine Line) : Observation;

    /// <summary>ext4's <c>errors_count</c> of a filesystem.</summary>
    public sealed record ErrorsCountRead(DeviceNumber Device, long Count) : Observation;

    /// <summary>A look at a device's queue.</summary>
    public sealed record ActivitySampled(DeviceNumber Device, BlockActivity Activity) : Observation;
}

/// <summary>A mount to watch, with what was read beside it.</summary>
/// <param name="Mount">The line of mountinfo.</param>
/// <param name="DeviceName">The kernel's name of the device, for example <c>xvda1</c>.</param>
/// <param name="DiskName">The disk it is part of, for example <c>xvda</c>; the device itself where it is whole.</param>
/// <param name="Fstab">What fstab says.</param>
internal sealed record ObservedMount(MountEntry Mount, string DeviceName, string DiskName, FstabWish Fstab);

/// <summary>What a device's queue showed (<c>/sys/dev/block/M:m/{stat,inflight,ro}</c>).</summary>
/// <param name="Inflight">Requests given to the device and not completed, reads and writes.</param>
/// <param name="WriteCompletions">Writes and flushes completed since boot: fields 5 and 16 of <c>stat</c>.</param>
/// <param name="IsReadOnly">The device is write-protected.</param>
internal readonly record struct BlockActivity(long Inflight, long WriteCompletions, bool IsReadOnly);

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

    /// <summary>The bytes reached the device.</summary>
    public bool Wrote => Step == ProbeStep.Done;

    /// <summary>The mount point no longer leads to the filesystem; the mount table will say why.</summary>
    public bool MissedFilesystem => Step == ProbeStep.OpenMountPoint;

    /// <summary>There is no room, which is no fault.</summary>
    public bool NoRoom => !Wrote && ErrnoName is "ENOSPC" or "EDQUOT";
}

/// <summary>What a kernel line says, whatever its exact words on this kernel.</summary>
internal enum KernelLineKind
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

/// <summary>One line of the kernel log, understood.</summary>
/// <param name="Kind">What it says.</param>
/// <param name="DeviceName">The device it speaks of; null where the line names none.</param>
/// <param name="At">When the kernel wrote it, in time since boot.</param>
internal sealed record KernelLine(KernelLineKind Kind, string? DeviceName, TimeSpan At);
