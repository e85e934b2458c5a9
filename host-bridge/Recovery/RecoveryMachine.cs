namespace HostBridge.Recovery;

/// <summary>What one step leads to.</summary>
/// <param name="Guest">The guest as it is now.</param>
/// <param name="Actions">What is to be done, in this order.</param>
internal readonly record struct RecoveryStep(GuestRecord Guest, IReadOnlyList<RecoveryAction> Actions);

/// <summary>
/// The state machine of one guest's recovery, drawn in RECOVERY.md. Pure: the same guest, input and moment always
/// lead to the same step. It knows one guest only; what holds over all of them is kept by <see cref="GuestRegistry"/>.
/// </summary>
/// <param name="inForce">The numbers and switches.</param>
/// <param name="consent">Whether people want the bridge to act.</param>
internal sealed class RecoveryMachine(PolicyInForce inForce, Consent consent)
{
    private RecoveryPolicy Policy => inForce.Value;

    /// <summary>One input.</summary>
    public RecoveryStep Step(GuestRecord guest, RecoveryInput input, Moment now)
    {
        if (IsWithoutEffect(guest, input, now))
        {
            return new RecoveryStep(guest, []);
        }

        var turn = new RecoveryTurn(Policy, consent, guest, now);
        turn.Take(input);
        return turn.Result;
    }

    /// <summary>
    /// Whether a step would leave everything as it is. Most are so, as each guest gets one a second: a guest that was
    /// heard and found well is well until it falls silent, and one that is in no domain waits for one.
    /// </summary>
    private bool IsWithoutEffect(GuestRecord guest, RecoveryInput input, Moment now) => input switch
    {
        RecoveryInput.StorageJudged judged when !ReferenceEquals(judged.Storage, guest.Storage) => false,
        RecoveryInput.Tick or RecoveryInput.StorageJudged => guest.State switch
        {
            RecoveryState.Healthy => guest.Domain is not null && now.Elapsed - guest.HeardAt < Policy.SilentAfter,
            RecoveryState.Unknown => guest.Domain is null,
            _ => false,
        },
        _ => false,
    };
}
