namespace HostBridge.Recovery;

/// <summary>What one step leads to.</summary>
/// <param name="Guest">The guest as it is now.</param>
/// <param name="Actions">What is to be done, in this order.</param>
internal readonly record struct RecoveryStep(GuestRecord Guest, IReadOnlyList<RecoveryAction> Actions);

/// <summary>
/// The state machine of one guest's recovery, drawn in RECOVERY.md. Pure: the same guest, input and moment always
/// lead to the same step. It knows one guest only; the caps over all of them are kept by <see cref="GuestRegistry"/>.
/// </summary>
/// <param name="policy">The numbers and switches.</param>
internal sealed class RecoveryMachine(RecoveryPolicy policy)
{
    /// <summary>One input.</summary>
    public RecoveryStep Step(GuestRecord guest, RecoveryInput input, Moment now)
    {
        var turn = new RecoveryTurn(policy, guest, now);
        turn.Take(input);
        return turn.Result;
    }
}
