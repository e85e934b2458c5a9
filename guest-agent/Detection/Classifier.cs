using System.Globalization;
using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>A verdict with the facts it stands on.</summary>
internal readonly record struct Judgement(Verdict Verdict, IReadOnlyList<Evidence> Evidence);

/// <summary>
/// From the facts of one filesystem to its verdict. The probe decides: everything else only names what the probe
/// met. The table of these rules stands in DETECTION.md.
/// </summary>
internal static class Classifier
{
    /// <summary>A probe that is away for longer is slow.</summary>
    public static readonly TimeSpan SlowAfter = TimeSpan.FromSeconds(2);

    /// <summary>A probe that is away for longer, while the device completes no write, hangs.</summary>
    public static readonly TimeSpan HungAfter = TimeSpan.FromSeconds(5);

    /// <summary>A probe that is away for longer hangs, whatever the device completes.</summary>
    public static readonly TimeSpan HungAnyway = TimeSpan.FromSeconds(120);

    /// <summary>
    /// EROFS while the table says rw, without another sign of an abort, may be a remount under way: the kernel
    /// refuses writes, syncs for seconds, and changes the table last. What lasts longer is an abort.
    /// </summary>
    public static readonly TimeSpan RemountTakes = TimeSpan.FromSeconds(30);

    /// <summary>So many probes in a row that brought nothing, and nothing is known any more.</summary>
    private const int FruitlessLimit = 3;

    /// <summary>Judges one filesystem.</summary>
    public static Judgement Judge(WatchedFilesystem facts, Moment now)
    {
        if (facts.Probe.OutstandingFor(now) is { } away && away >= SlowAfter)
        {
            return JudgeOutstanding(facts, away, now);
        }

        if (facts.Probe.Fruitless >= FruitlessLimit)
        {
            return new Judgement(Verdict.Unknown, [new Evidence(EvidenceKind.ProbeRefused, "no-probe-process")]);
        }

        return facts.Probe.Last switch
        {
            null or { MissedFilesystem: true } => JudgeUnprobed(facts),
            { Wrote: true } result => JudgeWriting(facts, result),
            { NoRoom: true } => new Judgement(Verdict.Full, Facts(facts)),
            { Step: ProbeStep.Refused } => new Judgement(Verdict.Unknown, Facts(facts)),
            { ErrnoName: "EROFS" } => JudgeReadOnly(facts, now),
            _ => JudgeFailing(facts),
        };
    }

    private static Judgement JudgeOutstanding(WatchedFilesystem facts, TimeSpan away, Moment now)
    {
        var evidence = new List<Evidence> { new(EvidenceKind.ProbeOutstanding, Seconds(away)) };
        BlockActivity activity = facts.Activity.Last;
        evidence.Add(new Evidence(EvidenceKind.Inflight, activity.Inflight.ToString(CultureInfo.InvariantCulture)));
        if (facts.FrozenSince is { } since)
        {
            evidence.Add(new Evidence(EvidenceKind.CompletionsFrozen, Seconds(now - since)));
        }

        bool frozenLongEnough = facts.FrozenSince is { } start && now - start >= HungAfter;
        Verdict verdict = away switch
        {
            _ when away >= HungAnyway && activity.Inflight > 0 => Verdict.Hung,
            _ when away >= HungAfter && frozenLongEnough => Verdict.Hung,
            _ when away >= HungAfter && activity.Inflight == 0 => Verdict.Unknown,
            _ => Verdict.Slow,
        };
        return new Judgement(verdict, evidence);
    }

    private static Judgement JudgeUnprobed(WatchedFilesystem facts)
        => new(Verdict.Unknown, Facts(facts));

    private static Judgement JudgeWriting(WatchedFilesystem facts, ProbeResult result)
    {
        Verdict verdict = facts switch
        {
            { Kernel.FlushDisabled: true } => Verdict.FlushDisabled,
            // A count that has just grown may be the first sign of an abort: the next probe tells which it is.
            { ErrorsCount: > 0 } when !facts.Probe.Wanted || facts.Health.Verdict == Verdict.ErrorsRecorded
                => Verdict.ErrorsRecorded,
            _ when result.Duration >= SlowAfter => Verdict.Slow,
            _ => Verdict.Writable,
        };
        return new Judgement(verdict, Facts(facts));
    }

    /// <summary>The probe met EROFS: an abort, an administrator's wish, or an error that left no trace.</summary>
    private static Judgement JudgeReadOnly(WatchedFilesystem facts, Moment now)
    {
        List<Evidence> evidence = Facts(facts);
        if (facts.Mount.SuperOptions.Contains("shutdown") || facts.Kernel.ShutDown)
        {
            return new Judgement(Verdict.ShutDown, evidence);
        }

        if (facts.HasAbortEvidence)
        {
            return new Judgement(Verdict.JournalAborted, evidence);
        }

        if (facts.Mount.Claims == MountClaim.Rw)
        {
            bool lasts = facts.Probe.ReadOnlySince is { } since && now - since >= RemountTakes;
            return new Judgement(lasts ? Verdict.JournalAborted : Verdict.Unknown, evidence);
        }

        // Errors that were recorded long ago are no reason to distrust a wish that is written down.
        if (facts.Fstab == FstabWish.ReadOnly && !facts.Kernel.RemountedReadOnly)
        {
            evidence.Add(new Evidence(EvidenceKind.Fstab, "ro"));
            return new Judgement(Verdict.ReadOnlyByDesign, evidence);
        }

        if (facts.Kernel.RemountedReadOnly || facts.ErrorsCount > 0)
        {
            return new Judgement(Verdict.RemountedReadOnly, evidence);
        }

        bool mayBeWished = facts.Role != FilesystemRole.Root && facts.Fstab != FstabWish.ReadWrite;
        if (mayBeWished && facts.AdministratorRemountSeen)
        {
            evidence.Add(new Evidence(EvidenceKind.AdministratorRemount, string.Empty));
            return new Judgement(Verdict.ReadOnlyByDesign, evidence);
        }

        // A data filesystem that was read-only before the agent came, without a trace of an error and without a
        // line in fstab: nobody knows who wished it.
        return new Judgement(mayBeWished ? Verdict.Unknown : Verdict.RemountedReadOnly, evidence);
    }

    /// <summary>The probe met EIO or something as bad.</summary>
    private static Judgement JudgeFailing(WatchedFilesystem facts)
    {
        Verdict verdict = facts switch
        {
            { Kernel.JournalAborted: true } => Verdict.JournalAborted,
            { Kernel.ShutDown: true } => Verdict.ShutDown,
            _ when facts.Mount.SuperOptions.Contains("shutdown") => Verdict.ShutDown,
            _ when facts.Mount.SuperOptions.Contains("emergency_ro") => Verdict.JournalAborted,
            _ when facts.Mount.FilesystemType == "btrfs" && facts.Mount.IsSuperReadOnly => Verdict.ShutDown,
            _ => Verdict.DeviceFailing,
        };
        return new Judgement(verdict, Facts(facts));
    }

    private static List<Evidence> Facts(WatchedFilesystem facts)
    {
        var evidence = new List<Evidence>();
        if (facts.Probe.Last is { } probe)
        {
            EvidenceKind kind = probe.Step == ProbeStep.Refused ? EvidenceKind.ProbeRefused : EvidenceKind.Probe;
            evidence.Add(new Evidence(kind, probe.ErrnoName));
        }

        AddWhen(evidence, facts.Kernel.JournalAborted, EvidenceKind.KernelLine, "aborting-journal");
        AddWhen(evidence, facts.Kernel.ShutDown, EvidenceKind.KernelLine, "shut-down");
        AddWhen(evidence, facts.Kernel.FlushDisabled, EvidenceKind.KernelLine, "flush-disabled");
        foreach (string option in facts.Mount.SuperOptions.Where(IsTelling))
        {
            evidence.Add(new Evidence(EvidenceKind.MountOption, option));
        }

        AddWhen(evidence, facts.Mount.IsMountReadOnly, EvidenceKind.MountOption, "ro-mount");
        if (facts.ErrorsCount is > 0)
        {
            string growth = $"{facts.ErrorsCount}(+{facts.ErrorsCount - facts.ErrorsBaseline})";
            evidence.Add(new Evidence(EvidenceKind.ErrorsCount, growth));
        }

        AddWhen(evidence, facts.Activity.Last.IsReadOnly, EvidenceKind.DeviceReadOnly, string.Empty);
        AddWhen(evidence, facts.Kernel.DeviceError, EvidenceKind.KernelLine, "device-error");
        return evidence;
    }

    private static bool IsTelling(string option) => option is "ro" or "emergency_ro" or "shutdown";

    private static void AddWhen(List<Evidence> evidence, bool holds, EvidenceKind kind, string detail)
    {
        if (holds)
        {
            evidence.Add(new Evidence(kind, detail));
        }
    }

    /// <summary>
    /// Whole seconds, and for long waits whole minutes: a report must not change each second because time passes.
    /// </summary>
    private static string Seconds(TimeSpan duration) => duration.TotalSeconds switch
    {
        < 5 => "2s",
        < 30 => "5s",
        < 60 => "30s",
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)duration.TotalMinutes}min"),
    };
}
