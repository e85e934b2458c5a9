namespace HostBridge.Recovery;

/// <summary>How early a guest's turn comes among those that wait.</summary>
internal enum GuestPriority
{
    /// <summary>After the infrastructure, the longest waiting first.</summary>
    Normal = 0,

    /// <summary>Before all others, as they need it: name service, directory, an iSCSI target in a guest.</summary>
    Infrastructure,
}

/// <summary>Whether any other host can use the disks of a guest.</summary>
internal enum ExclusiveStorage
{
    /// <summary>Nobody said so; it counts as no unless something proves the contrary.</summary>
    Unknown = 0,

    /// <summary>The administrator says that no other host uses them.</summary>
    Yes,

    /// <summary>Another host may use them.</summary>
    No,
}

/// <summary>
/// What may be done to one guest. The defaults are those that do least; they stand in RECOVERY.md as well.
/// </summary>
internal sealed record GuestPolicy
{
    /// <summary>Whether the bridge acts on this guest; null: as the bridge does.</summary>
    public BridgeMode? Mode { get; init; }

    /// <summary>How early its turn comes.</summary>
    public GuestPriority Priority { get; init; }

    /// <summary>Whether its domain may be destroyed when its old boot refuses to end.</summary>
    public bool AllowDestroy { get; init; }

    /// <summary>Whether its disks are checked from Dom0 after its domain was destroyed.</summary>
    public bool OfflineCheck { get; init; }

    /// <summary>Whether any other host can use its disks; without a yes its domain is never destroyed.</summary>
    public ExclusiveStorage ExclusiveStorage { get; init; }

    /// <summary>Whether a restart may stand on its word alone; null: as the bridge does.</summary>
    public bool? ActWithoutHostEvidence { get; init; }

    /// <summary>Whether it may be restarted when no check can be forced at its next boot.</summary>
    public bool AcceptUnforcedReboot { get; init; }

    /// <summary>
    /// Whether a dead data filesystem that cannot be repaired in the running guest is a reason to restart it.
    /// </summary>
    public bool RebootForData { get; init; }

    /// <summary>When people work on it or on its storage: nothing is done then.</summary>
    public IReadOnlyList<MaintenanceWindow> MaintenanceWindows { get; init; } = [];
}
