using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>When its condition holds and no rule before it did, this is the verdict.</summary>
/// <param name="Name">What it says, for people.</param>
/// <param name="Verdict">The verdict.</param>
/// <param name="Holds">The condition.</param>
internal sealed record VerdictRule(string Name, Verdict Verdict, Func<Situation, bool> Holds);

/// <summary>
/// The rules, first to last: the probe decides, everything else names what it met. The same table stands in
/// DETECTION.md for people.
/// </summary>
internal static class VerdictRules
{
    public static IReadOnlyList<VerdictRule> InOrder { get; } =
    [
        // A probe is away.
        new("requests wait and no write completes", Verdict.Hung, one => one.IsAway && one.IsStalled),
        new("the probe waits for a thaw", Verdict.Frozen, one => one.IsAway && one.WaitsForThaw),
        new("no probe came back for long, and requests wait", Verdict.Hung,
            one => one.IsAwayFor(Classifier.HungAnyway) && one.HasRequests),
        new("the probe waits for nothing that can be seen", Verdict.Unknown,
            one => one.IsQuiet && !one.Facts.Probe.BeganAtTheEnd),
        new("the probe is late", Verdict.Slow, one => one.IsAway && !one.Facts.Probe.BeganAtTheEnd),

        // No probe says anything.
        new("its type is not watched", Verdict.Unknown, one => one.Facts.Mount.IsNotWatched),
        new("no process takes probes", Verdict.Unknown, one => one.HasNoProbeProcess),
        new("not probed yet", Verdict.Unknown, one => one.IsUnprobed),
        new("the mount point leads elsewhere", Verdict.Unknown, one => one.MissedFilesystem),
        new("the probe file cannot be used", Verdict.Unknown, one => one.IsRefused),

        // It writes.
        new("it writes, without a barrier", Verdict.FlushDisabled, one => one.Wrote && one.Facts.Kernel.FlushLost),
        new("it writes over recorded errors", Verdict.ErrorsRecorded, one => one.Wrote && one.HasRecordedErrors),
        new("it writes, late", Verdict.Slow, one => one.Wrote && one.WroteSlowly),
        new("it writes, and there is no room", Verdict.Full, one => one.Wrote && one.LacksRoom),
        new("it writes", Verdict.Writable, one => one.Wrote),
        new("no room for the probe file", Verdict.Full, one => one.FoundNoRoom),

        // It does not write.
        new("it was shut down", Verdict.ShutDown, one => one.IsShutDown),
        new("its journal was aborted", Verdict.JournalAborted, one => one.IsAborted && one.HasJournal),
        new("it gave up, and has no journal", Verdict.RemountedReadOnly, one => one.IsAborted),
        new("it met something of the device", Verdict.DeviceFailing, one => !one.MetReadOnly),

        // It is read-only.
        new("a remount may be under way", Verdict.Unknown, one => one.ClaimsReadWrite),
        new("fstab wants it read-only", Verdict.ReadOnlyByDesign, one => one.IsWrittenDown),
        new("an error made it read-only", Verdict.RemountedReadOnly, one => one.HasErrorTrace),
        new("an administrator's remount was seen", Verdict.ReadOnlyByDesign,
            one => one.MayBeWished && one.Facts.AdministratorRemountSeen),
        new("read-only since before the agent came", Verdict.Unknown, one => one.MayBeWished),
        new("nobody can have wished it", Verdict.RemountedReadOnly, _ => true),
    ];
}
