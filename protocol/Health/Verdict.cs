namespace Protocol.Health;

/// <summary>
/// What the agent holds true of one filesystem. The numeric value is never put on the wire; the name is
/// (see <see cref="VerdictName"/>). Which facts lead to which verdict stands in <c>guest-agent/DETECTION.md</c>.
/// </summary>
public enum Verdict
{
    /// <summary>Nothing conclusive is known. Never acted on.</summary>
    Unknown = 0,

    /// <summary>A probe wrote changed bytes and the device confirmed them.</summary>
    Writable,

    /// <summary>Read-only because an administrator or fstab wants it so. Left alone.</summary>
    ReadOnlyByDesign,

    /// <summary>No space for new data while the filesystem works. Information, never a fault.</summary>
    Full,

    /// <summary>Frozen (FIFREEZE), as a backup does. Never acted on.</summary>
    Frozen,

    /// <summary>A probe takes longer than two seconds but comes back, or may still come back.</summary>
    Slow,

    /// <summary>The filesystem recorded errors and goes on writing (errors=continue): writable and dangerous.</summary>
    ErrorsRecorded,

    /// <summary>blkfront lost its write barrier: flushes succeed without reaching the storage.</summary>
    FlushDisabled,

    /// <summary>Read-only after an error; whether the journal was aborted is not known.</summary>
    RemountedReadOnly,

    /// <summary>Writes fail with EIO, the journal is not known to be aborted.</summary>
    DeviceFailing,

    /// <summary>A probe does not come back and the device completes no write.</summary>
    Hung,

    /// <summary>The filesystem was shut down (ext4 or xfs shutdown, btrfs forced read-only).</summary>
    ShutDown,

    /// <summary>The journal was aborted: every write fails until the filesystem was checked and mounted anew.</summary>
    JournalAborted,
}

/// <summary>How bad a verdict is, in the four classes of the monitoring plugins' exit codes.</summary>
public enum Severity
{
    /// <summary>Nothing to do (exit code 0).</summary>
    Ok = 0,

    /// <summary>Works, but someone should look (exit code 1).</summary>
    Warning = 1,

    /// <summary>Writes fail or do not come back (exit code 2).</summary>
    Critical = 2,

    /// <summary>Nothing is known (exit code 3).</summary>
    Unknown = 3,
}

/// <summary>The names of verdicts on the wire, in the command line, in metrics and in the documents.</summary>
public static class VerdictName
{
    private static readonly KebabNames<Verdict> Names = new();

    /// <summary>The name, for example <c>journal-aborted</c>.</summary>
    public static string ToName(this Verdict verdict) => Names.ToName(verdict);

    /// <summary>Reads a name; false when it is not a verdict's.</summary>
    public static bool TryParse(string name, out Verdict verdict) => Names.TryParse(name, out verdict);

    /// <summary>The class of a verdict.</summary>
    public static Severity ToSeverity(this Verdict verdict) => verdict switch
    {
        Verdict.Writable or Verdict.ReadOnlyByDesign => Severity.Ok,
        Verdict.Unknown => Severity.Unknown,
        Verdict.Full or Verdict.Frozen or Verdict.Slow or Verdict.ErrorsRecorded or Verdict.FlushDisabled
            => Severity.Warning,
        _ => Severity.Critical,
    };

    /// <summary>
    /// The order "worst first" in which filesystems are reported: the greater, the worse. An unknown filesystem
    /// comes before one that is well, read-only by design included, and after every fault that is known.
    /// </summary>
    public static int ToRank(this Verdict verdict) => verdict == Verdict.Unknown
        ? ((int)Verdict.Full * 2) - 1
        : (int)verdict * 2;
}
