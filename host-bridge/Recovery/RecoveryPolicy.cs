using System.Collections.ObjectModel;

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

    /// <summary>What holds for a guest that has no policy of its own.</summary>
    public GuestPolicy AnyGuest { get; init; } = new();

    /// <summary>Whole policies of single guests, by their uuid in lower case (8-4-4-4-12) or by their name.</summary>
    public IReadOnlyDictionary<string, GuestPolicy> Guests { get; init; }
        = ReadOnlyDictionary<string, GuestPolicy>.Empty;

    /// <summary>When people work on the storage of this host: nothing is done to any guest then.</summary>
    public IReadOnlyList<MaintenanceWindow> MaintenanceWindows { get; init; } = [];

    /// <summary>The policy of a guest: by its uuid, else by its name, else that of any.</summary>
    public GuestPolicy Of(GuestIdentity guest)
        => Guests.Count == 0 ? AnyGuest
            : Guests.GetValueOrDefault(guest.Uuid.ToString("D"))
                ?? Guests.GetValueOrDefault(guest.Name)
                ?? AnyGuest;

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

    /// <summary>How long an accepted repair may take, apart from the check itself.</summary>
    public TimeSpan RepairDeadline { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>
    /// How long a guest may take from accepting a restart to the first report of its new boot, apart from the check.
    /// </summary>
    public TimeSpan RebootDeadline { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>What a check may take for each TiB of a guest's disks; e2fsck takes 1 to 15 minutes a TB.</summary>
    public TimeSpan CheckTimePerTebibyte { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>The size of disks that tell none, in TiB: no check is given up for want of a number.</summary>
    public double AssumedTebibytes { get; init; } = 8;

    /// <summary>By how much a new boot is waited for again each time its backend has moved.</summary>
    public TimeSpan MovingExtension { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The longest time that a new boot or a repair is waited for, however much moves.</summary>
    public TimeSpan LongestCheck { get; init; } = TimeSpan.FromHours(12);

    /// <summary>For how long a person's order to recover a guest holds when nothing can be begun at once.</summary>
    public TimeSpan OrderLifetime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>For how long no domain may run in the middle of a restart, before an operator is told.</summary>
    public TimeSpan NoDomainDeadline { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// How long the old boot may still be there after it accepted a restart. The guest calls reboot(2) within seconds;
    /// then it is xl's turn to take the domain down, which took two minutes on a host where several went at once.
    /// </summary>
    public TimeSpan OldBootPatience { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// For how long nothing is done to a guest after another domain with its uuid was gone: if that one was the guest and
    /// restarts, it is there again by then.
    /// </summary>
    public TimeSpan TwinReturnTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long destroying or creating may take; the toolstack's own limit is shorter (10 min, xl).</summary>
    public TimeSpan StepDeadline { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How long a check from Dom0 may take; the toolstack's own limit is shorter (a day, xl).</summary>
    public TimeSpan OfflineCheckDeadline { get; init; } = TimeSpan.FromHours(25);

    /// <summary>How often a step of the toolstack that failed is tried in all.</summary>
    public int MaxStepAttempts { get; init; } = 5;

    /// <summary>The wait before the second attempt of a step; it doubles each time, up to the longest.</summary>
    public TimeSpan StepRetryInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The longest wait between two attempts of a step.</summary>
    public TimeSpan LongestStepRetryInterval { get; init; } = TimeSpan.FromMinutes(4);

    /// <summary>For how long a guest that was destroyed may wait for its storage or for the end of a pause.</summary>
    public TimeSpan DownDeadline { get; init; } = TimeSpan.FromHours(2);

    /// <summary>
    /// How long what was faulty in a guest is remembered after it was last heard, while it is not here. It may be saved.
    /// </summary>
    public TimeSpan FaultyKeptFor { get; init; } = TimeSpan.FromDays(90);

    /// <summary>After what time at the bridge's start a guest that was not listed runs in no domain.</summary>
    public TimeSpan ListingTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long it may take to find out what became of an act in whose middle the bridge stopped.</summary>
    public TimeSpan ResumeDeadline { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>For how long nothing is done after a boot was first heard: what it starts may still mend it.</summary>
    public TimeSpan GraceAfterBoot { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How many recoveries must fail on a LUN group or on the host (F), within <see cref="BreakerWindow"/> and with
    /// none that succeeded between, for none to begin there any more.
    /// </summary>
    public int MaxFailures { get; init; } = 3;

    /// <summary>The window of <see cref="MaxFailures"/>.</summary>
    public TimeSpan BreakerWindow { get; init; } = TimeSpan.FromHours(1);

    /// <summary>After what time one recovery is tried there again.</summary>
    public TimeSpan BreakerCoolDown { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long the proof may take once there is something to prove.</summary>
    public TimeSpan ProofDeadline { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a hung filesystem may go on hanging on stable storage before an operator is needed.</summary>
    public TimeSpan HungPatience { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// How long a fault may last on storage that this host cannot map to its devices before an operator is needed.
    /// </summary>
    public TimeSpan HiddenStoragePatience { get; init; } = TimeSpan.FromMinutes(10);

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
