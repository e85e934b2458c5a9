using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>What can stand between a guest and its recovery.</summary>
internal enum HindranceKind
{
    /// <summary>It runs in no domain of this host.</summary>
    NoDomain = 0,

    /// <summary>Something is under way with it already.</summary>
    UnderWay,

    /// <summary>A person has to acknowledge: what was tried did not help, or nobody knows what became of it.</summary>
    Acknowledgement,

    /// <summary>No agent of it ever reported.</summary>
    NoAgent,

    /// <summary>It fell silent: its last report is no evidence.</summary>
    Silent,

    /// <summary>It reports nothing that is recovered.</summary>
    NothingWrong,

    /// <summary>It hangs, which ends by itself once the storage is back.</summary>
    Hang,

    /// <summary>No act is known that mends this: a person does.</summary>
    ByHand,

    /// <summary>It has a disk that this host cannot look at: its gate never opens.</summary>
    HiddenStorage,

    /// <summary>Another domain has, or had a moment ago, the same uuid.</summary>
    Twin,

    /// <summary>Its storage is not stable.</summary>
    Storage,

    /// <summary>It was not heard alive since the bridge began to listen.</summary>
    NotHeard,

    /// <summary>The bridge, or this guest, is only observed.</summary>
    Observe,

    /// <summary>A person paused the bridge.</summary>
    HostPause,

    /// <summary>A person paused this guest.</summary>
    GuestPause,

    /// <summary>A maintenance window.</summary>
    Window,

    /// <summary>Its boot was first heard a moment ago.</summary>
    Grace,

    /// <summary>It contradicted its own report when it was asked.</summary>
    Contradiction,

    /// <summary>Nothing can be run in it while its root is not writable.</summary>
    RootNotWritable,

    /// <summary>This host saw no fault on its disks.</summary>
    HostEvidence,

    /// <summary>Its boot would not check the filesystem, and its policy does not accept that.</summary>
    UnforcedCheck,

    /// <summary>It had as many recoveries as it may have in this time.</summary>
    Budget,

    /// <summary>Its last recovery began a moment ago.</summary>
    Spacing,

    /// <summary>As many others are being recovered as may be at once.</summary>
    Turn,

    /// <summary>Too many recoveries failed on its storage, or on this host.</summary>
    Breaker,
}

/// <summary>One thing that stands between a guest and its recovery.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">What it is, for a person.</param>
internal sealed record Hindrance(HindranceKind Kind, string Text)
{
    /// <summary>When time alone ends it, on the wall clock; null when something else does, or nobody knows.</summary>
    public DateTimeOffset? EndsAt { get; init; }

    /// <summary>Whether it does not hold against a person who orders the recovery of this guest.</summary>
    public bool YieldsToOrder => Kind is HindranceKind.Acknowledgement or HindranceKind.Observe or HindranceKind.Window
        or HindranceKind.Grace or HindranceKind.HostEvidence or HindranceKind.Budget or HindranceKind.Breaker;

    /// <summary>Whether an order waits for its end, and is not refused for it.</summary>
    public bool IsWaitedFor => Kind is HindranceKind.Twin or HindranceKind.Storage or HindranceKind.NotHeard
        or HindranceKind.Contradiction or HindranceKind.Spacing or HindranceKind.Turn;
}

/// <summary>What would be done to a guest, and everything that stands in the way of it.</summary>
/// <param name="Filesystem">The filesystem that matters most; null when nothing is wrong.</param>
/// <param name="Rung">What would be done once nothing stands in the way.</param>
/// <param name="Hindrances">What stands in the way, what weighs most first; none when its turn has come.</param>
internal sealed record Outlook(FilesystemHealth? Filesystem, Rung Rung, IReadOnlyList<Hindrance> Hindrances)
{
    /// <summary>Why a person's order is refused; null when it is accepted, though it may have to wait.</summary>
    public Hindrance? Refusal => Hindrances.FirstOrDefault(one => !one.YieldsToOrder && !one.IsWaitedFor);
}
