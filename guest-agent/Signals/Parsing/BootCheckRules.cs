using GuestAgent.Detection;
using Protocol.Health;

namespace GuestAgent.Signals.Parsing;

/// <summary>What is known of how this guest's boots check filesystems; read once, at the agent's start.</summary>
internal sealed record BootCheckFacts
{
    /// <summary>fstab: false where there is none, null where it cannot be read.</summary>
    public bool? HasFstab { get; init; }

    /// <summary>Its lines, by mount point.</summary>
    public IReadOnlyDictionary<MountPoint, FstabEntry> Fstab { get; init; } = new Dictionary<MountPoint, FstabEntry>();

    /// <summary>The kernel command line.</summary>
    public string CommandLine { get; init; } = string.Empty;

    /// <summary>systemd runs the boot.</summary>
    public bool IsSystemd { get; init; }

    /// <summary>
    /// Of this boot, the units of systemd that were started and did not fail: <c>/run/systemd/units/invocation:NAME</c>
    /// (since systemd 236). Empty where that is not known.
    /// </summary>
    public IReadOnlySet<string> Started { get; init; } = new HashSet<string>();

    /// <summary>The mount points whose mount units ask systemd for a check: those that generators made of fstab.</summary>
    public IReadOnlySet<MountPoint> AskedOfSystemd { get; init; } = new HashSet<MountPoint>();

    /// <summary>The masked units.</summary>
    public IReadOnlySet<string> Masked { get; init; } = new HashSet<string>();

    /// <summary>
    /// What initramfs-tools checked in this boot: <c>/run/initramfs/fsck-root</c> and <c>fsck-usr</c> (scripts/functions).
    /// </summary>
    public IReadOnlySet<string> CheckedByInitramfs { get; init; } = new HashSet<string>();

    /// <summary>What the package's part of the initramfs left; null for nothing.</summary>
    public EarlyBootMark? Mark { get; init; }

    /// <summary>The types for which no program is installed that a boot would check them with.</summary>
    public IReadOnlySet<string> TypesWithoutFsck { get; init; } = new HashSet<string>();
}

/// <summary>
/// Whether a boot checks a filesystem, so that a check can be forced: by the traces of this boot where there are any, else
/// by fstab and what is configured beside it.
/// </summary>
internal static class BootCheckRules
{
    public const string RootUnit = "systemd-fsck-root.service";
    public const string UsrUnit = "systemd-fsck-usr.service";
    public const string OtherUnit = "systemd-fsck@.service";

    /// <summary>systemd-fsck@.service(8), initramfs-tools(7), dracut.cmdline(7): the last of these words counts.</summary>
    private static readonly string[] SkipWords = ["fastboot", "fsck.mode=skip", "rd.skipfsck"];

    private static readonly string[] CheckWords = ["forcefsck", "fsck.mode=force", "fsck.mode=auto"];

    /// <summary>Whether a boot checks it, and why not.</summary>
    /// <param name="facts">What is known.</param>
    /// <param name="mountPoint">Where it is mounted.</param>
    /// <param name="type">Its type. A boot checks ext alone: fsck.xfs(8) and fsck.btrfs(8) do nothing.</param>
    public static (BootCheck Check, BootCheckReason? WhyNot) Of(BootCheckFacts facts, MountPoint mountPoint, string type)
        => !FilesystemTypes.IsExtended(type) ? (BootCheck.NotKnown, null)
            : WasChecked(facts, mountPoint) ? (BootCheck.Checked, null)
            : ByConfiguration(facts, mountPoint, type);

    private static bool WasChecked(BootCheckFacts facts, MountPoint mountPoint)
    {
        string name = mountPoint.IsRoot ? "root" : mountPoint.Encoded == "/usr" ? "usr" : string.Empty;
        bool byInitramfs = facts.CheckedByInitramfs.Contains(name)
            || (mountPoint.IsRoot && facts.Mark is { HasFsck: true, HasE2fsck: true } or { RootExitCode: not null });
        bool bySystemd = name.Length > 0 && facts.Started.Contains(name == "root" ? RootUnit : UsrUnit);
        return byInitramfs || (bySystemd && !SkipsChecks(facts.CommandLine));
    }

    private static (BootCheck Check, BootCheckReason? WhyNot) ByConfiguration(
        BootCheckFacts facts, MountPoint mountPoint, string type)
    {
        if (SkipsChecks(facts.CommandLine))
        {
            return NotChecked(BootCheckReason.Skipped);
        }

        FstabEntry? entry = facts.Fstab.GetValueOrDefault(mountPoint);
        if (entry is null && !facts.AskedOfSystemd.Contains(mountPoint))
        {
            // A boot that is not systemd's may know the root without fstab.
            return facts.HasFstab is null || !facts.IsSystemd ? (BootCheck.NotKnown, null)
                : NotChecked(facts.HasFstab == false ? BootCheckReason.NoFstab : BootCheckReason.NotInFstab);
        }

        if (entry is { CheckPass: 0 })
        {
            return NotChecked(BootCheckReason.PassnoZero);
        }

        if (facts.IsSystemd && facts.Masked.Contains(mountPoint.IsRoot ? RootUnit : OtherUnit))
        {
            return NotChecked(BootCheckReason.Masked);
        }

        if (facts.TypesWithoutFsck.Contains(type))
        {
            return NotChecked(BootCheckReason.NoFsck);
        }

        // The root has to leave a trace, as its check comes before the agent: without one it was mounted rw at once.
        bool lacksTrace = mountPoint.IsRoot && facts.Started.Count > 0;
        bool isByHand = entry?.Options.Contains("noauto") == true;
        return (lacksTrace || isByHand ? BootCheck.NotKnown : BootCheck.Checked, null);
    }

    private static (BootCheck Check, BootCheckReason? WhyNot) NotChecked(BootCheckReason reason)
        => (BootCheck.NotChecked, reason);

    private static bool SkipsChecks(string commandLine)
        => commandLine.Split(' ', '\n', '\t')
            .LastOrDefault(word => SkipWords.Contains(word) || CheckWords.Contains(word)) is { } last
            && SkipWords.Contains(last);

    /// <summary>
    /// The mount point of a mount unit (<c>Where=</c>) that asks for a check: it names a unit systemd-fsck@….service, as
    /// systemd-fstab-generator(8) and systemd-gpt-auto-generator(8) write it. Null for every other.
    /// </summary>
    public static MountPoint? AskedIn(string mountUnit)
    {
        const string where = "Where=";
        string[] lines = mountUnit.Split('\n');
        string? path = lines.LastOrDefault(line => line.StartsWith(where, StringComparison.Ordinal))?[where.Length..].Trim();
        bool asks = lines.Any(line => !line.StartsWith('#') && line.Contains("systemd-fsck", StringComparison.Ordinal)
            && (line.StartsWith("Requires=", StringComparison.Ordinal) || line.StartsWith("Wants=", StringComparison.Ordinal)
                || line.StartsWith("BindsTo=", StringComparison.Ordinal)));
        return asks && path is ['/', ..] ? MountPoint.FromText(path) : null;
    }
}
