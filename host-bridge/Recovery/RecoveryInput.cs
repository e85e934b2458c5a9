using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>Whether the toolstack saw to it that the next boot checks the filesystems.</summary>
internal enum ArmingResult
{
    /// <summary>The next boot of the guest will check.</summary>
    Armed = 0,

    /// <summary>No toolstack is configured that could.</summary>
    Unavailable,

    /// <summary>It was asked and failed, or did not answer in time.</summary>
    Failed,
}

/// <summary>What can happen to one guest.</summary>
internal abstract record RecoveryInput
{
    private RecoveryInput()
    {
    }

    /// <summary>A domain of this guest runs.</summary>
    /// <param name="Domain">Its number.</param>
    internal sealed record DomainAppeared(DomainId Domain) : RecoveryInput;

    /// <summary>Its domain is no more.</summary>
    internal sealed record DomainGone : RecoveryInput;

    /// <summary>It said how it is.</summary>
    /// <param name="Report">Complete and parsed.</param>
    /// <param name="IsNew">
    /// Whether it was written while the bridge listened; false for what already stood there when it began to read.
    /// </param>
    internal sealed record ReportReceived(GuestReport Report, bool IsNew) : RecoveryInput;

    /// <summary>It answered a request.</summary>
    /// <param name="Outcome">The answer, parsed.</param>
    internal sealed record OutcomeReceived(RequestOutcome Outcome) : RecoveryInput;

    /// <summary>Its console said something of its filesystems, or that it boots.</summary>
    /// <param name="Sign">What.</param>
    internal sealed record ConsoleSaid(ConsoleSign Sign) : RecoveryInput;

    /// <summary>Its storage was judged.</summary>
    /// <param name="Storage">The judgement.</param>
    internal sealed record StorageJudged(StorageView Storage) : RecoveryInput;

    /// <summary>It is this guest's turn: the caps of host and LUN groups have room for it.</summary>
    internal sealed record SlotGranted : RecoveryInput;

    /// <summary>The intent is durable.</summary>
    /// <param name="Intent">Its name.</param>
    internal sealed record IntentRecorded(RequestId Intent) : RecoveryInput;

    /// <summary>The intent could not be made durable.</summary>
    /// <param name="Intent">Its name.</param>
    /// <param name="Reason">Why, for a person.</param>
    internal sealed record IntentFailed(RequestId Intent, string Reason) : RecoveryInput;

    /// <summary>A step of the intent is durable.</summary>
    /// <param name="Intent">The intent.</param>
    /// <param name="Step">The step.</param>
    internal sealed record StepRecorded(RequestId Intent, OfflineStep Step) : RecoveryInput;

    /// <summary>A step of the intent could not be made durable.</summary>
    /// <param name="Intent">The intent.</param>
    /// <param name="Step">The step.</param>
    /// <param name="Reason">Why, for a person.</param>
    internal sealed record StepNotRecorded(RequestId Intent, OfflineStep Step, string Reason) : RecoveryInput;

    /// <summary>The toolstack answered whether the domain could be created again.</summary>
    /// <param name="Intent">The intent under which it was asked.</param>
    /// <param name="Answer">The answer.</param>
    internal sealed record CreatableConfirmed(RequestId Intent, StepAnswer Answer) : RecoveryInput;

    /// <summary>The toolstack destroyed or created the guest, or did not.</summary>
    /// <param name="Intent">The intent.</param>
    /// <param name="Step"><see cref="OfflineStep.Destroying"/> or <see cref="OfflineStep.Creating"/>.</param>
    /// <param name="Answer">What came of it.</param>
    internal sealed record StepTaken(RequestId Intent, OfflineStep Step, StepAnswer Answer) : RecoveryInput;

    /// <summary>The check from Dom0 ended, or did not begin.</summary>
    /// <param name="Intent">The intent.</param>
    /// <param name="Answer">What came of it.</param>
    internal sealed record OfflineChecked(RequestId Intent, OfflineCheckAnswer Answer) : RecoveryInput;

    /// <summary>How much its backends have done so far.</summary>
    /// <param name="Requests">Reads, writes, flushes and discards.</param>
    internal sealed record BackendSeen(long Requests) : RecoveryInput;

    /// <summary>The toolstack answered whether the next boot checks.</summary>
    /// <param name="Intent">The intent under which it was asked.</param>
    /// <param name="Result">The answer.</param>
    /// <param name="Reason">Why not, for a person; empty when armed.</param>
    internal sealed record FsckArmed(RequestId Intent, ArmingResult Result, string Reason) : RecoveryInput;

    /// <summary>The toolstack answered how the check at boot ended.</summary>
    /// <param name="Intent">The intent under which it was asked.</param>
    /// <param name="BootId">The boot for which it was asked: it says nothing of a later one.</param>
    /// <param name="ExitCode">e2fsck's exit code; null when it is not known.</param>
    internal sealed record FsckResultRead(RequestId Intent, BootId BootId, int? ExitCode) : RecoveryInput;

    /// <summary>The request could not be written. It may have been all the same: the deadline decides.</summary>
    /// <param name="Request">Its id.</param>
    /// <param name="Reason">Why, for a person.</param>
    internal sealed record RequestNotSent(RequestId Request, string Reason) : RecoveryInput;

    /// <summary>A person removed the hold file: what stood there is acknowledged.</summary>
    internal sealed record HoldReleased : RecoveryInput;

    /// <summary>A person said so: what stands is acknowledged.</summary>
    internal sealed record Acknowledged : RecoveryInput;

    /// <summary>Another domain with its uuid was seen while the one it is held to run in lives.</summary>
    /// <param name="Domain">The other one.</param>
    internal sealed record TwinSeen(DomainId Domain) : RecoveryInput;

    /// <summary>That other domain is gone.</summary>
    /// <param name="Domain">The other one.</param>
    internal sealed record TwinGone(DomainId Domain) : RecoveryInput;

    /// <summary>A person ordered its recovery.</summary>
    internal sealed record Ordered : RecoveryInput;

    /// <summary>Time passed.</summary>
    internal sealed record Tick : RecoveryInput;
}
