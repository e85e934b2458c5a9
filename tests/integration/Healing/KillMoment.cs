namespace Tests.Integration.Healing;

/// <summary>
/// The moments of a recovery at which a bridge is killed: right before and right after each of its effects, and each
/// effect of the guest.
/// </summary>
public enum KillMoment
{
    /// <summary>The intent is seen in the database; the request may have been written or not.</summary>
    IntentSeen,

    /// <summary>The intent is durable, and the toolstack's command begins: it arms nothing.</summary>
    BeforeArming,

    /// <summary>The toolstack armed the check, and the bridge has not heard of it.</summary>
    AfterArming,

    /// <summary>The request is in xenstore, and the bridge has no reply to its write.</summary>
    RequestWritten,

    /// <summary>The guest marked the request as accepted, before it acts.</summary>
    RequestAccepted,

    /// <summary>The guest answered that the repair is done.</summary>
    RepairDone,

    /// <summary>The old domain is gone; the check and the new boot come.</summary>
    OldBootEnded,

    /// <summary>The new boot has told of its first filesystem.</summary>
    NewBootReported,

    /// <summary>The toolstack is asked how the check ended, and does not answer.</summary>
    BeforeCheckRead,

    /// <summary>The toolstack told how the check ended, and the bridge has not heard of it.</summary>
    AfterCheckRead,

    /// <summary>The new boot is asked for a probe, and the bridge has no reply to its write.</summary>
    ProbeWritten,

    /// <summary>The new boot answered with a probe that wrote; only the proof is to be recorded.</summary>
    ProbeAnswered,
}
