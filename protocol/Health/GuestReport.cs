namespace Protocol.Health;

/// <summary>
/// Everything a guest says of itself at one moment. Reports are complete: a reader that missed some loses nothing.
/// </summary>
public sealed record GuestReport
{
    /// <summary>The version of the words; raised when an old reader would misunderstand a new writer.</summary>
    public const int CurrentSchema = 1;

    /// <summary>The most filesystems reported one by one, the worst first; the count tells of all.</summary>
    public const int MaxFilesystems = 16;

    /// <summary>The boot that speaks.</summary>
    public required BootId BootId { get; init; }

    /// <summary>Grows by one with each report of one boot; from 1.</summary>
    public required long Sequence { get; init; }

    /// <summary>The agent's version; printable ASCII.</summary>
    public required string AgentVersion { get; init; }

    /// <summary>The worst there is to say, and since when.</summary>
    public required GuestState State { get; init; }

    /// <summary>At most <see cref="MaxFilesystems"/>, the worst first.</summary>
    public required IReadOnlyList<FilesystemHealth> Filesystems { get; init; }

    /// <summary>How many filesystems the guest watches, reported or not.</summary>
    public required int FilesystemCount { get; init; }

    /// <summary>
    /// Whether this boot's initramfs asked the host for a forced check, so that the next one will: only then may a check
    /// be left to the guest's own early boot.
    /// </summary>
    public bool HasFsckHook { get; init; }

    /// <summary>
    /// How many lines a reader could not understand and left out, as those of a newer agent; 0 in the guest itself. A
    /// report with such a line is never all well.
    /// </summary>
    public int UnreadableLines { get; init; }
}

/// <summary>The summary of a guest: its worst verdict and since when it holds.</summary>
/// <param name="Worst">The worst verdict of all filesystems; <see cref="Verdict.Unknown"/> when there are none.</param>
/// <param name="Hidden">Whether the mount table hides any of the faults.</param>
/// <param name="Since">Since when the worst verdict holds, on the guest's wall clock.</param>
public readonly record struct GuestState(Verdict Worst, bool Hidden, DateTimeOffset Since)
{
    /// <summary>The class of the filesystem with the worst verdict.</summary>
    public Severity Severity { get; init; } = Worst.ToSeverity();

    /// <summary>The summary of a list of filesystems.</summary>
    /// <param name="filesystems">All that are watched.</param>
    /// <param name="now">The time to use when there are none.</param>
    public static GuestState Of(IReadOnlyCollection<FilesystemHealth> filesystems, DateTimeOffset now)
    {
        FilesystemHealth? worst = filesystems
            .OrderByDescending(one => one.Verdict.ToRank())
            .ThenByDescending(one => one.Severity)
            .ThenBy(one => one.Since)
            .FirstOrDefault();
        return worst is null
            ? new GuestState(Verdict.Unknown, Hidden: false, now)
            : new GuestState(worst.Verdict, filesystems.Any(one => one.Hidden), worst.Since)
            {
                Severity = worst.Severity,
            };
    }
}
