using System.Diagnostics;
using System.Net.Sockets;
using GuestAgent.Linux;
using Mono.Unix.Native;
using Protocol.Channel;
using Protocol.Health;
using Testbed.Channels;

namespace Benchmarks.Carriers;

/// <summary>A report over the channel: both ends' links, the agent's terminal, a backend and a unix socket.</summary>
internal sealed class ChannelWay : IDisposable
{
    private readonly ChannelBackend _backend;
    private readonly Terminal _terminal;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly ChannelLink _guest = new(ChannelEnd.Guest, session: 1);
    private readonly ChannelLink _host = new(ChannelEnd.Host, session: 2);
    private readonly byte[] _buffer = new byte[16 * 1024];
    private readonly byte[] _frame = new byte[ChannelLimits.MaxFrameBytes];
    private readonly Pollfd[] _watched;
    private GuestReport? _arrived;
    private bool _isDelivered;

    public ChannelWay(string socketPath)
    {
        _backend = new ChannelBackend(socketPath);
        _terminal = Terminal.TryOpen(_backend.TerminalPath, out string? reason) ?? throw new IOException(reason);
        _socket.Connect(new UnixDomainSocketEndPoint(socketPath));
        _socket.Blocking = false;
        _watched =
        [
            new() { fd = _terminal.FileDescriptor, events = PollEvents.POLLIN },
            new() { fd = (int)_socket.Handle, events = PollEvents.POLLIN },
        ];
    }

    private static TimeSpan Now => Stopwatch.GetElapsedTime(0);

    /// <summary>Turns both ends until they hear each other.</summary>
    public void Connect()
    {
        while (!_guest.IsAnswered(Now) || !_host.IsAnswered(Now))
        {
            Turn();
        }
    }

    /// <summary>Carries a report until the host has it and the guest knows.</summary>
    public void Carry(GuestReport report)
    {
        _isDelivered = false;
        _guest.Offer(ChannelTopic.Report, ChannelCodec.Encode(new ChannelMessage.Report(report)));
        while (_arrived?.Sequence != report.Sequence || !_isDelivered)
        {
            Turn();
        }
    }

    public void Dispose()
    {
        _terminal.Dispose();
        _socket.Dispose();
        _backend.Dispose();
    }

    private void Turn()
    {
        while (_guest.TakeFrame(_frame, Now) is var size && size > 0)
        {
            _ = _terminal.Write(_frame.AsSpan(0, size));
        }

        while (_host.TakeFrame(_frame, Now) is var size && size > 0)
        {
            _ = _socket.Send(_frame.AsSpan(0, size));
        }

        _ = Syscall.poll(_watched, 10);
        if (_terminal.Read(_buffer) is var read && read > 0)
        {
            _isDelivered |= _guest.Receive(_buffer.AsSpan(0, read), Now).OfType<ChannelLinkEvent.Delivered>().Any();
        }

        if ((_watched[1].revents & PollEvents.POLLIN) == 0)
        {
            return;
        }

        int received = _socket.Receive(_buffer);
        foreach (ChannelLinkEvent happened in _host.Receive(_buffer.AsSpan(0, received), Now))
        {
            if (happened is ChannelLinkEvent.Received { Message: var message }
                && ChannelCodec.TryDecode(message) is ChannelMessage.Report { Content: var report })
            {
                _arrived = report;
            }
        }
    }
}
