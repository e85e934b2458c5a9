using Protocol.Health;

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

    /// <summary>An outstanding probe waits for a thaw.</summary>
    /// <param name="Device">The filesystem.</param>
    /// <param name="FreezeWait">The kernel function in which it waits.</param>
    public sealed record FreezeWaitSeen(DeviceNumber Device, string FreezeWait) : Observation;

    /// <summary>A line of the kernel log that speaks of a filesystem or its device.</summary>
    public sealed record KernelLineSeen(KernelLine Line) : Observation;

    /// <summary>
    /// Records of the kernel log, or fanotify's events, were overwritten before they could be read: anything may
    /// have been said.
    /// </summary>
    public sealed record EventsLost : Observation;

    /// <summary>fanotify told of an error of a filesystem (FAN_FS_ERROR).</summary>
    public sealed record FilesystemErrorTold(DeviceNumber Device, string ErrnoName) : Observation;

    /// <summary>ext4's <c>errors_count</c> of a filesystem.</summary>
    public sealed record ErrorsCountRead(DeviceNumber Device, long Count, RecordedError? Last = null) : Observation;

    /// <summary>A look at a device's queue.</summary>
    public sealed record ActivitySampled(DeviceNumber Device, BlockActivity Activity) : Observation;

    /// <summary>The guest stood still (paused, saved and restored): what waited did not wait for the disk.</summary>
    /// <param name="For">How long.</param>
    public sealed record StoodStill(TimeSpan For) : Observation;

    /// <summary>No probe of a filesystem starts though one should have long ago, or they start again (null).</summary>
    /// <param name="Device">The filesystem.</param>
    /// <param name="Reason">Why, as the evidence has it.</param>
    public sealed record ProbingStopped(DeviceNumber Device, string? Reason) : Observation;

    /// <summary>What makes the guest restart itself was looked up.</summary>
    public sealed record SelfResetRead(IReadOnlyList<string> Means) : Observation;
}

/// <summary>A mount to watch, with what was read beside it.</summary>
/// <param name="Mount">The line of mountinfo.</param>
/// <param name="DeviceName">The kernel's name of the device, for example <c>xvda1</c>.</param>
/// <param name="Aliases">The names of the storage under it, the device's own included.</param>
/// <param name="Wish">How it is to be mounted, where that is written down.</param>
internal sealed record ObservedMount(
    MountEntry Mount, string DeviceName, IReadOnlyList<DeviceAlias> Aliases, MountWish Wish)
{
    /// <summary>The sysfs names of the devices whose queues carry its writes: several on btrfs.</summary>
    public IReadOnlyList<string> Queues { get; init; } = [];

    /// <summary>Where the disks under it come from, each origin once; empty when nobody looked.</summary>
    public IReadOnlyList<DiskOrigin> Origins { get; init; } = [];

    /// <summary>Whether a boot checks it.</summary>
    public BootCheck BootCheck { get; init; }

    /// <summary>Why a boot does not check it; null where it does, or where that is not known.</summary>
    public BootCheckReason? BootCheckWhy { get; init; }

    /// <summary>
    /// Whether the kernel shows how many requests wait there: not of ZFS and of an overlay, which name no device. Then a
    /// probe that does not come back is all there is to see.
    /// </summary>
    public bool IsQueueKnown { get; init; } = true;

    /// <summary>No filesystem that may hang by itself (network, FUSE) lies on the path to it.</summary>
    public bool IsReachedLocally { get; init; }

    /// <summary>False for ext2 and for ext4 made without one: nothing can be aborted there.</summary>
    public bool HasJournal { get; init; } = true;

    /// <summary>It is a lower layer of the overlay that is mounted at /.</summary>
    public bool IsOverlayLower { get; init; }

    /// <summary>
    /// The kernel's number of the attachment of the disk (<c>/sys/class/block/X/diskseq</c>): another one is another
    /// disk, or the same attached again. Null before Linux 5.15 and for filesystems without one disk.
    /// </summary>
    public long? DiskSequence { get; init; }

    /// <summary>errors=panic, by option or by the superblock: the guest restarts instead of going read-only.</summary>
    public bool PanicsOnErrors { get; init; }
}

/// <summary>What a device's queue showed (<c>/sys/dev/block/M:m/{stat,inflight,ro}</c>).</summary>
/// <param name="Inflight">Requests given to the device and not completed, reads and writes.</param>
/// <param name="WriteCompletions">Writes and flushes completed since boot: fields 5 and 16 of <c>stat</c>.</param>
/// <param name="IsReadOnly">The device is write-protected.</param>
internal readonly record struct BlockActivity(long Inflight, long WriteCompletions, bool IsReadOnly)
{
    /// <summary>Of the requests in flight, the writes and flushes.</summary>
    public long InflightWrites { get; init; }

    /// <summary>The xenbus state of a virtual block device that is not connected; null when all is well.</summary>
    public string? TroubledVbdState { get; init; }
}

/// <summary>ext4's last recorded error, as it stands in the superblock.</summary>
/// <param name="Function">The kernel function that met it; free text from the disk.</param>
/// <param name="At">When, on the wall clock of then.</param>
internal sealed record RecordedError(string Function, DateTimeOffset At);
