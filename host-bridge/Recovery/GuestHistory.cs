namespace HostBridge.Recovery;

/// <summary>What the incident log still knows of a guest when the bridge starts.</summary>
/// <param name="Guest">Who.</param>
/// <param name="Recoveries">When its recoveries began, on the wall clock, the newest last.</param>
/// <param name="Standing">What stands from before; null when nothing does.</param>
internal sealed record GuestHistory(
    GuestIdentity Guest,
    IReadOnlyList<DateTimeOffset> Recoveries,
    RecoveryState.NeedsOperator? Standing)
{
    /// <summary>The intent in whose middle the bridge stopped; null when there is none.</summary>
    public OpenIntent? Open { get; init; }
}
