namespace HostBridge.Recovery;

/// <summary>
/// The policy that holds now. There is one of these for the whole loop, so that no part of it goes on by an older policy
/// after an administrator changed it. What is in flight keeps the deadlines that it began with; whether and how anything
/// further is done is asked of the new policy.
/// </summary>
/// <param name="policy">The policy at the start.</param>
internal sealed class PolicyInForce(RecoveryPolicy policy)
{
    /// <summary>The policy.</summary>
    public RecoveryPolicy Value { get; private set; } = policy;

    /// <summary>Puts another one in its place.</summary>
    public void Replace(RecoveryPolicy policy) => Value = policy;
}
