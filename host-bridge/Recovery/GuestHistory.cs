using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>
/// The filesystems of a guest that were faulty when they were last listed. It outlives the bridge: what left the report
/// must not count as well because the bridge was started anew.
/// </summary>
/// <param name="BootId">The boot that last listed something.</param>
/// <param name="Filesystems">The filesystems; empty when nothing is remembered.</param>
internal sealed record FaultySeen(BootId BootId, IReadOnlyList<FilesystemHealth> Filesystems);

/// <summary>What the incident log still knows of a guest when the bridge starts.</summary>
/// <param name="Guest">Who.</param>
/// <param name="Recoveries">When its recoveries began, on the wall clock, the newest last.</param>
/// <param name="Standing">What stands from before; null when nothing does.</param>
internal sealed record GuestHistory(
    GuestIdentity Guest,
    IReadOnlyList<DateTimeOffset> Recoveries,
    RecoveryState.NeedsOperator? Standing)
{
    /// <summary>
    /// When a recovery of it failed that stands, on the wall clock; null when none does, or a person acknowledged it.
    /// </summary>
    public DateTimeOffset? FailedAt { get; init; }

    /// <summary>When a recovery of it was last proved, on the wall clock; null when none is known.</summary>
    public DateTimeOffset? ProvedAt { get; init; }

    /// <summary>The intent in whose middle the bridge stopped; null when there is none.</summary>
    public OpenIntent? Open { get; init; }

    /// <summary>What was faulty when it was last listed; null when nothing was.</summary>
    public FaultySeen? Faulty { get; init; }
}
