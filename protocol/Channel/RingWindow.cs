namespace Protocol.Channel;

/// <summary>
/// Counts what was written and is not known to have left the ring between the ends. Two things prove that it has:
/// the other end saw a frame, and so everything before it, as the ring keeps the order; or frames of the other end
/// arrived three times, each a while after the one before: then whoever serves the ring has made a whole turn in
/// between, and has taken what stood there at the first of them.
/// </summary>
/// <param name="isFull">
/// Whether the ring must be held full at first: nothing is known of what an earlier program left in it.
/// </param>
internal sealed class RingWindow(bool isFull)
{
    /// <summary>Frames that come closer together may have been put into the ring at once.</summary>
    public static readonly TimeSpan SignsApart = TimeSpan.FromSeconds(1);

    private readonly Queue<(uint Serial, long End)> _frames = new();
    private long _written = isFull ? ChannelLimits.WindowBytes : 0;
    private long _gone;
    private long? _beforeLast;
    private long? _last;
    private TimeSpan _lastAt;

    /// <summary>Bytes that may still stand in the ring.</summary>
    public int UnacknowledgedBytes => (int)(_written - _gone);

    /// <summary>Whether so many bytes may be written now.</summary>
    public bool HasRoom(int sizeBytes) => UnacknowledgedBytes + sizeBytes <= ChannelLimits.WindowBytes;

    /// <summary>A frame is written.</summary>
    public void Write(uint serial, int sizeBytes)
    {
        _written += sizeBytes;
        _frames.Enqueue((serial, _written));
    }

    /// <summary>The other end saw this frame.</summary>
    public void See(uint serial)
    {
        while (_frames.TryPeek(out (uint Serial, long End) first) && first.Serial <= serial)
        {
            _gone = Math.Max(_gone, first.End);
            _ = _frames.Dequeue();
        }
    }

    /// <summary>A frame of the other end arrived.</summary>
    public void Hear(TimeSpan now)
    {
        if (_last is not null && now - _lastAt < SignsApart)
        {
            return;
        }

        _gone = Math.Max(_gone, _beforeLast ?? 0);
        (_beforeLast, _last, _lastAt) = (_last, _written, now);
        while (_frames.TryPeek(out (uint Serial, long End) first) && first.End <= _gone)
        {
            _ = _frames.Dequeue();
        }
    }
}
