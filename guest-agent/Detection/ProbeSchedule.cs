using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>How often is probed.</summary>
/// <param name="Root">The root, when nothing is wrong.</param>
/// <param name="Data">Any other filesystem, when nothing is wrong.</param>
internal sealed record ProbeIntervals(TimeSpan Root, TimeSpan Data)
{
    /// <summary>The pace of one filesystem when nothing is wrong.</summary>
    public TimeSpan Of(WatchedFilesystem one) => one.Role == FilesystemRole.Root ? Root : Data;

    public static ProbeIntervals Default { get; } = new(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(15));
}

/// <summary>When a filesystem is due for its next probe.</summary>
internal static class ProbeSchedule
{
    private static readonly TimeSpan Suspect = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Where an abort is confirmed: nothing but a new mount ends it, and that is seen in the mount table. On 6.1 a
    /// probe of an aborted root prints 12 kernel lines while its disk is away, so these are 24 in ten minutes.
    /// </summary>
    private static readonly TimeSpan Confirmed = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan Apart = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// The moment from which a probe may start; null while one is outstanding, never more than one a filesystem, and
    /// where none is made (<see cref="MountEntry.IsProbed"/>).
    /// </summary>
    /// <param name="one">The filesystem.</param>
    /// <param name="intervals">The pace.</param>
    /// <param name="phase">0 to 1, different for each guest and filesystem: a thousand guests share one SAN.</param>
    public static Moment? NextDue(WatchedFilesystem one, ProbeIntervals intervals, double phase)
    {
        if (one.Probe.OutstandingId is not null || !one.Mount.IsProbed)
        {
            return null;
        }

        Moment last = one.Probe.LastFinishedAt;
        if (one.Probe.Fruitless > 0)
        {
            return last + Suspect;
        }

        if (one.Probe.Last is null)
        {
            return last;
        }

        if (one.Probe.Wanted)
        {
            return one.Probe.IsUrgent ? last : last + Apart;
        }

        TimeSpan interval = intervals.Of(one);
        TimeSpan pace = one.Health.Verdict switch
        {
            _ when IsConfirmed(one.Health.Verdict) => Confirmed,
            _ when last.SinceBoot < one.Probe.SuspectUntil.SinceBoot => Suspect,
            Verdict.Writable or Verdict.ReadOnlyByDesign or Verdict.Full => interval * (0.9 + (0.2 * phase)),
            Verdict.ErrorsRecorded or Verdict.FlushDisabled => interval,
            Verdict.Unknown when one.Probe is { Last.Wrote: false, ReadOnlySince: null } => interval,
            Verdict.Unknown when one.Mount.Claims == MountClaim.Ro => interval,
            _ => Suspect,
        };
        return last + pace;
    }

    /// <summary>Whether a verdict is final until the filesystem is mounted anew.</summary>
    public static bool IsConfirmed(Verdict verdict)
        => verdict is Verdict.JournalAborted or Verdict.ShutDown;
}
