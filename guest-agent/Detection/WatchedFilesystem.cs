using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>Everything known of one filesystem, and what is held true of it.</summary>
internal sealed record WatchedFilesystem
{
    public required ObservedMount Observed { get; init; }

    /// <summary>The agent saw it become read-only by a remount while nothing spoke of an error.</summary>
    public bool AdministratorRemountSeen { get; init; }

    /// <summary>
    /// Since when the superblock is read-only without a mount that explains it, so that the kernel did it; null while
    /// it is not.
    /// </summary>
    public Moment? ForcedReadOnlySince { get; init; }

    /// <summary>The same as a condition.</summary>
    public bool IsForcedReadOnly => ForcedReadOnlySince is not null;

    /// <summary>When the agent first saw this mount.</summary>
    public Moment SeenAt { get; init; }

    /// <summary>The filesystem that the last successful probe wrote to; null before one.</summary>
    public ulong? FilesystemId { get; init; }

    public ProbeFacts Probe { get; init; } = new();

    /// <summary>Why no probe of it starts any more; null while they do.</summary>
    public string? ProbingStopped { get; init; }

    public KernelFacts Kernel { get; init; } = new();

    public ActivityFacts Activity { get; init; } = new();

    /// <summary>ext4's error count when the agent first saw this mount; null where there is none to read.</summary>
    public long? ErrorsBaseline { get; init; }

    /// <summary>The count now.</summary>
    public long? ErrorsCount { get; init; }

    /// <summary>When it was seen to grow; the beginning of time when it was not.</summary>
    public Moment ErrorsGrewAt { get; init; }

    /// <summary>The last error that was recorded; null when none was, and on kernels before 5.10.</summary>
    public RecordedError? LastError { get; init; }

    /// <summary>What makes the guest restart itself; told with the root.</summary>
    public IReadOnlyList<string> SelfReset { get; init; } = [];

    /// <summary>What is reported.</summary>
    public required FilesystemHealth Health { get; init; }

    public MountEntry Mount => Observed.Mount;

    public string DeviceName => Observed.DeviceName;

    public IReadOnlyList<DeviceAlias> Aliases => Observed.Aliases;

    public MountWish Wish => Observed.Wish;

    public DeviceNumber Device => Mount.Device;

    public FilesystemRole Role => Mount.ReportedAt.IsRoot ? FilesystemRole.Root : FilesystemRole.Data;

    /// <summary>
    /// Since when a probe is away, requests are in flight and no write or flush completes; null while one of the
    /// three does not hold.
    /// </summary>
    public Moment? FrozenSince
        => Probe.OutstandingId is null || Activity.Last.Inflight == 0 ? null
            : Activity.UnchangedSince.HasCome(Probe.StartedAt) ? Probe.StartedAt
            : Activity.UnchangedSince;

    /// <summary>
    /// Nothing but a new mount changes it any more, as far as was known when the probe that is away began.
    /// </summary>
    public bool IsAtItsEnd
        => ProbeSchedule.IsConfirmed(Health.Verdict) || (Probe.OutstandingId is not null && Probe.BeganAtTheEnd);

    /// <summary>Errors were recorded since the agent first saw this mount.</summary>
    public bool ErrorsGrew => ErrorsCount > ErrorsBaseline;

    /// <summary>Something other than the mount table says that the journal is aborted.</summary>
    public bool HasAbortEvidence
        => Kernel.JournalAborted || ErrorsGrew || Mount.SuperOptions.Contains("emergency_ro");

    /// <summary>
    /// The last error was recorded in this boot: an agent that starts after the abort sees no count grow. The wall
    /// clock may have been set since, so it only adds to what a probe meets.
    /// </summary>
    public bool HasErrorOfThisBoot(Moment now) => LastError is { } last && last.At >= now.WallClock - now.SinceBoot;
}

/// <summary>What the device's queue showed.</summary>
internal sealed record ActivityFacts
{
    public BlockActivity Last { get; init; }

    /// <summary>When that number of completed writes and flushes was seen first.</summary>
    public Moment UnchangedSince { get; init; }
}
