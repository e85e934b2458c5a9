using HostBridge.Guests;
using HostBridge.Recovery;

namespace HostBridge;

/// <summary>
/// Holds one guest's story to a pace: a guest whose verdicts flap must not fill the incident log and silence the
/// others. Intents, acts and their ends always pass. Of the rest the newest waits for its turn and says how many before
/// it were left out; so does, without a word, what is to be remembered. Pure: the time is an argument.
/// </summary>
/// <param name="start">The moment of creation, on the monotonic clock.</param>
internal sealed class TellPacer(TimeSpan start)
{
    private const int Burst = 60;

    /// <summary>A pacer that was not used for this long is as good as a new one.</summary>
    public static readonly TimeSpan IdleAfter = Burst * Interval;

    private static TimeSpan Interval => TimeSpan.FromSeconds(30);

    private readonly TokenBucket _bucket = new(Burst, Interval, start);
    private readonly TokenBucket _memory = new(Burst, Interval, start);
    private RecoveryAction.Tell? _standing;
    private RecoveryAction.Tell? _waiting;
    private RecoveryAction.RememberFaulty? _faulty;
    private int _leftOut;

    /// <summary>When something was last told or held back, on the monotonic clock.</summary>
    public TimeSpan UsedAt { get; private set; } = start;

    /// <summary>Whether something waits for its turn.</summary>
    public bool IsHoldingBack => _waiting is not null || _faulty is not null;

    /// <summary>What of the actions is to be done now, in their order; what waited for its turn comes first.</summary>
    public IReadOnlyList<RecoveryAction> Take(IReadOnlyList<RecoveryAction> actions, TimeSpan now)
    {
        var passed = new List<RecoveryAction>();
        if (!actions.Any(action => action is RecoveryAction.RememberFaulty))
        {
            RememberFaulty(passed, now);
        }

        if (_waiting is not null && _bucket.TryTake(now))
        {
            TellWaiting(passed);
        }

        foreach (RecoveryAction action in actions)
        {
            if (action is RecoveryAction.RememberFaulty remember)
            {
                _faulty = remember with { EndsStanding = remember.EndsStanding || _faulty is { EndsStanding: true } };
                RememberFaulty(passed, now);
                continue;
            }

            if (action is not RecoveryAction.Tell tell)
            {
                if (action is RecoveryAction.RecordIntent)
                {
                    TellWaiting(passed);
                    _standing = null;
                }

                passed.Add(action);
                continue;
            }

            UsedAt = now;
            if (IsNeeded(tell))
            {
                TellWaiting(passed);
                passed.Add(Told(tell));
            }
            else if (_waiting is null && _bucket.TryTake(now))
            {
                passed.Add(Told(tell));
            }
            else
            {
                _leftOut += _waiting is null ? 0 : 1;
                _waiting = tell;
            }
        }

        return passed;
    }

    /// <summary>A person acknowledged what stood: it is durable no more.</summary>
    public void Release()
    {
        _standing = null;
        _waiting = _waiting is null ? null : _waiting with { Standing = false };
    }

    /// <summary>What a restart of the bridge needs: ends of intents, acts, and the first of what stands.</summary>
    private bool IsNeeded(RecoveryAction.Tell tell)
        => tell.EndsIntent || tell.Kind is TellKind.Intent or TellKind.Action || (tell.Standing && _standing is null);

    /// <summary>Of what is to be remembered the newest counts, and an order always passes.</summary>
    private void RememberFaulty(List<RecoveryAction> passed, TimeSpan now)
    {
        if (_faulty is { } faulty && (_memory.TryTake(now) || faulty.EndsStanding))
        {
            passed.Add(faulty);
            (_faulty, UsedAt) = (null, now);
        }
    }

    private void TellWaiting(List<RecoveryAction> passed)
    {
        if (_waiting is { } waiting)
        {
            passed.Add(Told(_leftOut == 0 ? waiting : waiting with { Text = $"{waiting.Text}; {_leftOut} more not told" }));
            (_waiting, _leftOut) = (null, 0);
        }
    }

    /// <summary>What stands already is not made durable a second time.</summary>
    private RecoveryAction.Tell Told(RecoveryAction.Tell tell)
    {
        if (tell.Kind == TellKind.Proof)
        {
            _standing = null;
        }
        else if (tell.Standing)
        {
            bool stands = _standing is { } before && before.Text == tell.Text
                && before.Facts.Filesystem?.MountPoint == tell.Facts.Filesystem?.MountPoint;
            _standing = stands ? _standing : tell;
            return tell with { Standing = !stands };
        }

        return tell;
    }
}
