using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>When its condition holds and no rule before it did, this is the verdict.</summary>
/// <param name="Name">What it says, for people.</param>
/// <param name="Verdict">The verdict.</param>
/// <param name="Holds">The condition.</param>
internal sealed record VerdictRule(string Name, Verdict Verdict, Func<Situation, bool> Holds)
{
    /// <summary>Why it is unknown or read-only by design; null for every other verdict.</summary>
    public Func<Situation, VerdictReason?> Why { get; init; } = _ => null;

    /// <summary>A rule with a verdict that needs a reason.</summary>
    public VerdictRule(string name, Verdict verdict, VerdictReason why, Func<Situation, bool> holds)
        : this(name, verdict, holds) => Why = _ => why;
}

/// <summary>
/// The rules, first to last: the probe decides, everything else names what it met. The same table stands in
/// DETECTION.md for people.
/// </summary>
internal static class VerdictRules
{
    public static IReadOnlyList<VerdictRule> InOrder { get; } =
    [
        // No probe is made: what the kernel says decides.
        new("covered, and it was shut down", Verdict.ShutDown, one => one.IsCovered && one.HasShutDownEvidence),
        new("covered, and its journal was aborted", Verdict.JournalAborted, one => one.IsCovered && one.HasAbortMark),
        new("covered, and an error made it read-only", Verdict.RemountedReadOnly,
            one => one.IsCovered && one.Facts.Kernel.RemountedReadOnly),
        new("another mount covers it", Verdict.Unknown, VerdictReason.MountCovered,
            one => one.IsCovered && !one.IsAway),

        // A probe is away.
        new("requests wait and no write completes", Verdict.Hung, one => one.IsAway && one.IsStalled),
        new("the probe waits for a thaw", Verdict.Frozen, one => one.IsAway && one.WaitsForThaw),
        new("no probe came back for long, and requests wait", Verdict.Hung,
            one => one.IsAwayFor(Classifier.HungAnyway) && one.HasRequests),
        new("the probe waits for nothing that can be seen", Verdict.Unknown, VerdictReason.ProbeAway,
            one => one.IsQuiet && !one.Facts.Probe.BeganAtTheEnd),
        new("the probe is late", Verdict.Slow, one => one.IsAway && !one.Facts.Probe.BeganAtTheEnd),

        // No probe says anything.
        new("its type is not watched", Verdict.Unknown, VerdictReason.NotWatched, one => one.Facts.Mount.IsNotWatched),
        new("no process takes probes", Verdict.Unknown, VerdictReason.NoProbeProcess, one => one.HasNoProbeProcess),
        new("not probed yet", Verdict.Unknown, VerdictReason.NotProbedYet, one => one.IsUnprobed),
        new("the probe file cannot be used", Verdict.Unknown, VerdictReason.ProbeRefused, one => one.IsRefused),

        // It writes.
        new("it writes, without a barrier", Verdict.FlushDisabled, one => one.Wrote && one.Facts.Kernel.FlushLost),
        new("it writes over recorded errors", Verdict.ErrorsRecorded, one => one.Wrote && one.HasRecordedErrors),
        new("it writes, late", Verdict.Slow, one => one.Wrote && one.WroteSlowly),
        new("it writes, and there is no room", Verdict.Full, one => one.Wrote && one.LacksRoom),
        new("it writes", Verdict.Writable, one => one.Wrote),
        new("no room for the probe file", Verdict.Full, one => one.FoundNoRoom),

        // It does not write.
        new("it was shut down", Verdict.ShutDown, one => one.IsShutDown),
        new("a read-only subvolume", Verdict.ReadOnlyByDesign, one => one.MetReadOnly && one.IsReadOnlySubvolume)
        {
            Why = one => one.IsWrittenDown ? one.Facts.Wish.Reason : VerdictReason.ReadOnlySubvolume,
        },
        new("its journal was aborted", Verdict.JournalAborted, one => one.IsAborted && one.HasJournal),
        new("it gave up, and has no journal", Verdict.RemountedReadOnly, one => one.IsAborted),
        new("it met something of the device", Verdict.DeviceFailing, one => !one.MetReadOnly),

        // It refuses writes, and nothing says that it gave up.
        new("it is written down that it is read-only", Verdict.ReadOnlyByDesign, one => one.IsWrittenDown)
        {
            Why = one => one.Facts.Wish.Reason,
        },
        new("a remount may be under way", Verdict.Unknown, VerdictReason.RemountUnderWay,
            one => one.ClaimsReadWrite && !one.IsReadOnlyForLong),
        new("it refuses writes, and nobody knows why", Verdict.Unknown, VerdictReason.WritesRefused,
            one => one.ClaimsReadWrite),
        new("an error made it read-only", Verdict.RemountedReadOnly, one => one.HasErrorTrace),
        new("a lower layer of the overlay at /", Verdict.ReadOnlyByDesign, VerdictReason.OverlayLower,
            one => one.IsOverlayLower),
        new("an administrator's remount was seen", Verdict.ReadOnlyByDesign, VerdictReason.AdministratorRemount,
            one => one.MayBeWished && one.Facts.AdministratorRemountSeen),
        new("it wrote before, and nobody can have wished it", Verdict.RemountedReadOnly, one => one.HasWritten),
        new("read-only since before the agent came", Verdict.ReadOnlyByDesign, VerdictReason.ReadOnlySinceBoot,
            one => one.MayBeWished),
        new("read-only, and nobody knows why", Verdict.Unknown, VerdictReason.ReadOnlyUnexplained, _ => true),
    ];
}
