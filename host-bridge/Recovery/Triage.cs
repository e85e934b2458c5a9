using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>The one filesystem of a report that is to be dealt with, and how.</summary>
/// <param name="Filesystem">The filesystem; null when none needs anything.</param>
/// <param name="Rung">What to do.</param>
internal readonly record struct TriageResult(FilesystemHealth? Filesystem, Rung Rung);

/// <summary>On what terms a report is looked at.</summary>
/// <param name="StorageOpen">Whether the gate is open.</param>
/// <param name="RemountTriedOn">Where a remount did not help in this boot; null for nowhere.</param>
/// <param name="RepairTriedOn">Where a repair did not help in this boot; null for nowhere.</param>
/// <param name="RebootForData">Whether a data filesystem may be a reason to restart the guest.</param>
/// <param name="Provider">Who provides the disks of a filesystem.</param>
internal readonly record struct TriageTerms(
    bool StorageOpen, MountPoint? RemountTriedOn, MountPoint? RepairTriedOn, bool RebootForData,
    Func<FilesystemHealth, DiskProvider> Provider);

/// <summary>
/// Chooses what to deal with first. The root comes before any data filesystem: a reboot of the root covers the
/// others, and nothing can be executed in a guest whose root is dead.
/// </summary>
internal static class Triage
{
    /// <summary>The filesystem to deal with and the rung for it.</summary>
    /// <param name="report">What the guest says.</param>
    /// <param name="terms">The terms.</param>
    public static TriageResult Of(GuestReport report, TriageTerms terms)
    {
        FilesystemHealth? first = null;
        Rung firstRung = Rung.Nothing;
        foreach (FilesystemHealth one in report.Filesystems)
        {
            Rung rung = RungOf(one, terms);
            if (rung != Rung.Nothing && (first is null || IsBefore(one, first, terms)))
            {
                (first, firstRung) = (one, rung);
            }
        }

        return new TriageResult(first, firstRung);
    }

    private static Rung RungOf(FilesystemHealth one, TriageTerms terms)
    {
        FilesystemFamily family = RecoveryTable.ToFamily(one.FilesystemType);
        DiskProvider provider = terms.Provider(one);
        if (provider == DiskProvider.Guest)
        {
            // The storage gate says nothing of its disks: it is not waited for, and nothing is done on its word.
            Rung known = RecoveryTable.Decide(one.Verdict, family, one.Role, storageOpen: true);
            return known is Rung.Nothing or Rung.Wait ? known : Rung.Operator;
        }

        Rung rung = RecoveryTable.Decide(one.Verdict, family, one.Role, terms.StorageOpen);
        if (provider == DiskProvider.NotKnown && rung is Rung.Remount or Rung.Repair)
        {
            // A restart of the root touches the disks that are known, and stands on all of them.
            return one.Role == FilesystemRole.Root ? RecoveryTable.Heavier(family, one.Role) : Rung.Operator;
        }

        if (rung == Rung.Remount && one.MountPoint == terms.RemountTriedOn)
        {
            rung = RecoveryTable.Heavier(family, one.Role);
        }

        if (rung == Rung.Repair && one.MountPoint == terms.RepairTriedOn)
        {
            rung = Rung.Operator;
        }

        bool wouldRestartHelp = rung == Rung.Operator && IsDead(one.Verdict) && family != FilesystemFamily.Other;
        return wouldRestartHelp && terms.RebootForData && provider == DiskProvider.Host ? Rung.Reboot : rung;
    }

    private static bool IsBefore(FilesystemHealth one, FilesystemHealth other, TriageTerms terms)
    {
        bool isForeign = terms.Provider(one) == DiskProvider.Guest;
        bool isOtherForeign = terms.Provider(other) == DiskProvider.Guest;
        return one.Role != other.Role ? one.Role > other.Role
            : isForeign != isOtherForeign ? isOtherForeign
            : one.Verdict.ToRank() > other.Verdict.ToRank();
    }

    /// <summary>Whether nothing can be written to it before it is recovered.</summary>
    public static bool IsDead(Verdict verdict)
        => verdict is Verdict.JournalAborted or Verdict.ShutDown or Verdict.RemountedReadOnly;

    /// <summary>
    /// Whether everything that is reported is well, so far as a reader can act on it. A report without a root says
    /// nothing of what the guest runs from.
    /// </summary>
    public static bool IsHealthy(GuestReport report)
        => report.Filesystems.Count > 0
            && report.UnreadableLines == 0
            && !LacksRoot(report)
            && report.Filesystems.All(one => IsWell(one.Verdict));

    /// <summary>
    /// Whether the root is not in a report: agent 0.1.0 left out a root of a type that it did not watch, and every agent
    /// leaves out one that its administrator excluded. Among the worst of very many filesystems a healthy root may be
    /// left out.
    /// </summary>
    public static bool LacksRoot(GuestReport report)
        => report.FilesystemCount <= report.Filesystems.Count
            && !report.Filesystems.Any(one => one.Role == FilesystemRole.Root);

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

    /// <summary>
    /// One that was faulty and is not listed any more, in words:
    /// <c>/srv (xvdb, ext4) is no longer mounted; it was journal-aborted when last seen</c>.
    /// </summary>
    public static string DescribeOutOfSight(FilesystemHealth one, GuestReport report)
    {
        string where = report.FilesystemCount > report.Filesystems.Count ? "listed" : "mounted";
        string name = one.Device.Length == 0
            ? $"{one.MountPoint}"
            : $"{one.MountPoint} ({one.Device}, {one.FilesystemType})";
        return one.Verdict == Verdict.Unknown
            ? $"{name} is not {where}; it was to be recovered before"
            : $"{name} is no longer {where}; it was {one.Verdict.ToName()} when last seen";
    }
}
