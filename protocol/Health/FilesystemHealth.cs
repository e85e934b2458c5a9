namespace Protocol.Health;

/// <summary>Whether a filesystem is the guest's root, which decides how it can be recovered.</summary>
public enum FilesystemRole
{
    /// <summary>Any other filesystem: it can be unmounted, checked and mounted again in the running guest.</summary>
    Data = 0,

    /// <summary>The root: only a reboot with a filesystem check brings it back.</summary>
    Root,
}

/// <summary>What the mount table claims, whatever the truth is.</summary>
public enum MountClaim
{
    /// <summary>The table says <c>rw</c>.</summary>
    Rw = 0,

    /// <summary>The table says <c>ro</c>, for the mount or for the superblock.</summary>
    Ro,
}

/// <summary>The health of one filesystem of one guest, with the evidence for it.</summary>
public sealed record FilesystemHealth
{
    /// <summary>The most facts that are carried for one verdict.</summary>
    public const int MaxEvidence = 8;

    /// <summary>Where it is mounted.</summary>
    public required MountPoint MountPoint { get; init; }

    /// <summary>The kernel's name of the block device, for example <c>xvda1</c>; printable ASCII.</summary>
    public required string Device { get; init; }

    /// <summary>The type in the mount table, for example <c>ext3</c>.</summary>
    public required string FilesystemType { get; init; }

    /// <summary>Root or data.</summary>
    public required FilesystemRole Role { get; init; }

    /// <summary>What is held true.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>Since when, on the guest's wall clock.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>What the mount table claims.</summary>
    public required MountClaim Claims { get; init; }

    /// <summary>The mount table says rw while writes fail.</summary>
    public bool Hidden { get; init; }

    /// <summary>The facts, the weightiest first; at most <see cref="MaxEvidence"/>.</summary>
    public IReadOnlyList<Evidence> Evidence { get; init; } = [];

    /// <summary>
    /// When writes of this filesystem were first lost, latched until a reboot, an acknowledgement or another filesystem
    /// on the same device; null when none were.
    /// </summary>
    public DateTimeOffset? DataLossSince { get; init; }

    /// <summary>
    /// Why it is unknown or read-only by design; null with every other verdict, and from agents that do not report it.
    /// </summary>
    public VerdictReason? Why { get; init; }

    /// <summary>
    /// Where the disks under it come from, each origin once; empty when not known, and from agents that do not report it.
    /// </summary>
    public IReadOnlyList<DiskOrigin> Origins { get; init; } = [];

    /// <summary>Whether a boot checks it.</summary>
    public BootCheck BootCheck { get; init; }

    /// <summary>Why a boot does not check it; null where it does, or where that is not known.</summary>
    public BootCheckReason? BootCheckWhy { get; init; }

    /// <summary>
    /// The class of its verdict. A warning where that would be ok: a design that nobody wrote down, and swap that failed,
    /// since the root writes while programs die.
    /// </summary>
    public Severity Severity => Verdict.ToSeverity() == Severity.Ok
        && (Why?.IsWrittenDown() == false || Evidence.Any(fact => fact.Kind == EvidenceKind.SwapError))
            ? Severity.Warning
            : Verdict.ToSeverity();

    /// <summary>Equal in everything a reader would act on, evidence included.</summary>
    public bool SaysTheSameAs(FilesystemHealth? other)
        => other is not null
            && MountPoint == other.MountPoint && Device == other.Device && FilesystemType == other.FilesystemType
            && Role == other.Role && Verdict == other.Verdict && Since == other.Since && Claims == other.Claims
            && Hidden == other.Hidden && DataLossSince == other.DataLossSince
            && Why == other.Why && BootCheck == other.BootCheck && BootCheckWhy == other.BootCheckWhy
            && Origins.SequenceEqual(other.Origins)
            && Evidence.SequenceEqual(other.Evidence);
}
