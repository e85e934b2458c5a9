namespace Protocol.Health;

/// <summary>
/// Why a filesystem is <see cref="Verdict.Unknown"/> or <see cref="Verdict.ReadOnlyByDesign"/>: the other verdicts are
/// explained by their evidence. On the wire by its name (<c>why=read-only-unexplained</c>).
/// </summary>
public enum VerdictReason
{
    /// <summary>Unknown: no probe has come back yet.</summary>
    NotProbedYet = 0,

    /// <summary>Unknown: no process takes probes.</summary>
    NoProbeProcess,

    /// <summary>Unknown: the probe file cannot be used; the evidence has the errno.</summary>
    ProbeRefused,

    /// <summary>Unknown: a probe is away, but no request waits in the device's queue.</summary>
    ProbeAway,

    /// <summary>Unknown: another mount covers the mount point, so that no probe is made.</summary>
    MountCovered,

    /// <summary>Unknown: filesystems of this type are not watched.</summary>
    NotWatched,

    /// <summary>Unknown: the mount table says rw and writes are refused; a remount may be under way.</summary>
    RemountUnderWay,

    /// <summary>Unknown: the mount table says rw, writes have been refused for long, and no error is known.</summary>
    WritesRefused,

    /// <summary>Unknown: writes are refused, no error is known, and nothing says that it is meant to be read-only.</summary>
    ReadOnlyUnexplained,

    /// <summary>Unknown: no probe was made for much longer than the interval between two.</summary>
    ProbeOverdue,

    /// <summary>By design: fstab says ro.</summary>
    Fstab,

    /// <summary>By design: the options of a systemd mount unit say ro.</summary>
    SystemdUnit,

    /// <summary>By design: the kernel command line says so.</summary>
    CommandLine,

    /// <summary>By design: the key <c>read-only</c> of guest-agent.conf names the mount point.</summary>
    ReadOnlyKey,

    /// <summary>By design: the btrfs subvolume has the read-only property, as snapshots have.</summary>
    ReadOnlySubvolume,

    /// <summary>By design: it is a lower layer of the overlay that is mounted at /.</summary>
    OverlayLower,

    /// <summary>By design: the agent saw it remounted read-only, and no error is known.</summary>
    AdministratorRemount,

    /// <summary>By design: read-only since before the agent started, and no error is known.</summary>
    ReadOnlySinceBoot,
}

/// <summary>The names and the meaning of <see cref="VerdictReason"/>.</summary>
public static class VerdictReasonName
{
    private static readonly KebabNames<VerdictReason> Names = new();

    /// <summary>The name, for example <c>mount-covered</c>.</summary>
    public static string ToName(this VerdictReason reason) => Names.ToName(reason);

    /// <summary>Reads a name; false when it is not a reason's.</summary>
    public static bool TryParse(string name, out VerdictReason reason) => Names.TryParse(name, out reason);

    /// <summary>
    /// Whether an administrator wrote down that it is to be read-only, so that it is no warning: in fstab, in a unit, on
    /// the command line or in guest-agent.conf.
    /// </summary>
    public static bool IsWrittenDown(this VerdictReason reason)
        => reason is VerdictReason.Fstab or VerdictReason.SystemdUnit or VerdictReason.CommandLine
            or VerdictReason.ReadOnlyKey;

    /// <summary>What it means and, where a key of guest-agent.conf settles it, which.</summary>
    /// <param name="reason">The reason.</param>
    /// <param name="mountPoint">Where the filesystem is mounted.</param>
    /// <param name="filesystemType">Its type.</param>
    public static string ToSentence(this VerdictReason reason, MountPoint mountPoint, string filesystemType)
        => reason switch
        {
            VerdictReason.NotProbedYet => "not probed yet",
            VerdictReason.NoProbeProcess => "no probe process; restart guest-agent",
            VerdictReason.ProbeRefused => "the probe file cannot be used there; set probe-folder to a folder that only "
                + "root can write",
            VerdictReason.ProbeAway => "a probe is away, but the device has no request waiting",
            VerdictReason.MountCovered => "another mount covers it, so it is not probed",
            VerdictReason.NotWatched => $"not watched: {filesystemType}",
            VerdictReason.RemountUnderWay => "writes are refused although mount says rw; a remount may be under way",
            VerdictReason.WritesRefused => "every write is refused although mount says rw, and no error is known; if it is "
                + $"meant to be read-only, set read-only = {mountPoint.Encoded}",
            VerdictReason.ReadOnlyUnexplained => "read-only, no error known, and nothing says that it is meant to be; if "
                + $"it is, set read-only = {mountPoint.Encoded}",
            VerdictReason.ProbeOverdue => "not probed for much longer than the interval",
            VerdictReason.Fstab => "fstab says ro",
            VerdictReason.SystemdUnit => "a systemd mount unit says ro",
            VerdictReason.CommandLine => "the kernel command line says so",
            VerdictReason.ReadOnlyKey => "guest-agent.conf says read-only",
            VerdictReason.ReadOnlySubvolume => "a read-only btrfs subvolume; if it is meant to be, set read-only = "
                + mountPoint.Encoded,
            VerdictReason.OverlayLower => "a lower layer of the overlay at /",
            VerdictReason.AdministratorRemount => "remounted read-only, no error known; if it is to stay so, set "
                + $"read-only = {mountPoint.Encoded}",
            VerdictReason.ReadOnlySinceBoot => "read-only since before guest-agent started, no error known; if it is "
                + $"meant to be, set read-only = {mountPoint.Encoded}",
            _ => throw new InvalidOperationException($"unknown reason {reason}"),
        };
}
