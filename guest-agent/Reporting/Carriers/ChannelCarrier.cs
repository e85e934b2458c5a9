using GuestAgent.Detection;
using GuestAgent.Linux;
using Protocol.Channel;

namespace GuestAgent.Reporting.Carriers;

/// <summary>
/// The console channel as the poll loop turns it: finds and opens its terminal, holds it open, feeds what arrives to
/// the link and writes what the link gives. It never waits.
/// </summary>
/// <param name="device">Finds the terminal.</param>
/// <param name="random">For the session's number: it must differ from that of an agent before this one.</param>
internal sealed class ChannelCarrier(ChannelDevice device, Random random) : IDisposable
{
    private const int MaxReadsPerTurn = 4;

    private static readonly TimeSpan FirstBackOff = TimeSpan.FromSeconds(1);

    /// <summary>Channels cannot be plugged in: whoever has none is looked for ever more rarely.</summary>
    private static readonly TimeSpan LastBackOff = TimeSpan.FromSeconds(60);

    private readonly Dictionary<ChannelTopic, (ChannelMessage Message, byte[] Bytes)> _offers = [];
    private readonly byte[] _buffer = new byte[4096];
    private readonly byte[] _frame = new byte[ChannelLimits.MaxFrameBytes];
    private Terminal? _terminal;
    private ChannelLink? _link;
    private Moment? _openAt;
    private TimeSpan _backOff = FirstBackOff;
    private int _frameSize;
    private int _frameWritten;
    private bool _wasAnswered;
    private TimeSpan _silentAt;

    /// <summary>To poll for POLLIN; −1 while there is no terminal.</summary>
    public int FileDescriptor => _terminal?.FileDescriptor ?? -1;

    /// <summary>Whether to poll for POLLOUT as well: the terminal took only a part.</summary>
    public bool WantsToSend => _frameWritten < _frameSize;

    /// <summary>The terminal; empty before it is found.</summary>
    public string Path { get; private set; } = string.Empty;

    /// <summary>When something is due though nothing arrives.</summary>
    public Moment? Due(Moment now)
    {
        if (_link is null)
        {
            return _openAt ?? now;
        }

        TimeSpan? due = WantsToSend ? null : _link.Due;
        TimeSpan? silence = _wasAnswered ? _silentAt : null;
        TimeSpan? first = due is null || silence < due ? silence : due;
        return first is not { } wake ? null : wake <= now.SinceBoot ? now : now + (wake - now.SinceBoot);
    }

    /// <summary>From now on the channel carries this; whatever stood there of its topic is replaced.</summary>
    public void Offer(ChannelTopic topic, ChannelMessage message)
    {
        byte[] bytes = ChannelCodec.Encode(message);
        _offers[topic] = (message, bytes);
        _link?.Offer(topic, bytes);
    }

    /// <summary>Takes what has arrived, and writes what is due.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="mayOpen">Whether a device may be opened: not from a root that is dead.</param>
    public List<AgentInput> Turn(Moment now, bool mayOpen)
    {
        var inputs = new List<AgentInput>();
        if (_link is null && mayOpen && _openAt?.HasCome(now) != false)
        {
            TryOpen(inputs, now);
        }

        if (_link is not null)
        {
            Receive(_link, inputs, now);
        }

        if (_link is not null)
        {
            Send(_link, inputs, now);
        }

        NoteSilence(inputs, now);
        return inputs;
    }

    /// <summary>What xenstore says of a console's name.</summary>
    public void TakeName(string path, byte[]? value, Moment now)
    {
        if (device.TakeName(path, value) && _link is null)
        {
            _openAt = now;
        }
    }

    public void Dispose() => _terminal?.Dispose();

    private void TryOpen(List<AgentInput> inputs, Moment now)
    {
        if (device.Find() is not { } path)
        {
            WaitToOpen(now);
            return;
        }

        Path = path;
        _terminal = Terminal.TryOpen(path, out string? reason);
        if (_terminal is null)
        {
            Close(inputs, reason!, now);
            return;
        }

        _link = new ChannelLink(ChannelEnd.Guest, (uint)random.Next(1, int.MaxValue));
        (_frameSize, _frameWritten) = (0, 0);
        foreach ((ChannelTopic topic, (_, byte[] bytes)) in _offers)
        {
            _link.Offer(topic, bytes);
        }

        inputs.Add(new AgentInput.ChannelChanged("the host does not answer yet"));
    }

    private void Receive(ChannelLink link, List<AgentInput> inputs, Moment now)
    {
        for (int turn = 0; turn < MaxReadsPerTurn; turn++)
        {
            int size = _terminal!.Read(_buffer);
            if (size < 0)
            {
                Close(inputs, $"{Path} hung up", now);
                return;
            }

            if (size == 0)
            {
                return;
            }

            foreach (ChannelLinkEvent happened in link.Receive(_buffer.AsSpan(0, size), now.SinceBoot))
            {
                Understand(happened, inputs);
            }

            _silentAt = link.IsAnswered(now.SinceBoot) ? now.SinceBoot + ChannelLink.SilentAfter : _silentAt;
        }
    }

    private void Understand(ChannelLinkEvent happened, List<AgentInput> inputs)
    {
        switch (happened)
        {
            case ChannelLinkEvent.Received received:
                AgentInput? input = ChannelCodec.TryDecode(received.Message) switch
                {
                    ChannelMessage.Request request => new AgentInput.ChannelRequestRead(request.Content),
                    ChannelMessage.NoRequest => new AgentInput.ChannelRequestRead(null),
                    _ => null,
                };
                if (input is not null)
                {
                    inputs.Add(input);
                }

                break;
            case ChannelLinkEvent.Delivered delivered
                when _offers.TryGetValue(delivered.Topic, out (ChannelMessage Message, byte[] Bytes) offer)
                    && ReferenceEquals(offer.Bytes, delivered.Message):
                inputs.Add(new AgentInput.ChannelDelivered(delivered.Topic, offer.Message));
                break;
            default:
                break;
        }
    }

    private void Send(ChannelLink link, List<AgentInput> inputs, Moment now)
    {
        while (true)
        {
            if (!WantsToSend)
            {
                (_frameSize, _frameWritten) = (link.TakeFrame(_frame, now.SinceBoot), 0);
            }

            if (_frameSize == 0)
            {
                return;
            }

            int written = _terminal!.Write(_frame.AsSpan(_frameWritten, _frameSize - _frameWritten));
            if (written < 0)
            {
                Close(inputs, $"{Path} hung up", now);
                return;
            }

            _frameWritten += written;
            if (WantsToSend)
            {
                return;
            }
        }
    }

    private void NoteSilence(List<AgentInput> inputs, Moment now)
    {
        bool isAnswered = _link?.IsAnswered(now.SinceBoot) == true;
        if (isAnswered != _wasAnswered)
        {
            _wasAnswered = isAnswered;
            _backOff = FirstBackOff;
            inputs.Insert(0, new AgentInput.ChannelChanged(
                isAnswered ? null : $"{Path}: the host does not answer; look whether host-bridge runs in Dom0"));
        }
    }

    private void WaitToOpen(Moment now)
    {
        _openAt = now + _backOff;
        _backOff = _backOff * 2 < LastBackOff ? _backOff * 2 : LastBackOff;
    }

    private void Close(List<AgentInput> inputs, string reason, Moment now)
    {
        _terminal?.Dispose();
        (_terminal, _link) = (null, null);
        (_frameSize, _frameWritten) = (0, 0);
        _wasAnswered = false;
        WaitToOpen(now);
        device.Forget();
        inputs.Add(new AgentInput.ChannelChanged(reason));
    }
}
