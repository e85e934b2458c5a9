namespace HostBridge.Recovery;

/// <summary>What the rung that destroys and creates is busy with.</summary>
internal enum RecreationWork
{
    /// <summary>The toolstack is asked whether the domain could be created again; nothing was done yet.</summary>
    Confirming = 0,

    /// <summary>The step is being made durable.</summary>
    Recording,

    /// <summary>The toolstack is taking the step.</summary>
    Working,

    /// <summary>The step is durable and waits: to be tried again, for the storage, or for the end of a pause.</summary>
    Waiting,
}

/// <summary>How far the rung came that destroys a domain, checks its disks and creates it again.</summary>
/// <param name="Step">The step at hand.</param>
/// <param name="Work">How far it came.</param>
internal sealed record Recreation(OfflineStep Step, RecreationWork Work)
{
    /// <summary>How often the step was tried.</summary>
    public int Attempts { get; init; }

    /// <summary>When a step that waits may be taken, on the monotonic clock.</summary>
    public TimeSpan NotBefore { get; init; }

    /// <summary>The exit code of the check from Dom0; null when none ran.</summary>
    public int? CheckExitCode { get; init; }

    /// <summary>Whether our own hand destroyed the domain, and durably so: the guest is down.</summary>
    public bool IsDown => Step is >= OfflineStep.Destroyed and < OfflineStep.Created;

    /// <summary>Whether the domain may be gone by now by our own hand.</summary>
    public bool MayBeDown => IsDown || (Step == OfflineStep.Destroying && Work == RecreationWork.Working)
        || (Step == OfflineStep.Destroying && Attempts > 0);
}
