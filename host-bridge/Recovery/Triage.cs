using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>The one filesystem of a report that is to be dealt with, and how.</summary>
/// <param name="Filesystem">The filesystem; null when none needs anything.</param>
/// <param name="Rung">What to do.</param>
internal readonly record struct TriageResult(FilesystemHealth? Filesystem, Rung Rung);

/// <summary>
/// Chooses what to deal with first. The root comes before any data filesystem: a reboot of the root covers the
/// others, and nothing can be executed in a guest whose root is dead.
/// </summary>
internal static class Triage
{
    /// <summary>The filesystem to deal with and the rung for it.</summary>
    /// <param name="report">What the guest says.</param>
    /// <param name="storageOpen">Whether the gate is open.</param>
    /// <param name="remountTriedOn">Where a remount did not help in this boot.</param>
    public static TriageResult Of(GuestReport report, bool storageOpen, MountPoint? remountTriedOn)
    {
        IEnumerable<FilesystemHealth> rootFirst = report.Filesystems
            .OrderByDescending(one => one.Role)
            .ThenByDescending(one => one.Verdict.ToRank());
        foreach (FilesystemHealth one in rootFirst)
        {
            FilesystemFamily family = RecoveryTable.ToFamily(one.FilesystemType);
            Rung rung = RecoveryTable.Decide(one.Verdict, family, one.Role, storageOpen);
            if (rung == Rung.Remount && one.MountPoint == remountTriedOn)
            {
                rung = RecoveryTable.Heavier(family, one.Role);
            }

            if (rung != Rung.Nothing)
            {
                return new TriageResult(one, rung);
            }
        }

        return new TriageResult(null, Rung.Nothing);
    }

    /// <summary>Whether everything that is reported is well, so far as a reader can act on it.</summary>
    public static bool IsHealthy(GuestReport report)
        => report.Filesystems.Count > 0
            && report.UnreadableLines == 0
            && report.Filesystems.All(one => IsWell(one.Verdict));

    /// <summary>Whether nothing is wrong or doubtful.</summary>
    public static bool IsWell(Verdict verdict)
        => verdict is Verdict.Writable or Verdict.ReadOnlyByDesign or Verdict.Full;

    /// <summary>Whether something is wrong that is dealt with, by the bridge or by a person.</summary>
    public static bool IsFault(FilesystemHealth one)
        => RecoveryTable.Decide(
            one.Verdict, RecoveryTable.ToFamily(one.FilesystemType), one.Role, storageOpen: false) != Rung.Nothing;

    /// <summary>Whether a filesystem is listed, and nothing is wrong with it.</summary>
    public static bool IsListedWell(GuestReport report, MountPoint mountPoint)
        => report.Filesystems.Any(one => one.MountPoint == mountPoint && IsWell(one.Verdict));

    /// <summary>Whether programs can be run in the guest: a remedy other than a reboot needs that.</summary>
    public static bool IsRootWritable(GuestReport report)
        => report.Filesystems.Any(one => one.Role == FilesystemRole.Root && one.Verdict == Verdict.Writable);

    /// <summary>A fault in words: <c>/ (xvda, ext3) is journal-aborted, which the mount table hides</c>.</summary>
    public static string Describe(FilesystemHealth one)
        => $"{one.MountPoint} ({one.Device}, {one.FilesystemType}) is {one.Verdict.ToName()}"
            + (one.Hidden ? ", which the mount table hides" : string.Empty);
}
