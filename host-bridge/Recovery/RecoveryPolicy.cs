namespace HostBridge.Recovery;

/// <summary>Whether the bridge acts.</summary>
internal enum BridgeMode
{
    /// <summary>Listens, decides and tells; never acts.</summary>
    Observe = 0,

    /// <summary>Acts on what it decided.</summary>
    Recover,
}

/// <summary>
/// Every number and switch by which recoveries are decided. The defaults stand here and in RECOVERY.md.
/// </summary>
internal sealed record RecoveryPolicy
{
    /// <summary>Whether the bridge acts at all.</summary>
    public BridgeMode Mode { get; init; } = BridgeMode.Observe;

    /// <summary>The safeguards that hold: all of them, outside of a simulation.</summary>
    internal Safeguards Safeguards { get; init; } = Safeguards.All;

    /// <summary>Whether a safeguard holds: each rule asks where it is held.</summary>
    public bool Holds(Safeguards safeguard) => (Safeguards & safeguard) == safeguard;

    /// <summary>
    /// Whether a reboot may stand on the guest's word alone; otherwise this host must itself have seen a fault on
    /// a disk of that guest within <see cref="HostEvidenceWindow"/>.
    /// </summary>
    public bool ActWithoutHostEvidence { get; init; }

    /// <summary>How far back a fault seen by this host supports a reboot.</summary>
    public TimeSpan HostEvidenceWindow { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long every disk of a guest must have been operational before anything is done to it.</summary>
    public TimeSpan StableFor { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>After what time without a new check nothing is known of a disk any more; one comes every 5 s.</summary>
    public TimeSpan DiskCheckValidFor { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The most recoveries at once among guests that share a LUN group (N).</summary>
    public int MaxPerLunGroup { get; init; } = 2;

    /// <summary>The most recoveries at once on this host (M).</summary>
    public int MaxPerHost { get; init; } = 4;

    /// <summary>
    /// For how long a recovery counts against <see cref="MaxPerLunGroup"/> and <see cref="MaxPerHost"/>: a guest that
    /// accepts and does nothing must not keep the others from their turn. Its own deadlines go on.
    /// </summary>
    public TimeSpan SlotHeldFor { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The most recoveries of one guest within <see cref="BudgetWindow"/> (K); then an operator.</summary>
    public int MaxPerGuest { get; init; } = 2;

    /// <summary>The window of <see cref="MaxPerGuest"/>.</summary>
    public TimeSpan BudgetWindow { get; init; } = TimeSpan.FromHours(6);

    /// <summary>The least time between the beginnings of two recoveries of one guest.</summary>
    public TimeSpan Spacing { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>For how long a request holds after the guest first saw it.</summary>
    public TimeSpan RequestLifetime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long the incident log may take to make an intent durable.</summary>
    public TimeSpan IntentDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the toolstack may take to arm a check; its command is ended earlier.</summary>
    public TimeSpan ArmDeadline { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long a guest may take to accept or refuse: the lifetime, and time for the answer to arrive.
    /// </summary>
    public TimeSpan AnswerDeadline { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>How long an accepted remount may take.</summary>
    public TimeSpan RemountDeadline { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>How long an accepted repair may take; e2fsck takes 1 to 15 minutes a TB.</summary>
    public TimeSpan RepairDeadline { get; init; } = TimeSpan.FromHours(2);

    /// <summary>How long a guest may take from accepting a reboot to the first report of its new boot.</summary>
    public TimeSpan RebootDeadline { get; init; } = TimeSpan.FromHours(2);

    /// <summary>How long the proof may take once there is something to prove.</summary>
    public TimeSpan ProofDeadline { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a hung filesystem may go on hanging on stable storage before an operator is needed.</summary>
    public TimeSpan HungPatience { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a failing device is given to be probed again once its storage is stable.</summary>
    public TimeSpan DeviceFailingPatience { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long to wait for a newer report after a guest refused, before an operator is needed.</summary>
    public TimeSpan NewerReportPatience { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// The least time between two requests for a sign of life; with <see cref="SilentAfter"/> it bounds their number.
    /// </summary>
    public TimeSpan LifeRequestInterval { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// After what silence a guest's report is no evidence any more; its heartbeat comes every minute.
    /// </summary>
    public TimeSpan SilentAfter { get; init; } = TimeSpan.FromMinutes(3);
}
