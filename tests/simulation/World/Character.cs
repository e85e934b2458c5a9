namespace Simulation.World;

/// <summary>What kind of guest it is: how it meets what the bridge does.</summary>
internal enum Character
{
    /// <summary>Does what it is asked, and it helps.</summary>
    Cooperative = 0,

    /// <summary>Reports, and never answers a request.</summary>
    Stuck,

    /// <summary>Heals, and breaks again a while later.</summary>
    Relapsing,

    /// <summary>No check mends it.</summary>
    NeverRecovering,

    /// <summary>Restarts by itself in the middle of what it was asked.</summary>
    RebootingMidCommand,

    /// <summary>Accepts a restart, and its old boot goes on.</summary>
    RefusingToEnd,

    /// <summary>Needs hours for a check.</summary>
    LongCheck,

    /// <summary>Says whatever may do harm.</summary>
    Hostile,

    /// <summary>Its agent dies now and then.</summary>
    DyingAgent,

    /// <summary>A person moves, saves or destroys it when it is least expected.</summary>
    Moved,

    /// <summary>Its filesystem hangs for good although its disk is back.</summary>
    Hanging,

    /// <summary>
    /// Has a data filesystem on a session of its own, of which Dom0 knows nothing, and which fails while Dom0's storage is
    /// well.
    /// </summary>
    OwnSession,

    /// <summary>Its root is a read-only btrfs subvolume: it is well, the mount table says rw, and every write is refused.</summary>
    ReadOnlySubvolume,
}
