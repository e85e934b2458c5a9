namespace HostBridge.Recovery;

/// <summary>
/// The safeguards by their rules in RECOVERY.md, each with a switch. The switches are for the simulation alone: with
/// one off, some run of it must break the rule, which shows that the simulation can fail. Nothing that a person can
/// configure turns one off.
/// </summary>
[Flags]
internal enum Safeguards
{
    /// <summary>None: only a simulation runs so.</summary>
    None = 0,

    /// <summary>S1: no act while the guest's storage is not stable.</summary>
    StableStorage = 1 << 0,

    /// <summary>S2: one act in flight a guest, N a LUN group, M a host.</summary>
    Caps = 1 << 1,

    /// <summary>S3: no act on evidence of an older boot or sequence.</summary>
    FreshEvidence = 1 << 2,

    /// <summary>S4: no check of a disk that any domain or mount could use.</summary>
    DiskUnused = 1 << 3,

    /// <summary>S5: no restart of a guest whose root writes, nor of one that hangs while its storage is down.</summary>
    DeadRootOnly = 1 << 4,

    /// <summary>S6: at most K recoveries of a guest in a window.</summary>
    Budget = 1 << 5,

    /// <summary>S7: the intent is durable before the act, and a crash repeats nothing blindly.</summary>
    DurableIntent = 1 << 6,

    /// <summary>S8: the words of one guest never act on another.</summary>
    OwnWordsOnly = 1 << 7,

    /// <summary>S9: observing or paused means no act.</summary>
    Consent = 1 << 8,

    /// <summary>S10: only a domain that the bridge destroyed itself is checked or created.</summary>
    OwnHandOnly = 1 << 9,

    /// <summary>S11: a restart needs evidence of this host.</summary>
    HostEvidence = 1 << 10,

    /// <summary>L2: what stands is told anew by a bridge that starts, so that nothing is lost over a restart.</summary>
    IsTold = 1 << 11,

    /// <summary>S1: no repair and no remount on a disk that this host does not serve, as its gate says nothing of it.</summary>
    ServedDisksOnly = 1 << 12,

    /// <summary>
    /// S5: a refused write (EROFS) alone is no abort. The safeguard is the agent's; without it the simulation lets the
    /// agent take one for an abort.
    /// </summary>
    SecondFact = 1 << 13,

    /// <summary>All of them.</summary>
    All = (1 << 14) - 1,
}
