namespace Protocol.Channel;

/// <summary>
/// One end of the channel as a state machine without I/O: bytes and moments in, frames and events out; the same for
/// both ends. Loss, repetition, reordering and garbage cost time and nothing else. PROTOCOL.md draws its states.
/// Moments are durations on any monotonic clock. Used by one thread.
/// </summary>
/// <param name="end">Which end this is.</param>
/// <param name="session">This life of this end: a number chosen at random, never 0.</param>
public sealed partial class ChannelLink(ChannelEnd end, uint session)
{
    /// <summary>Nothing heard for this long: the other end does not listen.</summary>
    public static readonly TimeSpan SilentAfter = TimeSpan.FromSeconds(30);

    /// <summary>How often the host asks a guest that has nothing to say.</summary>
    public static readonly TimeSpan KeepAliveInterval = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan FirstBackOff = TimeSpan.FromSeconds(1);

    private readonly TimeSpan _lastBackOff = TimeSpan.FromSeconds(end == ChannelEnd.Host ? 5 : 30);
    private readonly FrameParser _parser = new();
    private readonly RingWindow _window = new(isFull: end == ChannelEnd.Guest);
    private uint _serial;
    private uint _peer;
    private uint _seen;
    private bool _isEstablished;
    private bool _hasNews;
    private TimeSpan? _heardAt;

    /// <summary>Bytes that were written and may still stand in the ring.</summary>
    public int UnacknowledgedBytes => _window.UnacknowledgedBytes;

    /// <summary>Pieces that were received and were no frame.</summary>
    public long DroppedPieces => _parser.Dropped;

    /// <summary>Whether both ends hear each other, as far as is known now.</summary>
    public bool IsAnswered(TimeSpan now) => _isEstablished && now - _heardAt < SilentAfter;

    /// <summary>Takes what arrived, in pieces of any size; what it led to, in its order.</summary>
    public IReadOnlyList<ChannelLinkEvent> Receive(ReadOnlySpan<byte> bytes, TimeSpan now)
    {
        var events = new List<ChannelLinkEvent>();
        while (_parser.TryRead(ref bytes, out ChannelFrame frame))
        {
            if (frame.Session != session)
            {
                Take(frame, events, now);
            }
        }

        return events;
    }

    /// <summary>
    /// The next frame to write now; 0 when there is none. Whoever takes it must write all of it, in this order.
    /// </summary>
    /// <param name="wire">Room for <see cref="ChannelLimits.MaxFrameBytes"/>.</param>
    /// <param name="now">The moment.</param>
    public int TakeFrame(Span<byte> wire, TimeSpan now)
    {
        _hasNews = false;
        if (_isEstablished && TakePart(wire, now) is var size && size > 0)
        {
            return size;
        }

        bool isPollDue = PollDue is { } due && due <= now;
        if (!_isAnswerDue && !isPollDue)
        {
            return 0;
        }

        // An answer to who does not know this end asks back, so that both know.
        bool isPoll = isPollDue || !_isEstablished;
        size = Encode(wire, new ChannelFrame
        {
            Kind = isPoll ? FrameKind.Poll : FrameKind.Acknowledgement,
            Session = session,
            Serial = _serial + 1,
            PeerSession = _peer,
            Seen = _seen,
            ReceivedMessage = _receivedMessage,
            ReceivedParts = (byte)_receivedParts,
        });
        if (size > 0 && isPoll)
        {
            (_polledAt, _pollsUnanswered) = (now, _pollsUnanswered + 1);
        }

        return size;
    }

    /// <summary>When a frame may be due though nothing arrives; null when none will be.</summary>
    public TimeSpan? Due => !_window.HasRoom(FrameCodec.MaxHeadBytes) ? null
        : _hasNews && _isEstablished ? TimeSpan.MinValue
        : PollDue;

    private int Encode(Span<byte> wire, in ChannelFrame frame, int reserveBytes = 0)
    {
        int size = FrameCodec.Encode(frame, wire);
        if (!_window.HasRoom(size + reserveBytes))
        {
            return 0;
        }

        _serial = frame.Serial;
        _window.Write(_serial, size);
        _isAnswerDue = false;
        return size;
    }

    private void Take(in ChannelFrame frame, List<ChannelLinkEvent> events, TimeSpan now)
    {
        if (frame.Session != _peer)
        {
            // Another life of the other end: it knows nothing of what this one sent.
            (_peer, _seen, _isEstablished) = (frame.Session, 0, false);
            ForgetReceived();
            SendAnew();
        }

        _seen = Math.Max(_seen, frame.Serial);
        (_heardAt, _pollsUnanswered) = (now, 0);
        _window.Hear(now);
        _isAnswerDue |= frame.Kind is FrameKind.Poll or FrameKind.Part;
        if (frame.PeerSession != session)
        {
            return;
        }

        if (!_isEstablished)
        {
            _isEstablished = true;
            events.Add(new ChannelLinkEvent.Connected());
        }

        if (frame.Seen <= _serial)
        {
            _window.See(frame.Seen);
            TakeAcknowledgement(frame, events);
        }

        if (frame.Kind == FrameKind.Part)
        {
            TakePart(frame, events);
        }
    }
}
