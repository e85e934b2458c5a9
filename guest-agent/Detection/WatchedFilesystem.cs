using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>Everything known of one filesystem, and what is held true of it.</summary>
internal sealed record WatchedFilesystem
{
    public required MountEntry Mount { get; init; }

    public required string DeviceName { get; init; }

    public required string DiskName { get; init; }

    public required FstabWish Fstab { get; init; }

    /// <summary>The agent saw it become read-only by a remount while nothing spoke of an error.</summary>
    public bool AdministratorRemountSeen { get; init; }

    public ProbeFacts Probe { get; init; } = new();

    public KernelFacts Kernel { get; init; } = new();

    public ActivityFacts Activity { get; init; } = new();

    /// <summary>ext4's error count when the agent first saw this mount; null where there is none to read.</summary>
    public long? ErrorsBaseline { get; init; }

    /// <summary>The count now.</summary>
    public long? ErrorsCount { get; init; }

    /// <summary>What is reported.</summary>
    public required FilesystemHealth Health { get; init; }

    public DeviceNumber Device => Mount.Device;

    public FilesystemRole Role => Mount.MountPoint.IsRoot ? FilesystemRole.Root : FilesystemRole.Data;

    /// <summary>
    /// Since when a probe is away, requests are in flight and no write or flush completes; null while one of the
    /// three does not hold.
    /// </summary>
    public Moment? FrozenSince
        => Probe.OutstandingId is null || Activity.Last.Inflight == 0 ? null
            : Activity.UnchangedSince.HasCome(Probe.StartedAt) ? Probe.StartedAt
            : Activity.UnchangedSince;

    /// <summary>Errors were recorded since the agent first saw this mount.</summary>
    public bool ErrorsGrew => ErrorsCount > ErrorsBaseline;

    /// <summary>Something other than the mount table says that the journal is aborted.</summary>
    public bool HasAbortEvidence
        => Kernel.JournalAborted || ErrorsGrew || Mount.SuperOptions.Contains("emergency_ro");
}

/// <summary>What the probes of one filesystem brought.</summary>
internal sealed record ProbeFacts
{
    /// <summary>The probe that has not come back; null when none is outstanding.</summary>
    public long? OutstandingId { get; init; }

    /// <summary>When it was started.</summary>
    public Moment StartedAt { get; init; }

    /// <summary>The last one that came back; null before the first.</summary>
    public ProbeResult? Last { get; init; }

    /// <summary>When that was.</summary>
    public Moment LastFinishedAt { get; init; }

    /// <summary>
    /// How many probes in a row brought nothing, because there was no probe process or it died. Then nothing is
    /// known, whatever was known before.
    /// </summary>
    public int Fruitless { get; init; }

    /// <summary>Since when probes meet EROFS; null when the last one did not.</summary>
    public Moment? ReadOnlySince { get; init; }

    /// <summary>Something happened since the last probe began: ask again soon.</summary>
    public bool Wanted { get; init; }

    /// <summary>
    /// What happened is an end (the journal was aborted): the probe waits for no pace. There may have been one a moment
    /// ago, which the I/O error before the abort asked for.
    /// </summary>
    public bool IsUrgent { get; init; }

    /// <summary>
    /// Until then it is suspect whatever a probe says. The kernel prints "Aborting journal" before it marks the
    /// journal: the probe that the line asked for may still succeed.
    /// </summary>
    public Moment SuspectUntil { get; init; }

    /// <summary>Asks for a probe at once, and for a closer look for a while.</summary>
    public ProbeFacts WithNews(Moment now) => this with { Wanted = true, SuspectUntil = now + SuspectFor };

    private static readonly TimeSpan SuspectFor = TimeSpan.FromSeconds(20);

    /// <summary>How long the outstanding probe has been away; null when none is.</summary>
    public TimeSpan? OutstandingFor(Moment now) => OutstandingId is null ? null : now - StartedAt;
}

/// <summary>What the kernel log said of one filesystem since it was mounted.</summary>
internal sealed record KernelFacts
{
    public bool JournalAborted { get; init; }

    public bool RemountedReadOnly { get; init; }

    public bool ShutDown { get; init; }

    public bool DeviceError { get; init; }

    public bool FlushDisabled { get; init; }

    public bool FilesystemError { get; init; }

    /// <summary>When the first write was lost, on the wall clock.</summary>
    public DateTimeOffset? WriteLostSince { get; init; }
}

/// <summary>What the device's queue showed.</summary>
internal sealed record ActivityFacts
{
    public BlockActivity Last { get; init; }

    /// <summary>When that number of completed writes and flushes was seen first.</summary>
    public Moment UnchangedSince { get; init; }
}
