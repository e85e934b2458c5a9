namespace Protocol.Channel;

/// <content>
/// Messages: one is under way at a time in each direction, part by part; the newest of a topic takes the place of the
/// one that waits.
/// </content>
public sealed partial class ChannelLink
{
    /// <summary>Parts leave so much of the window free that both ends can always acknowledge, and ask.</summary>
    private const int ReserveBytes = 2 * FrameCodec.MaxHeadBytes;

    private readonly byte[]?[] _wanted = new byte[]?[Enum.GetValues<ChannelTopic>().Length];
    private readonly bool[] _isWaiting = new bool[Enum.GetValues<ChannelTopic>().Length];
    private readonly List<byte> _received = [];

    private byte[]? _message;
    private ChannelTopic _topic;
    private uint _number;
    private int _sentParts;
    private int _knownParts;
    private uint _lastPartSerial;
    private TimeSpan _sentAt;

    private uint _receivedMessage;
    private int _receivedParts;
    private int _receivedOf;

    private bool _isAnswerDue;
    private TimeSpan? _polledAt;
    private int _pollsUnanswered;

    /// <summary>
    /// Offers a message. It is sent, and sent again to each new life of the other end, until another of its topic is
    /// offered.
    /// </summary>
    public void Offer(ChannelTopic topic, byte[] message)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(message.Length, ChannelLimits.MaxMessageBytes);
        ArgumentOutOfRangeException.ThrowIfZero(message.Length);
        (_wanted[(int)topic], _isWaiting[(int)topic]) = (message, true);
        _hasNews = true;
    }

    /// <summary>The other end need not hear this topic again when it begins anew.</summary>
    public void Forget(ChannelTopic topic) => (_wanted[(int)topic], _isWaiting[(int)topic]) = (null, false);

    /// <summary>What is held of the message that is being received.</summary>
    internal int HeldBytes => _received.Capacity;

    private int PartCount => (_message!.Length + ChannelLimits.MaxPartBytes - 1) / ChannelLimits.MaxPartBytes;

    /// <summary>
    /// Only an answer tells what was lost, and only then is anything sent again; who does not answer is asked, ever
    /// more rarely, and costs the window little.
    /// </summary>
    private TimeSpan? PollDue
    {
        get
        {
            TimeSpan backOff = FirstBackOff * Math.Pow(2, Math.Min(_pollsUnanswered, 8));
            backOff = backOff < _lastBackOff ? backOff : _lastBackOff;
            if (_isEstablished && (_message is not null || _isWaiting.Contains(true)))
            {
                return Later(_sentAt, _polledAt) + backOff;
            }

            if (end == ChannelEnd.Guest)
            {
                return null;
            }

            return _polledAt is not { } polledAt ? TimeSpan.MinValue
                : !_isEstablished ? polledAt + backOff
                : Later(_heardAt!.Value + KeepAliveInterval, polledAt + backOff);
        }
    }

    private static TimeSpan Later(TimeSpan a, TimeSpan? b) => b is { } other && other > a ? other : a;

    private int TakePart(Span<byte> wire, TimeSpan now)
    {
        if (_message is null && !TryBegin(now))
        {
            return 0;
        }

        if (_sentParts == PartCount)
        {
            return 0;
        }

        int start = _sentParts * ChannelLimits.MaxPartBytes;
        int size = Encode(
            wire,
            new ChannelFrame
            {
                Kind = FrameKind.Part,
                Session = session,
                Serial = _serial + 1,
                PeerSession = _peer,
                Seen = _seen,
                ReceivedMessage = _receivedMessage,
                ReceivedParts = (byte)_receivedParts,
                Message = _number,
                Part = (byte)_sentParts,
                Parts = (byte)PartCount,
                Body = _message.AsSpan(start, Math.Min(ChannelLimits.MaxPartBytes, _message!.Length - start)),
            },
            ReserveBytes);
        if (size > 0)
        {
            _sentParts++;
            (_lastPartSerial, _sentAt) = (_serial, now);
        }

        return size;
    }

    private bool TryBegin(TimeSpan now)
    {
        int topic = Array.IndexOf(_isWaiting, true);
        if (topic < 0)
        {
            return false;
        }

        (_message, _topic, _isWaiting[topic]) = (_wanted[topic], (ChannelTopic)topic, false);
        (_number, _sentParts, _knownParts, _sentAt) = (_number + 1, 0, 0, now);
        return true;
    }

    private void SendAnew()
    {
        _message = null;
        for (int topic = 0; topic < _wanted.Length; topic++)
        {
            _isWaiting[topic] = _wanted[topic] is not null;
        }
    }

    private void TakeAcknowledgement(in ChannelFrame frame, List<ChannelLinkEvent> events)
    {
        if (_message is null)
        {
            return;
        }

        int known = frame.ReceivedMessage == _number ? Math.Min(frame.ReceivedParts, _sentParts) : 0;
        _knownParts = Math.Max(_knownParts, known);
        if (_knownParts == PartCount)
        {
            events.Add(new ChannelLinkEvent.Delivered(_topic, _message));
            _message = null;
        }
        else if (_sentParts > _knownParts && frame.Seen >= _lastPartSerial)
        {
            // What was sent after the missing part was seen, so that one is lost.
            _sentParts = _knownParts;
        }
    }

    private void ForgetReceived()
    {
        _received.Clear();
        (_receivedMessage, _receivedParts, _receivedOf) = (0, 0, 0);
    }

    private void TakePart(in ChannelFrame frame, List<ChannelLinkEvent> events)
    {
        if (frame.Message > _receivedMessage)
        {
            ForgetReceived();
            (_receivedMessage, _receivedOf) = (frame.Message, frame.Parts);
        }

        if (frame.Message != _receivedMessage || frame.Parts != _receivedOf || frame.Part != _receivedParts)
        {
            // Known already, or behind a gap: what is acknowledged says what is missing.
            return;
        }

        _received.AddRange(frame.Body);
        _receivedParts++;
        if (_receivedParts == _receivedOf)
        {
            events.Add(new ChannelLinkEvent.Received([.. _received]));
            _received.Clear();
        }
    }
}
