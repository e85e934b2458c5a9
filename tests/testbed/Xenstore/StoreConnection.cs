using System.Net.Sockets;
using System.Text;
using Protocol.Xenstore;

namespace Testbed.Xenstore;

/// <summary>One client: requests come in, replies and events go out in the order in which they were queued.</summary>
/// <param name="socket">The connection, which this object closes.</param>
/// <param name="domainId">The domain that the client is.</param>
/// <param name="handle">Carries out a request under the server's lock; what it says goes through this object.</param>
/// <param name="untilThawed">Completes when the server is not frozen.</param>
internal sealed class StoreConnection(
    Socket socket,
    int domainId,
    Action<StoreConnection, XenstoreMessage> handle,
    Func<Task> untilThawed) : IDisposable
{
    private const int MaxOutgoing = 16 * 1024;

    private readonly Lock _gate = new();
    private readonly Queue<(byte[] Message, string? Event)> _outgoing = new();
    private readonly HashSet<string> _queuedEvents = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly SemaphoreSlim _outstanding = new(domainId == 0 ? int.MaxValue : StoreQuotas.MaxOutstanding);
    private readonly CancellationTokenSource _closed = new();

    public int DomainId { get; } = domainId;

    /// <summary>Serves the client until it leaves or is dropped; true: because it broke the protocol.</summary>
    public async Task<bool> RunAsync()
    {
        Task sending = SendAllAsync();
        bool brokeProtocol = false;
        try
        {
            brokeProtocol = await ReceiveAllAsync();
        }
        catch (Exception exception) when (IsEnd(exception))
        {
            // The client left, or was dropped.
        }

        Dispose();
        await sending;
        return brokeProtocol;
    }

    /// <summary>Queues the answer to a request.</summary>
    public void SendReply(in XenstoreMessage request, XenstoreOperation type, ReadOnlySpan<byte> payload)
        => Enqueue(Encode(type, request.RequestId, request.TransactionId, payload), shownEvent: null);

    /// <summary>Queues an event, unless the same one still waits; one that is too long is never sent.</summary>
    public void SendEvent(string path, string token)
    {
        string shown = $"{path}\0{token}\0";
        if (shown.Length <= XenstoreLimits.MaxPayloadSizeBytes)
        {
            byte[] message = Encode(XenstoreOperation.WatchEvent, 0, 0, Encoding.Latin1.GetBytes(shown));
            Enqueue(message, XenstorePath.IsSpecial(path) ? string.Empty : shown);
        }
    }

    /// <summary>Drops the client.</summary>
    public void Dispose()
    {
        _closed.Cancel();
        socket.Dispose();
    }

    private static byte[] Encode(
        XenstoreOperation type,
        uint requestId,
        uint transactionId,
        ReadOnlySpan<byte> payload)
    {
        byte[] message = new byte[XenstoreLimits.HeaderSizeBytes + payload.Length];
        new XenstoreHeader(type, requestId, transactionId, (uint)payload.Length).WriteTo(message);
        payload.CopyTo(message.AsSpan(XenstoreLimits.HeaderSizeBytes));
        return message;
    }

    private static bool IsEnd(Exception exception)
        => exception is SocketException or OperationCanceledException or ObjectDisposedException;

    /// <param name="message">What goes out.</param>
    /// <param name="shownEvent">Null for a reply; empty for an event that is never folded.</param>
    private void Enqueue(byte[] message, string? shownEvent)
    {
        lock (_gate)
        {
            bool isEvent = shownEvent is not null;
            if (isEvent && (_outgoing.Count >= MaxOutgoing || (shownEvent != "" && !_queuedEvents.Add(shownEvent!))))
            {
                return;
            }

            _outgoing.Enqueue((message, shownEvent));
            _arrived.Release();
        }
    }

    /// <summary>True when the client broke the protocol, false when it left.</summary>
    private async Task<bool> ReceiveAllAsync()
    {
        var parser = new XenstoreMessageParser();
        byte[] buffer = new byte[XenstoreLimits.MaxPayloadSizeBytes];
        while (true)
        {
            int count = await socket.ReceiveAsync(buffer, SocketFlags.None, _closed.Token);
            await untilThawed().WaitAsync(_closed.Token);
            ReadOnlyMemory<byte> bytes = buffer.AsMemory(0, count);
            XenstoreParseResult result = XenstoreParseResult.NeedMore;
            while (!bytes.IsEmpty && result != XenstoreParseResult.TooLong)
            {
                result = Parse(parser, ref bytes, out XenstoreMessage message);
                if (result is XenstoreParseResult.Message or XenstoreParseResult.UnknownType)
                {
                    await _outstanding.WaitAsync(_closed.Token);
                    handle(this, message);
                }
            }

            if (count == 0 || result == XenstoreParseResult.TooLong)
            {
                return count > 0;
            }
        }
    }

    private static XenstoreParseResult Parse(
        XenstoreMessageParser parser,
        ref ReadOnlyMemory<byte> bytes,
        out XenstoreMessage message)
    {
        ReadOnlySpan<byte> span = bytes.Span;
        XenstoreParseResult result = parser.Read(ref span, out message);
        bytes = bytes[^span.Length..];
        return result;
    }

    private async Task SendAllAsync()
    {
        try
        {
            while (true)
            {
                await _arrived.WaitAsync(_closed.Token);
                await untilThawed().WaitAsync(_closed.Token);
                byte[] message = Dequeue(out bool isReply);
                for (int sent = 0; sent < message.Length;)
                {
                    sent += await socket.SendAsync(message.AsMemory(sent), SocketFlags.None, _closed.Token);
                }

                if (isReply)
                {
                    _outstanding.Release();
                }
            }
        }
        catch (Exception exception) when (IsEnd(exception))
        {
            Dispose();
        }
    }

    private byte[] Dequeue(out bool isReply)
    {
        lock (_gate)
        {
            (byte[] message, string? shownEvent) = _outgoing.Dequeue();
            isReply = shownEvent is null;
            if (shownEvent is not null)
            {
                _queuedEvents.Remove(shownEvent);
            }

            return message;
        }
    }
}
