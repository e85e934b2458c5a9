namespace HostBridge.Storage.Judging;

/// <summary>What came of a direct read.</summary>
internal enum ReadResult
{
    /// <summary>A block was read.</summary>
    Read = 0,

    /// <summary>The device failed it: a fault that this host saw.</summary>
    Failed,

    /// <summary>It could not be tried: the device node is missing, another one, or must not be opened.</summary>
    NotMade,
}

/// <summary>How a direct read ended.</summary>
/// <param name="BeganAt">When it began, on the monotonic clock.</param>
/// <param name="Result">How it ended.</param>
/// <param name="Reason">Why it failed or was not made, like <c>EIO</c>; empty when it succeeded.</param>
/// <param name="Took">How long it took.</param>
internal sealed record FinishedRead(TimeSpan BeganAt, ReadResult Result, string Reason, TimeSpan Took);

/// <summary>What is known from direct reads of one device.</summary>
/// <param name="Last">The last that ended; null when none did since the device was last at fault.</param>
/// <param name="OutstandingSince">Since when one is under way; null when none is.</param>
internal sealed record DiskReading(FinishedRead? Last, TimeSpan? OutstandingSince)
{
    /// <summary>
    /// After this time a read that did not come back is a fault. The probe of a guest calls 5 s hung too.
    /// </summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>For how long a read says anything; it is repeated every 30 s.</summary>
    public static readonly TimeSpan ValidFor = TimeSpan.FromSeconds(90);

    /// <summary>Nothing was read.</summary>
    public static DiskReading None { get; } = new(null, null);
}
