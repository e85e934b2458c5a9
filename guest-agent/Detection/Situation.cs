using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>One filesystem at one moment, in the words of the rules.</summary>
internal readonly record struct Situation(WatchedFilesystem Facts, Moment Now)
{
    /// <summary>
    /// EROFS while the table says rw, without another sign of an abort, may be a remount under way: the kernel
    /// refuses writes, syncs for seconds, and changes the table last. What lasts longer, and wrote before, is an abort.
    /// </summary>
    private static readonly TimeSpan RemountTakes = TimeSpan.FromSeconds(30);

    /// <summary>A remount that writes out what is dirty may take that long, as long as the device completes writes.</summary>
    private static readonly TimeSpan RemountTakesAtMost = TimeSpan.FromMinutes(5);

    /// <summary>A device that completed a write so lately is still being written to.</summary>
    private static readonly TimeSpan WroteLately = TimeSpan.FromSeconds(5);

    /// <summary>A line of the kernel log of what passes (a failed read, a time-out) is told for so long.</summary>
    private static readonly TimeSpan TellFor = TimeSpan.FromMinutes(10);

    /// <summary>So many probes in a row that brought nothing, and nothing is known any more.</summary>
    private const int FruitlessLimit = 3;

    private ProbeResult? Last => Facts.Probe.Last;

    private TimeSpan Away => Facts.Probe.OutstandingFor(Now) ?? TimeSpan.Zero;

    // A probe that does not come back.

    public bool IsAway => Away >= Classifier.SlowAfter;

    /// <summary>For how long nothing completes although requests wait; null when one of the two is not so.</summary>
    public TimeSpan? StalledFor => Facts.FrozenSince is { } since ? Now - since : null;

    public bool IsStalled => IsAwayFor(Classifier.HungAfter) && StalledFor >= Classifier.HungAfter && !WaitsForThaw;

    /// <summary>
    /// It waits for a thaw and nothing is being written. A freeze that cannot finish because the device takes no
    /// write looks the same to the probe, and is a hang.
    /// </summary>
    public bool WaitsForThaw => Facts.Probe.FreezeWait is not null && Facts.Activity.Last.InflightWrites == 0;

    /// <summary>No request waits, none completed lately: right after a hang ends, the probe is on its way.</summary>
    public bool IsQuiet => IsAwayFor(Classifier.HungAfter) && !HasRequests
        && Now - Facts.Activity.UnchangedSince >= Classifier.HungAfter;

    /// <summary>Requests wait, or nobody can tell.</summary>
    public bool HasRequests => Facts.Activity.Last.Inflight > 0 || !Facts.Observed.IsQueueKnown;

    public bool IsAwayFor(TimeSpan limit) => Away >= limit;

    // A probe that brought nothing.

    public bool HasNoProbeProcess => Facts.Probe.Fruitless >= FruitlessLimit;

    public bool IsUnprobed => Last is null;

    /// <summary>Another mount covers the mount point, by the table or by where the last probe got to.</summary>
    public bool IsCovered => Facts.Mount.IsCovered || Last is { MissedFilesystem: true };

    public bool IsRefused => Last is { Step: ProbeStep.Refused };

    // A probe that wrote.

    public bool Wrote => Last is { Wrote: true };

    /// <summary>
    /// Errors are recorded. A count that has just grown may be the first sign of an abort: a probe that began after it
    /// tells which it is.
    /// </summary>
    public bool HasRecordedErrors => Facts.ErrorsCount > 0
        && (Facts.Probe.LastStartedAt - Facts.ErrorsGrewAt > TimeSpan.Zero
            || Facts.Health.Verdict == Verdict.ErrorsRecorded);

    /// <summary>Late, and not because of a freeze.</summary>
    public bool WroteSlowly => Last?.Duration >= Classifier.SlowAfter && !Facts.Probe.LastWaitedForThaw;

    public bool LacksRoom => Last is { Room: { LacksBytes: true } or { LacksInodes: true } };

    // A probe that failed.

    /// <summary>
    /// Not when the device was asked to confirm: the probe's blocks were written once, so it is a thin pool that has no
    /// room for them, and what was written is lost. Types that copy on write may need new ones.
    /// </summary>
    public bool FoundNoRoom => Last is { NoRoom: true } last
        && (last.Step != ProbeStep.Sync || FilesystemTypes.IsCopyOnWrite(Facts.Mount.FilesystemType));

    public bool MetReadOnly => Last is { ErrnoName: "EROFS" };

    public bool IsShutDown => HasShutDownEvidence
        || (Facts.Mount.FilesystemType == "btrfs"
            && (MetReadOnly ? Facts.IsForcedReadOnly : Facts.Mount.IsSuperReadOnly));

    /// <summary>The kernel log or the superblock says so, whatever a probe met.</summary>
    public bool HasShutDownEvidence => Facts.Mount.SuperOptions.Contains("shutdown") || Facts.Kernel.ShutDown;

    /// <summary>The same of an abort.</summary>
    public bool HasAbortMark => Facts.Kernel.JournalAborted || Facts.Mount.SuperOptions.Contains("emergency_ro");

    /// <summary>
    /// Other evidence than the probe says that it gave up. Of a probe that met EIO a grown count proves nothing:
    /// with errors=continue the journal may still live. EROFS alone proves nothing either.
    /// </summary>
    public bool IsAborted => MetReadOnly
        ? Facts.HasAbortEvidence || (ClaimsReadWrite && Facts.HasErrorOfThisBoot(Now)) || StoppedWriting
        : HasAbortMark;

    /// <summary>A read-only subvolume refuses writes by its property, and nothing speaks of an abort.</summary>
    public bool IsReadOnlySubvolume => Last is { IsReadOnlySubvolume: true } && !Facts.HasAbortEvidence;

    public bool HasJournal => Facts.Observed.HasJournal;

    public bool ClaimsReadWrite => Facts.Mount.Claims == MountClaim.Rw;

    /// <summary>A probe of this mount wrote, and since then all meet EROFS for longer than a remount takes.</summary>
    private bool StoppedWriting => ClaimsReadWrite && Facts.Probe.HasWritten && IsReadOnlyForLong;

    /// <summary>For longer than a remount takes.</summary>
    public bool IsReadOnlyForLong => Facts.Probe.ReadOnlySince is { } since
        && Now - since >= (IsBeingWritten ? RemountTakesAtMost : RemountTakes);

    private bool IsBeingWritten => Now - Facts.Activity.UnchangedSince < WroteLately;

    /// <summary>
    /// It is written down that it is to be read-only, and the kernel says of no error that it made it so. Errors that
    /// were recorded long ago are no reason to distrust that. What is mounted read-write needs the administrator's word.
    /// </summary>
    public bool IsWrittenDown => Facts.Wish.IsReadOnly && !Facts.Kernel.RemountedReadOnly
        && (!ClaimsReadWrite || Facts.Wish.Source == WishSource.Key);

    /// <summary>An error is known that may have made it read-only.</summary>
    public bool HasErrorTrace => Facts.Kernel.RemountedReadOnly || Facts.ErrorsGrew || Facts.IsForcedReadOnly
        || Facts.HasErrorOfThisBoot(Now);

    public bool IsOverlayLower => Facts.Observed.IsOverlayLower;

    /// <summary>Nobody says that it is to be read-write.</summary>
    public bool MayBeWished => Facts.Role != FilesystemRole.Root && !Facts.Wish.IsReadWrite;

    public bool HasWritten => Facts.Probe.HasWritten;

    public bool IsRecent(TimeSpan? at) => at is { } then && Now.SinceBoot - then < TellFor;
}
