namespace Protocol.Health;

/// <summary>What the host may ask of a guest.</summary>
public enum RequestAction
{
    /// <summary>Write and say whether it worked. Changes nothing.</summary>
    Probe = 0,

    /// <summary>Mount read-write again, where that is legitimate; proved by a probe.</summary>
    Remount,

    /// <summary>Unmount a data filesystem, check it, mount it again; proved by a probe.</summary>
    Repair,

    /// <summary>Restart the guest by the system call, after a bounded sync.</summary>
    Reboot,
}

/// <summary>
/// One request of the host, bound to the evidence it stands on: the guest refuses when its boot differs, when the
/// lifetime has passed on its own clock, or when its own fresh probe no longer shows the fault.
/// </summary>
public sealed record GuestRequest
{
    /// <summary>The longest lifetime a request may have.</summary>
    public const int MaxLifetimeSeconds = 3600;

    /// <summary>The request's name; the same id is never carried out twice.</summary>
    public required RequestId Id { get; init; }

    /// <summary>The boot whose report led to it.</summary>
    public required BootId BootId { get; init; }

    /// <summary>The sequence of the report that led to it.</summary>
    public required long ReportSequence { get; init; }

    /// <summary>The filesystem that is meant.</summary>
    public required MountPoint Filesystem { get; init; }

    /// <summary>What to do.</summary>
    public required RequestAction Action { get; init; }

    /// <summary>For how long it holds after the guest first saw it; 1 to <see cref="MaxLifetimeSeconds"/>.</summary>
    public required int LifetimeSeconds { get; init; }
}

/// <summary>How far a request came.</summary>
public enum RequestStatus
{
    /// <summary>Written before the act begins: whoever reads it later knows that the act may have happened.</summary>
    Accepted = 0,

    /// <summary>Nothing was done; the reason says why.</summary>
    Refused,

    /// <summary>Done, and proved where it can be.</summary>
    Done,

    /// <summary>Begun and not successful; the reason says where it ended.</summary>
    Failed,
}

/// <summary>Why a request was refused or failed.</summary>
public enum OutcomeReason
{
    /// <summary>No reason needed: accepted or done.</summary>
    None = 0,

    /// <summary>The request speaks of another boot.</summary>
    BootIdDiffers,

    /// <summary>Its lifetime passed.</summary>
    Expired,

    /// <summary>A fresh probe writes, or shows another state than the request needs.</summary>
    FaultGone,

    /// <summary>The probe that was to show the fault did not come back in time.</summary>
    ProbeOutstanding,

    /// <summary>This machine is not a DomU.</summary>
    NotADomu,

    /// <summary>No such filesystem is watched.</summary>
    UnknownFilesystem,

    /// <summary>Another request is being carried out.</summary>
    Busy,

    /// <summary>The action does not fit: a repair of a root, a remount of an aborted journal.</summary>
    NotLegitimate,

    /// <summary>Nothing may be executed from a root that cannot be written.</summary>
    RootNotWritable,

    /// <summary>The filesystem is in use; the detail names the holders.</summary>
    InUse,

    /// <summary>Unmounting failed; the detail is the errno.</summary>
    UnmountFailed,

    /// <summary>Unmounted here, but the kernel still has it (another mount namespace holds it).</summary>
    StillMounted,

    /// <summary>The check left errors or could not run; the detail is its exit code. It stays unmounted.</summary>
    CheckFailed,

    /// <summary>Mounting failed; the detail is the errno.</summary>
    MountFailed,

    /// <summary>The system call returned success and the probe still fails.</summary>
    ProbeFailed,

    /// <summary>The restart did not happen; the detail is the errno.</summary>
    RebootFailed,

    /// <summary>It took longer than it may.</summary>
    TimedOut,

    /// <summary>
    /// The host does not serve its disk, or nobody can tell; the detail names where it comes from.
    /// </summary>
    DiskNotServedByHost,

    /// <summary>The kernel log says that its disk is offline.</summary>
    DeviceOffline,
}

/// <summary>The guest's answer to one request.</summary>
public sealed record RequestOutcome
{
    /// <summary>The request that is answered.</summary>
    public required RequestId Id { get; init; }

    /// <summary>The boot that answers.</summary>
    public required BootId BootId { get; init; }

    /// <summary>How far it came.</summary>
    public required RequestStatus Status { get; init; }

    /// <summary>Why not further.</summary>
    public OutcomeReason Reason { get; init; }

    /// <summary>What a person should know besides; may be empty. Percent-encoded on the wire, at most 200 bytes.</summary>
    public string Detail { get; init; } = string.Empty;

    /// <summary>What the proving or refusing probe met: an errno's name or <c>ok</c>; empty when none ran.</summary>
    public string Probe { get; init; } = string.Empty;

    /// <summary>e2fsck's exit code (a bit mask, e2fsck(8)); null when no check ran.</summary>
    public int? FsckExitCode { get; init; }
}

/// <summary>The words of requests and outcomes.</summary>
public static class RequestWords
{
    /// <summary>The words for <see cref="RequestAction"/>.</summary>
    public static KebabNames<RequestAction> Actions { get; } = new();

    /// <summary>The words for <see cref="RequestStatus"/>.</summary>
    public static KebabNames<RequestStatus> Statuses { get; } = new();

    /// <summary>The words for <see cref="OutcomeReason"/>.</summary>
    public static KebabNames<OutcomeReason> Reasons { get; } = new();
}
