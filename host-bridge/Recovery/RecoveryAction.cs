using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>What an entry of a guest's story is about.</summary>
internal enum TellKind
{
    /// <summary>What the guest says of itself changed.</summary>
    Report = 0,

    /// <summary>What the bridge holds of it, or will do, changed.</summary>
    Decision,

    /// <summary>It waits for its storage.</summary>
    Gate,

    /// <summary>What is about to be done; durable before it is.</summary>
    Intent,

    /// <summary>What is being done.</summary>
    Action,

    /// <summary>How what was done ended.</summary>
    Outcome,

    /// <summary>It is proved to be well again.</summary>
    Proof,

    /// <summary>A person is needed.</summary>
    Operator,
}

/// <summary>The facts that belong to an entry; null where there are none.</summary>
internal sealed record IncidentFacts
{
    /// <summary>No facts.</summary>
    public static IncidentFacts None { get; } = new();

    /// <summary>The filesystem.</summary>
    public FilesystemHealth? Filesystem { get; init; }

    /// <summary>The boot that told of it, or that proved it.</summary>
    public BootId BootId { get; init; }

    /// <summary>The rung.</summary>
    public Rung? Rung { get; init; }

    /// <summary>The request, which is also the name of the intent.</summary>
    public RequestId RequestId { get; init; }

    /// <summary>The exit code of the check.</summary>
    public int? FsckExitCode { get; init; }

    /// <summary>The step of the offline rung that is begun or done.</summary>
    public OfflineStep? Step { get; init; }

    /// <summary>
    /// The disks that the step is about: once the domain is gone, nothing else tells them. Null for other entries.
    /// </summary>
    public GuestDisks? Disks { get; init; }
}

/// <summary>What is to be done for one guest; carried out at the edge, and completed by a later input.</summary>
internal abstract record RecoveryAction
{
    private RecoveryAction()
    {
    }

    /// <summary>Make an intent durable. Completed by IntentRecorded or IntentFailed.</summary>
    /// <param name="Intent">Its name.</param>
    /// <param name="Text">For a person.</param>
    /// <param name="Facts">The facts it stands on.</param>
    internal sealed record RecordIntent(RequestId Intent, string Text, IncidentFacts Facts) : RecoveryAction;

    /// <summary>Make a step of an intent durable. Completed by StepRecorded or StepNotRecorded.</summary>
    /// <param name="Intent">The intent.</param>
    /// <param name="Step">The step, which is about to be taken or was.</param>
    /// <param name="Text">For a person.</param>
    /// <param name="Facts">The facts, the step and its disks among them.</param>
    internal sealed record RecordStep(RequestId Intent, OfflineStep Step, string Text, IncidentFacts Facts)
        : RecoveryAction;

    /// <summary>Ask whether a domain could be created again. Completed by CreatableConfirmed.</summary>
    /// <param name="Intent">The intent under which it is asked.</param>
    /// <param name="Domain">The domain.</param>
    internal sealed record ConfirmCreatable(RequestId Intent, DomainId Domain) : RecoveryAction;

    /// <summary>Destroy a domain. Completed by StepTaken.</summary>
    /// <param name="Intent">The intent, durable as <see cref="OfflineStep.Destroying"/>.</param>
    /// <param name="Domain">The domain.</param>
    internal sealed record Destroy(RequestId Intent, DomainId Domain) : RecoveryAction;

    /// <summary>Check the disks of a guest that was destroyed. Completed by OfflineChecked.</summary>
    /// <param name="Intent">The intent, durable as <see cref="OfflineStep.Checking"/>.</param>
    /// <param name="Disks">The disks.</param>
    internal sealed record CheckOffline(RequestId Intent, GuestDisks Disks) : RecoveryAction;

    /// <summary>Create a guest that was destroyed. Completed by StepTaken.</summary>
    /// <param name="Intent">The intent, durable as <see cref="OfflineStep.Creating"/>.</param>
    internal sealed record Create(RequestId Intent) : RecoveryAction;

    /// <summary>Have the filesystems checked at the next boot. Completed by FsckArmed.</summary>
    /// <param name="Intent">The intent under which it is done.</param>
    internal sealed record ArmForcedFsck(RequestId Intent) : RecoveryAction;

    /// <summary>
    /// Have the guest's own early boot check its filesystems, or no more. Nobody answers: it shows at the next boot.
    /// </summary>
    /// <param name="Domain">The domain that boots, or is to boot again.</param>
    /// <param name="IsWanted">Whether a check is wanted from now on.</param>
    internal sealed record AskEarlyBoot(DomainId Domain, bool IsWanted) : RecoveryAction;

    /// <summary>Ask how that check ended. Completed by FsckResultRead.</summary>
    /// <param name="Intent">The intent under which it is asked.</param>
    /// <param name="BootId">The boot whose check is meant.</param>
    internal sealed record ReadFsckResult(RequestId Intent, BootId BootId) : RecoveryAction;

    /// <summary>Write a request for the guest. Completed by its outcome, or by RequestNotSent.</summary>
    /// <param name="Domain">The domain it runs in.</param>
    /// <param name="Request">The request.</param>
    internal sealed record SendRequest(DomainId Domain, GuestRequest Request) : RecoveryAction;

    /// <summary>Remove an answered or expired request, if it is still this one.</summary>
    /// <param name="Domain">The domain it was written for.</param>
    /// <param name="RequestId">Its id.</param>
    internal sealed record RemoveRequest(DomainId Domain, RequestId RequestId) : RecoveryAction;

    /// <summary>Leave word in the guest of its last recovery. Nothing depends on it.</summary>
    /// <param name="Domain">The domain it runs in.</param>
    /// <param name="Recovery">The recovery.</param>
    internal sealed record LeaveWord(DomainId Domain, LastRecovery Recovery) : RecoveryAction;

    /// <summary>
    /// Remember over a restart of the bridge what was faulty when it was last listed. Nobody answers.
    /// </summary>
    /// <param name="Faulty">It takes the place of what was remembered before.</param>
    internal sealed record RememberFaulty(FaultySeen Faulty) : RecoveryAction
    {
        /// <summary>What stood for the guest stands no more: a person gave an order.</summary>
        public bool EndsStanding { get; init; }
    }

    /// <summary>Tell people, and the incident log.</summary>
    /// <param name="Kind">What it is about.</param>
    /// <param name="Text">For a person.</param>
    /// <param name="Facts">The facts.</param>
    internal sealed record Tell(TellKind Kind, string Text, IncidentFacts Facts) : RecoveryAction
    {
        /// <summary>The intent of <see cref="IncidentFacts.RequestId"/> is over.</summary>
        public bool EndsIntent { get; init; }

        /// <summary>It still holds when the bridge starts again, until the guest is proved to be well.</summary>
        public bool Standing { get; init; }
    }
}
