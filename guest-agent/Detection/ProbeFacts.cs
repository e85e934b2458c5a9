namespace GuestAgent.Detection;

/// <summary>What the probes of one filesystem brought.</summary>
internal sealed record ProbeFacts
{
    /// <summary>The probe that has not come back; null when none is outstanding.</summary>
    public long? OutstandingId { get; init; }

    /// <summary>When it was started.</summary>
    public Moment StartedAt { get; init; }

    /// <summary>The kernel function in which it waits for a thaw; null when it waits for anything else.</summary>
    public string? FreezeWait { get; init; }

    /// <summary>It was seen to wait for one: what it then took was not the device's fault.</summary>
    public bool WaitedForThaw { get; init; }

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
