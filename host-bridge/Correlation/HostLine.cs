namespace HostBridge.Correlation;

/// <summary>A line of this host's kernel log that speaks of the storage under guests.</summary>
/// <param name="At">When it was written, on the monotonic clock; of a repeated one, the first time.</param>
/// <param name="Text">The line.</param>
/// <param name="IsFault">Whether it tells of a fault; otherwise of a change, perhaps for the better.</param>
/// <param name="LunGroups">The LUN groups of the disks that stand on what it names.</param>
internal sealed record HostLine(TimeSpan At, string Text, bool IsFault, IReadOnlyList<string> LunGroups)
{
    /// <summary>How often it came, but for numbers that change each time.</summary>
    public int Count { get; init; } = 1;

    /// <summary>When it came last, on the monotonic clock.</summary>
    public TimeSpan LastAt { get; init; } = At;
}
