namespace GuestAgent.Detection;

/// <summary>What the probes of one filesystem brought.</summary>
internal sealed record ProbeFacts
{
    /// <summary>The probe that has not come back; null when none is outstanding.</summary>
    public long? OutstandingId { get; init; }

    /// <summary>When it was started.</summary>
    public Moment StartedAt { get; init; }

    /// <summary>
    /// The filesystem was at its end when it was started: what it makes the kernel print is no news, also while it is
    /// away for so long that something else is held true.
    /// </summary>
    public bool BeganAtTheEnd { get; init; }

    /// <summary>
    /// The kernel function in which it was seen to wait for a thaw; null when it was not. It stays until the next one
    /// starts: a probe that was let go is about to come back.
    /// </summary>
    public string? FreezeWait { get; init; }

    /// <summary>The last one that came back; null before the first.</summary>
    public ProbeResult? Last { get; init; }

    /// <summary>When that one was started.</summary>
    public Moment LastStartedAt { get; init; }

    /// <summary>It waited for a thaw: that it took long was not the device's fault.</summary>
    public bool LastWaitedForThaw { get; init; }

    /// <summary>When it came back, or a later one was given up.</summary>
    public Moment LastFinishedAt { get; init; }

    /// <summary>
    /// How many probes in a row brought nothing, because there was no probe process or it died. Then nothing is
    /// known, whatever was known before.
    /// </summary>
    public int Fruitless { get; init; }

    /// <summary>A probe of this mount wrote: what cannot be written now could be before.</summary>
    public bool HasWritten { get; init; }

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
    public ProbeFacts WithNews(Moment now, bool isUrgent = false) => this with
    {
        Wanted = true, IsUrgent = IsUrgent || isUrgent, SuspectUntil = now + SuspectFor,
    };

    /// <summary>
    /// From now on another mount of the filesystem is probed: for how long the one before refused writes, or that it took
    /// them, says nothing of it. What the last probe met stands until the next, which is asked for.
    /// </summary>
    public ProbeFacts ThroughAnotherMount() => this with { Wanted = true, ReadOnlySince = null, HasWritten = false };

    private static readonly TimeSpan SuspectFor = TimeSpan.FromSeconds(20);

    /// <summary>How long the guest stood still while the newest probe was away.</summary>
    public TimeSpan StoodStill { get; init; }

    /// <summary>The same, as if the time in which the guest stood still had not been.</summary>
    public ProbeFacts Without(TimeSpan standstill) => this with
    {
        StartedAt = OutstandingId is null ? StartedAt : StartedAt + standstill,
        StoodStill = OutstandingId is null ? StoodStill : StoodStill + standstill,
        ReadOnlySince = ReadOnlySince + standstill,
    };

    /// <summary>How long the outstanding probe has been away; null when none is.</summary>
    public TimeSpan? OutstandingFor(Moment now) => OutstandingId is null ? null : now - StartedAt;
}
