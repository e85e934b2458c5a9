namespace HostBridge.Guests;

/// <summary>Allows a burst, and after it a steady pace. Full at first.</summary>
/// <param name="capacity">The burst.</param>
/// <param name="refill">The time after which one more is allowed.</param>
/// <param name="start">The moment of creation, on the monotonic clock.</param>
internal sealed class TokenBucket(int capacity, TimeSpan refill, TimeSpan start)
{
    private int _spent;
    private TimeSpan _refilledAt = start;

    /// <summary>Takes one; false when none is left now.</summary>
    public bool TryTake(TimeSpan now)
    {
        Refill(now);
        if (_spent == capacity)
        {
            return false;
        }

        _spent++;
        return true;
    }

    /// <summary>Whether one is left now.</summary>
    public bool HasOne(TimeSpan now)
    {
        Refill(now);
        return _spent < capacity;
    }

    /// <summary>Whether it is as good as a new one.</summary>
    public bool IsFull(TimeSpan now)
    {
        Refill(now);
        return _spent == 0;
    }

    private void Refill(TimeSpan now)
    {
        long earned = (now - _refilledAt).Ticks / refill.Ticks;
        if (earned > 0)
        {
            _spent = (int)Math.Max(0, _spent - earned);
            _refilledAt += refill * earned;
        }
    }
}
