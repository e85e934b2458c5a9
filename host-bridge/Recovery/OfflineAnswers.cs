using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>How a step of the toolstack ended.</summary>
internal enum StepResult
{
    /// <summary>It is done, or was done already.</summary>
    Done = 0,

    /// <summary>It must not be done: something is not as it has to be. Nothing was touched.</summary>
    Refused,

    /// <summary>It was tried and failed, or did not end within its limit; it may have been done all the same.</summary>
    Failed,

    /// <summary>No toolstack is configured that could.</summary>
    Unavailable,
}

/// <summary>What came of a step, and why.</summary>
/// <param name="Result">How it ended.</param>
/// <param name="Reason">Why it was not done, for a person; empty when it was.</param>
internal readonly record struct StepAnswer(StepResult Result, string Reason)
{
    /// <summary>It is done.</summary>
    public static StepAnswer Done { get; } = new(StepResult.Done, string.Empty);
}

/// <summary>What came of a check of a guest's filesystems from Dom0.</summary>
/// <param name="Result">How it ended; <see cref="StepResult.Done"/> when e2fsck ran to its end.</param>
/// <param name="ExitCode">e2fsck's worst exit code (e2fsck(8), 0 to 255); null when it did not run to its end.</param>
/// <param name="Reason">Why not, for a person; empty when it ran to its end.</param>
internal readonly record struct OfflineCheckAnswer(StepResult Result, int? ExitCode, string Reason);

/// <summary>
/// The steps of the rung that destroys a domain, checks its disks from Dom0 and creates it again. Each is made durable
/// before and after it is done, so that a bridge that starts again knows where it was.
/// </summary>
internal enum OfflineStep
{
    /// <summary>The domain is about to be destroyed, under the intent.</summary>
    Destroying = 0,

    /// <summary>It is gone, by our own hand.</summary>
    Destroyed,

    /// <summary>Its filesystems are about to be checked, or are being checked.</summary>
    Checking,

    /// <summary>The check ran to its end, with an exit code that lets the guest start.</summary>
    Checked,

    /// <summary>It is about to be created.</summary>
    Creating,

    /// <summary>It was created.</summary>
    Created,
}

/// <summary>An intent that had no end when the bridge stopped.</summary>
/// <param name="Intent">Its name, which is also that of the request.</param>
/// <param name="Rung">What was to be done.</param>
/// <param name="Began">When, on the wall clock.</param>
/// <param name="Domain">The domain the guest ran in then.</param>
/// <param name="BootId">The boot that told of the fault.</param>
/// <param name="MountPoint">The filesystem at stake, percent-encoded; null when not known.</param>
/// <param name="Steps">The steps of the offline rung that were recorded, in their order; empty for other rungs.</param>
internal sealed record OpenIntent(
    RequestId Intent,
    Rung Rung,
    DateTimeOffset Began,
    DomainId? Domain,
    BootId BootId,
    string? MountPoint,
    IReadOnlyList<OfflineStep> Steps)
{
    /// <summary>
    /// The disks that were recorded with the steps; none for other rungs. Without them a guest whose domain is gone
    /// cannot be taken up again.
    /// </summary>
    public GuestDisks Disks { get; init; } = GuestDisks.None;

    /// <summary>Whether the domain was destroyed under it, as far as the steps tell.</summary>
    public bool IsDestroyed => Steps.Any(step => step >= OfflineStep.Destroyed);
}
