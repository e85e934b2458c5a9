namespace Protocol.Health;

/// <summary>What the host did for a guest.</summary>
public enum RecoveryMeans
{
    /// <summary>It asked the guest to remount a filesystem.</summary>
    Remount = 0,

    /// <summary>It asked the guest to unmount, check and mount a filesystem.</summary>
    Repair,

    /// <summary>It asked the guest to restart, with a check where one could be forced.</summary>
    Reboot,

    /// <summary>It destroyed the guest, whose old boot refused to end, and created it again.</summary>
    Recreate,
}

/// <summary>How a recovery ended.</summary>
public enum RecoveryEnd
{
    /// <summary>The filesystem writes again.</summary>
    Proved = 0,

    /// <summary>It was handed to the host's operator.</summary>
    Operator,
}

/// <summary>
/// The last recovery of a guest, as its host leaves it for the guest's own administrator: without it nobody in the guest
/// knows why it was restarted.
/// </summary>
public sealed record LastRecovery
{
    /// <summary>The most bytes of the reason; longer ones are cut.</summary>
    public const int MaxReasonBytes = 300;

    /// <summary>When it ended, on Dom0's wall clock.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The host's name for it.</summary>
    public required RequestId Id { get; init; }

    /// <summary>What was done.</summary>
    public required RecoveryMeans Means { get; init; }

    /// <summary>How it ended.</summary>
    public required RecoveryEnd End { get; init; }

    /// <summary>e2fsck's exit code (a bit mask, e2fsck(8)); null when none ran or it is not known.</summary>
    public int? FsckExitCode { get; init; }

    /// <summary>Why, for a person; printable ASCII.</summary>
    public required string Reason { get; init; }

    /// <summary>The words for <see cref="RecoveryMeans"/>.</summary>
    public static KebabNames<RecoveryMeans> MeansWords { get; } = new();

    /// <summary>The words for <see cref="RecoveryEnd"/>.</summary>
    public static KebabNames<RecoveryEnd> EndWords { get; } = new();
}
