namespace Protocol.Health;

/// <summary>One fact on which a verdict stands: its kind, and a detail in the kind's own words.</summary>
/// <param name="Kind">What sort of fact.</param>
/// <param name="Detail">
/// The fact itself, for example <c>EROFS</c> or <c>emergency_ro</c>; may be empty. Anything a person may read:
/// it is percent-encoded on the wire.
/// </param>
public readonly record struct Evidence(EvidenceKind Kind, string Detail);

/// <summary>
/// The sorts of evidence. What each proves, and how it lies, stands in <c>guest-agent/DETECTION.md</c>.
/// </summary>
public enum EvidenceKind
{
    /// <summary>What the write probe met: the name of an errno, or <c>ok</c>.</summary>
    Probe = 0,

    /// <summary>A probe that has not come back; the detail is its age, for example <c>12s</c>.</summary>
    ProbeOutstanding,

    /// <summary>The probe file is not the regular, single-linked file of root's that it must be; why.</summary>
    ProbeRefused,

    /// <summary>A telling option in the mount table: <c>ro</c>, <c>emergency_ro</c>, <c>shutdown</c>.</summary>
    MountOption,

    /// <summary>A line of the kernel log; the detail names the line, for example <c>aborting-journal</c>.</summary>
    KernelLine,

    /// <summary>ext4's <c>errors_count</c>; the detail is the count and the growth since the agent's start.</summary>
    ErrorsCount,

    /// <summary>Requests in flight while nothing completes; the detail is their number.</summary>
    Inflight,

    /// <summary>Completed writes and flushes stand still; the detail is for how long.</summary>
    CompletionsFrozen,

    /// <summary>The block device is write-protected (<c>/sys/block/X/ro</c>).</summary>
    DeviceReadOnly,

    /// <summary>fstab wants it so; the detail is the option.</summary>
    Fstab,

    /// <summary>The agent saw an administrator remount it read-only.</summary>
    AdministratorRemount,

    /// <summary>
    /// The outstanding probe waits for a thaw; the detail is the kernel function in which it waits.
    /// </summary>
    FreezeWait,

    /// <summary>statfs(2) in the probe process says read-only; the detail is <c>ro</c>.</summary>
    Statvfs,

    /// <summary>No room for new data although the probe wrote; the detail is the bytes that are free.</summary>
    BytesFree,

    /// <summary>No room for new files although the probe wrote; the detail is the inodes that are free.</summary>
    InodesFree,

    /// <summary>Reads of the device fail, as the kernel log says; the detail is the device in the line.</summary>
    ReadErrors,

    /// <summary>fanotify told of an error of the filesystem; the detail is the name of its errno.</summary>
    FsErrorEvent,

    /// <summary>
    /// ext4's last recorded error: the function that met it and when, for example
    /// <c>ext4_journal_check_start@2026-03-01T04:05:06Z</c>.
    /// </summary>
    LastError,

    /// <summary>The Xen virtual block device is not connected; the detail is its xenbus state.</summary>
    VbdState,

    /// <summary>
    /// What makes this guest restart itself, told with its root: a watchdog (<c>watchdog0</c>) or a setting of the
    /// kernel (<c>hung_task_panic</c>).
    /// </summary>
    SelfReset,

    /// <summary>
    /// A page could not be written to swap or read from it, told with the root; the detail is the number of the device,
    /// for example <c>202:16</c>.
    /// </summary>
    SwapError,
}

/// <summary>The words for <see cref="EvidenceKind"/>.</summary>
public static class EvidenceKindName
{
    private static readonly KebabNames<EvidenceKind> Names = new();

    /// <summary>The word, for example <c>kernel-line</c>.</summary>
    public static string ToName(this EvidenceKind kind) => Names.ToName(kind);

    /// <summary>Reads a word; false when it is none of them.</summary>
    public static bool TryParse(string name, out EvidenceKind kind) => Names.TryParse(name, out kind);
}
