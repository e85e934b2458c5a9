using System.Globalization;
using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>
/// The facts that are told with a verdict, the most telling first: what the probe met, then what names it, then
/// what may lie behind it, then what a reader should know besides. A report carries the first
/// <see cref="FilesystemHealth.MaxEvidence"/>.
/// </summary>
internal static class EvidenceRules
{
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss'Z'";

    /// <summary>A kind, and its detail in a situation with its verdict; null when it has nothing to say.</summary>
    private static readonly (EvidenceKind Kind, Func<Situation, Verdict, string?> Detail)[] InOrder =
    [
        (EvidenceKind.ProbeRefused, (one, _) => When(!one.IsAway && one.HasNoProbeProcess, "no-probe-process")),
        (EvidenceKind.ProbeRefused, (one, _) => one.IsRefused ? Returned(one)?.ErrnoName : null),
        (EvidenceKind.Probe, (one, _) => one.IsRefused ? null : Returned(one)?.ErrnoName),
        (EvidenceKind.ProbeOutstanding,
            (one, _) => one.IsAway ? Rounded(one.Facts.Probe.OutstandingFor(one.Now)) : null),
        (EvidenceKind.FreezeWait, (one, _) => one.IsAway ? one.Facts.Probe.FreezeWait : null),
        (EvidenceKind.Inflight, (one, _) => one.IsAway ? Number(one.Facts.Activity.Last.Inflight) : null),
        (EvidenceKind.CompletionsFrozen, (one, _) => one.IsAway ? Rounded(one.StalledFor) : null),
        (EvidenceKind.Fstab, (one, verdict) => When(
            verdict == Verdict.ReadOnlyByDesign && one.IsWrittenDown && one.Facts.Wish.Source == WishSource.Fstab, "ro")),
        (EvidenceKind.AdministratorRemount, (one, verdict) => When(
            verdict == Verdict.ReadOnlyByDesign && !one.IsWrittenDown && one.Facts.AdministratorRemountSeen)),
        (EvidenceKind.KernelLine, (one, _) => When(one.Facts.Kernel.ShutDown, "shut-down")),
        (EvidenceKind.KernelLine, (one, _) => When(one.Facts.Kernel.JournalAborted, "aborting-journal")),
        (EvidenceKind.KernelLine, (one, _) => When(one.Facts.Kernel.FlushLost, "flush-disabled")),
        (EvidenceKind.MountOption, (one, _) => Option(one, "shutdown")),
        (EvidenceKind.MountOption, (one, _) => Option(one, "emergency_ro")),
        (EvidenceKind.MountOption, (one, _) => Option(one, "ro")),
        (EvidenceKind.MountOption, (one, _) => When(one.Facts.Mount.IsMountReadOnly, "ro-mount")),
        (EvidenceKind.ErrorsCount, (one, _) => Errors(one.Facts)),
        (EvidenceKind.DeviceReadOnly, (one, _) => When(one.Facts.Activity.Last.IsReadOnly)),
        (EvidenceKind.BytesFree, (one, _) => Room(one) is { LacksBytes: true } room ? Number(room.FreeBytes) : null),
        (EvidenceKind.InodesFree, (one, _) => When(Room(one) is { LacksInodes: true }, "0")),
        (EvidenceKind.KernelLine, (one, _) => When(one.IsRecent(one.Facts.Kernel.DeviceErrorAt), "device-error")),
        (EvidenceKind.ReadErrors, (one, _) => one.Facts.Kernel.ReadError is { } read && one.IsRecent(read.At)
            ? read.DeviceName
            : null),
        (EvidenceKind.KernelLine, (one, _) => When(one.IsRecent(one.Facts.Kernel.DeviceOfflineAt), "device-offline")),
        (EvidenceKind.KernelLine, (one, _) => When(one.IsRecent(one.Facts.Kernel.DeviceTimeoutAt), "device-timeout")),
        (EvidenceKind.SwapError, (one, _) => one.Facts.Kernel.SwapError is { } swap && one.IsRecent(swap.At)
            ? swap.DeviceNumber
            : null),
        (EvidenceKind.VbdState, (one, _) => one.Facts.Activity.Last.TroubledVbdState),
        (EvidenceKind.FsErrorEvent, (one, _) => one.Facts.Kernel.ErrorEvent),
        (EvidenceKind.LastError, (one, _) => one.Facts.LastError is { } last
            ? $"{last.Function}@{last.At.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture)}"
            : null),
        (EvidenceKind.KernelLine, (one, _) => When(one.Facts.Kernel.FilesystemError, "filesystem-error")),
        (EvidenceKind.KernelLine, (one, _) => When(one.IsRecent(one.Facts.Kernel.TaskHungAt), "task-hung")),
        (EvidenceKind.Statvfs, (one, _) => When(Room(one) is { IsReadOnly: true }, "ro")),
        (EvidenceKind.MountOption, (one, _) => When(one.Facts.Observed.PanicsOnErrors, "errors=panic")),
        (EvidenceKind.SelfReset, (one, _) => one.Facts.SelfReset.Count > 0
            ? string.Join('+', one.Facts.SelfReset)
            : null),
    ];

    /// <summary>The facts of a situation, bounded; none before the first probe: they would say nothing yet.</summary>
    public static IReadOnlyList<Evidence> Of(Situation situation, Verdict verdict)
    {
        if (situation is { IsUnprobed: true, IsAway: false, HasNoProbeProcess: false })
        {
            return [];
        }

        var evidence = new List<Evidence>(FilesystemHealth.MaxEvidence);
        foreach ((EvidenceKind kind, Func<Situation, Verdict, string?> detail) in InOrder)
        {
            if (evidence.Count == FilesystemHealth.MaxEvidence)
            {
                break;
            }

            if (detail(situation, verdict) is { } text)
            {
                evidence.Add(new Evidence(kind, text));
            }
        }

        return evidence;
    }

    /// <summary>What the last probe brought; null while a newer one is away.</summary>
    private static ProbeResult? Returned(Situation one)
        => one.IsAway || one.HasNoProbeProcess ? null : one.Facts.Probe.Last;

    private static FilesystemRoom? Room(Situation one) => Returned(one)?.Room;

    private static string? Option(Situation one, string option)
        => When(one.Facts.Mount.SuperOptions.Contains(option), option);

    private static string? Errors(WatchedFilesystem facts) => facts.ErrorsCount is > 0
        ? $"{Number(facts.ErrorsCount.Value)}(+{Number(facts.ErrorsCount.Value - (facts.ErrorsBaseline ?? 0))})"
        : null;

    private static string? When(bool holds, string detail = "") => holds ? detail : null;

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>
    /// Whole seconds, and for long waits whole minutes: a report must not change each second because time passes.
    /// </summary>
    private static string? Rounded(TimeSpan? duration) => duration?.TotalSeconds switch
    {
        null => null,
        < 5 => "2s",
        < 30 => "5s",
        < 60 => "30s",
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)duration.Value.TotalMinutes}min"),
    };
}
