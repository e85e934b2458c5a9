using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>
/// A fault of one filesystem, as evidence to act on: bound to the boot and the report that told of it.
/// </summary>
/// <param name="Filesystem">What the guest says of the filesystem.</param>
/// <param name="BootId">The boot that speaks.</param>
/// <param name="Sequence">The report in which it was last seen.</param>
/// <param name="Since">When this host first heard of it, on the monotonic clock.</param>
internal sealed record Fault(FilesystemHealth Filesystem, BootId BootId, long Sequence, TimeSpan Since);

/// <summary>How far a recovery came.</summary>
internal enum RecoveryPhase
{
    /// <summary>The intent is being made durable; nothing was done yet.</summary>
    RecordingIntent = 0,

    /// <summary>The toolstack is to have a check forced at the next boot.</summary>
    ArmingFsck,

    /// <summary>The request was sent.</summary>
    AwaitingAnswer,

    /// <summary>The guest accepted and is at work (remount, repair).</summary>
    AwaitingCompletion,

    /// <summary>The toolstack destroys, checks and creates.</summary>
    Recreating,

    /// <summary>
    /// The guest accepted a restart, vanished after it was asked for one, refuses to end, or was created again.
    /// </summary>
    AwaitingNewBoot,
}

/// <summary>How far a proof came.</summary>
internal enum ProofPhase
{
    /// <summary>The toolstack is asked for the result of the forced check.</summary>
    ReadingFsckResult = 0,

    /// <summary>The guest was asked to write.</summary>
    AwaitingProbe,

    /// <summary>The guest wrote; its report must say so as well.</summary>
    AwaitingReport,
}

/// <summary>What ends an operator's turn.</summary>
internal enum OperatorRelease
{
    /// <summary>Any change that leads to another decision: nothing was tried in vain.</summary>
    WhenReasonEnds = 0,

    /// <summary>
    /// A report that finds everything well and lists the filesystem at stake, or a person who acknowledges: what the
    /// bridge tried did not help.
    /// </summary>
    WhenHealthy,

    /// <summary>A person who acknowledges: the bridge does not know what happened.</summary>
    WhenAcknowledged,
}

/// <summary>Where the recovery of one guest stands. Each state carries what belongs to it alone.</summary>
internal abstract record RecoveryState
{
    private RecoveryState()
    {
    }

    /// <summary>Whether something is under way with this guest: such guests are counted against the caps.</summary>
    public bool IsInFlight => this is Recovering or Verifying or Resuming;

    /// <summary>Nothing was heard yet, or the guest is gone.</summary>
    internal sealed record Unknown : RecoveryState;

    /// <summary>Everything that it reports is well.</summary>
    /// <param name="BootId">The boot that says so.</param>
    /// <param name="LeftAlone">The mount points that are read-only by design, for a person; empty for none.</param>
    internal sealed record Healthy(BootId BootId, string LeftAlone = "") : RecoveryState;

    /// <summary>Something is wrong or doubtful that is not acted on.</summary>
    /// <param name="Reason">What, and why nothing is done.</param>
    internal sealed record Suspect(string Reason) : RecoveryState;

    /// <summary>Something is wrong that may be acted on once the storage is stable.</summary>
    /// <param name="Since">Since when it waits, on the monotonic clock.</param>
    /// <param name="Reasons">Why the gate is closed.</param>
    internal sealed record AwaitingStorage(TimeSpan Since, string Reasons) : RecoveryState;

    /// <summary>Decided; waits for its turn among the guests, or for its own spacing.</summary>
    /// <param name="Since">Since when, on the monotonic clock: the longest waiting goes first.</param>
    /// <param name="Rung">What will be done.</param>
    /// <param name="MountPoint">To which filesystem.</param>
    internal sealed record Queued(TimeSpan Since, Rung Rung, MountPoint MountPoint) : RecoveryState;

    /// <summary>A rung is being climbed.</summary>
    /// <param name="Rung">Which.</param>
    /// <param name="Attempt">The how-manieth recovery of this guest in its window; from 1.</param>
    /// <param name="RequestId">The request, and the name of the intent.</param>
    /// <param name="Deadline">When the phase has taken too long, on the monotonic clock.</param>
    /// <param name="Phase">How far it came.</param>
    /// <param name="Fault">The evidence it stands on.</param>
    internal sealed record Recovering(
        Rung Rung, int Attempt, RequestId RequestId, TimeSpan Deadline, RecoveryPhase Phase, Fault Fault)
        : RecoveryState
    {
        /// <summary>
        /// When its proof has taken too long, on the monotonic clock; null before its first new boot. It is carried
        /// from boot to boot, so that a guest in a boot loop does not hold its place for ever.
        /// </summary>
        public TimeSpan? ProofDeadline { get; init; }

        /// <summary>The boot for which the check's result is being asked; none when nobody is asked.</summary>
        public BootId FsckAskedFor { get; init; }

        /// <summary>The domain in which the boot ran that told of the fault.</summary>
        public DomainId? Domain { get; init; }

        /// <summary>
        /// Whether that boot is over as far as can be told: from then on a new one may run, and the bridge never
        /// destroys it.
        /// </summary>
        public bool OldBootEnded { get; init; }

        /// <summary>
        /// Whether the check is left to the guest's own early boot, as the toolstack cannot force it.
        /// </summary>
        public bool AsksEarlyBoot { get; init; }

        /// <summary>Whether the guest accepted to restart.</summary>
        public bool Accepted { get; init; }

        /// <summary>
        /// When the old boot counts as refusing to end, on the monotonic clock; null when it was not asked to yet.
        /// </summary>
        public TimeSpan? OldBootLimit { get; init; }

        /// <summary>Beyond this the deadline is not extended, on the monotonic clock.</summary>
        public TimeSpan LastDeadline { get; init; }

        /// <summary>How much the backends of the new boot had done when they were last looked at.</summary>
        public long BackendRequests { get; init; }

        /// <summary>How far the domain's destruction and creation came; null on other rungs.</summary>
        public Recreation? Recreation { get; init; }

        /// <summary>Whether a new boot is what it leads to.</summary>
        public bool Restarts => Rung is Rung.Reboot or Rung.Recreate;
    }

    /// <summary>The bridge was stopped in the middle of an act; what became of it is being found out.</summary>
    /// <param name="Open">The intent without an end.</param>
    /// <param name="Attempt">The how-manieth recovery of this guest in its window; from 1.</param>
    /// <param name="BeganAt">When it began, on the monotonic clock; it may lie before the start.</param>
    /// <param name="Since">When the bridge started, or lost one of two domains of its uuid, on the monotonic clock.</param>
    /// <param name="Deadline">When that has taken too long, on the monotonic clock.</param>
    internal sealed record Resuming(
        OpenIntent Open, int Attempt, TimeSpan BeganAt, TimeSpan Since, TimeSpan Deadline) : RecoveryState;

    /// <summary>A rung was climbed; whether it helped is being proved.</summary>
    /// <param name="Act">What was done.</param>
    /// <param name="BootId">The boot that must prove it.</param>
    /// <param name="ProbeId">The request that proves it; none when the rung's own outcome carried the probe.</param>
    /// <param name="FsckExitCode">The check's exit code; null when it is not known or none was due.</param>
    /// <param name="Deadline">When the proof has taken too long, on the monotonic clock.</param>
    /// <param name="Phase">How far it came.</param>
    internal sealed record Verifying(
        Recovering Act, BootId BootId, RequestId ProbeId, int? FsckExitCode, TimeSpan Deadline, ProofPhase Phase)
        : RecoveryState;

    /// <summary>The bridge does no more: a person is needed.</summary>
    /// <param name="Reason">What is wrong and what to do.</param>
    /// <param name="Release">What ends it.</param>
    /// <param name="AtStake">
    /// The filesystem that must be seen well again for <see cref="OperatorRelease.WhenHealthy"/>; null when not known.
    /// </param>
    internal sealed record NeedsOperator(string Reason, OperatorRelease Release, MountPoint? AtStake = null)
        : RecoveryState;
}
