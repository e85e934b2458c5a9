using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Protocol.Xenstore;

namespace Testbed.Xenstore;

/// <summary>
/// A blocking client for tests and for a toolstack's hand, which says anything: transactions, INTRODUCE, half
/// messages. Text is Latin-1. Waits at most a few seconds for an answer.
/// </summary>
public sealed class RawXenstoreClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Socket _socket;
    private readonly XenstoreMessageParser _parser = new();
    private readonly byte[] _buffer = new byte[XenstoreLimits.MaxPayloadSizeBytes];
    private ReadOnlyMemory<byte> _received;
    private uint _lastRequestId;

    /// <summary>Connects.</summary>
    /// <param name="socketPath">Where.</param>
    /// <param name="limit">How long it waits for an answer; null for a few seconds.</param>
    /// <exception cref="SocketException">Nothing listens there.</exception>
    public RawXenstoreClient(string socketPath, TimeSpan? limit = null)
    {
        int timeoutMs = (int)(limit ?? Patience).TotalMilliseconds;
        _socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            ReceiveTimeout = timeoutMs,
            SendTimeout = timeoutMs,
        };
        _socket.Connect(new UnixDomainSocketEndPoint(socketPath));
    }

    /// <summary>The events that came while an answer was waited for, in their order.</summary>
    public Queue<XenstoreWatchEvent> Events { get; } = new();

    /// <summary>Sends bytes as they are.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    /// <summary>Sends until the peer takes no more for some time; how many bytes it took.</summary>
    public int SendWhatIsTaken(ReadOnlySpan<byte> bytes, TimeSpan patience)
    {
        int sent = 0;
        _socket.Blocking = false;
        while (sent < bytes.Length && _socket.Poll(patience, SelectMode.SelectWrite))
        {
            int count = _socket.Send(bytes[sent..], SocketFlags.None, out SocketError error);
            sent += error == SocketError.Success ? count : 0;
        }

        _socket.Blocking = true;
        return sent;
    }

    /// <summary>Sends one message and returns its number.</summary>
    public uint Send(XenstoreOperation type, string payload, uint transactionId = 0)
    {
        _lastRequestId++;
        Send(Message(type, _lastRequestId, transactionId, payload));
        return _lastRequestId;
    }

    /// <summary>The bytes of a message.</summary>
    public static byte[] Message(XenstoreOperation type, uint requestId, uint transactionId, string payload)
    {
        byte[] bytes = new byte[XenstoreLimits.HeaderSizeBytes + payload.Length];
        new XenstoreHeader(type, requestId, transactionId, (uint)payload.Length).WriteTo(bytes);
        Encoding.Latin1.GetBytes(payload, bytes.AsSpan(XenstoreLimits.HeaderSizeBytes));
        return bytes;
    }

    /// <summary>The next message; null when the daemon closed the connection.</summary>
    /// <exception cref="SocketException">None came in time.</exception>
    public XenstoreMessage? Receive()
    {
        while (true)
        {
            ReadOnlySpan<byte> bytes = _received.Span;
            XenstoreParseResult result = _parser.Read(ref bytes, out XenstoreMessage message);
            _received = _received[^bytes.Length..];
            if (result != XenstoreParseResult.NeedMore)
            {
                return message;
            }

            int count;
            try
            {
                count = _socket.Receive(_buffer);
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
            {
                count = 0;
            }

            if (count == 0)
            {
                return null;
            }

            _received = _buffer.AsMemory(0, count);
        }
    }

    /// <summary>The next message as text: a reply's payload, an error's name, or an event's path and token.</summary>
    public string ReceiveText() => Receive() is { } message ? TextOf(message) : "closed";

    /// <summary>The next event.</summary>
    public XenstoreWatchEvent NextEvent()
    {
        if (Events.TryDequeue(out XenstoreWatchEvent waiting))
        {
            return waiting;
        }

        return EventOf(Receive() ?? throw new InvalidDataException("the daemon closed the connection"));
    }

    /// <summary>Sends one request and returns its answer as text; events on the way are kept.</summary>
    public string Ask(XenstoreOperation type, string payload, uint transactionId = 0)
    {
        uint requestId = Send(type, payload, transactionId);
        while (Receive() is { } message)
        {
            if (message.Type == XenstoreOperation.WatchEvent)
            {
                Events.Enqueue(EventOf(message));
                continue;
            }

            return message.RequestId == requestId && message.TransactionId == transactionId
                ? TextOf(message)
                : throw new InvalidDataException($"an answer to request {message.RequestId}, not to {requestId}");
        }

        return "closed";
    }

    /// <summary>Sends one request that must succeed.</summary>
    /// <exception cref="InvalidOperationException">It did not.</exception>
    public void Demand(XenstoreOperation type, string payload)
    {
        string answer = Ask(type, payload);
        if (answer != "OK\0")
        {
            throw new InvalidOperationException($"{type} {payload.Replace('\0', ' ')}: {answer}");
        }
    }

    /// <summary>Tells the daemon of a domain. What it shares (frame, event channel) is known to the stub alone.</summary>
    public void Introduce(int domainId)
        => Demand(XenstoreOperation.Introduce, string.Create(CultureInfo.InvariantCulture, $"{domainId}\01\01\0"));

    /// <summary>Whether the daemon knows a domain.</summary>
    public bool IsIntroduced(int domainId)
        => Ask(XenstoreOperation.IsDomainIntroduced, string.Create(CultureInfo.InvariantCulture, $"{domainId}\0"))
            == "T\0";

    /// <summary>Begins a transaction; its number.</summary>
    public uint StartTransaction()
        => uint.Parse(Ask(XenstoreOperation.TransactionStart, "\0").TrimEnd('\0'), CultureInfo.InvariantCulture);

    /// <summary>Ends a transaction; <c>OK</c> or an error's name.</summary>
    public string EndTransaction(uint transactionId, bool commit)
        => Ask(XenstoreOperation.TransactionEnd, commit ? "T\0" : "F\0", transactionId).TrimEnd('\0');

    /// <summary>Closes the connection.</summary>
    public void Dispose() => _socket.Dispose();

    private static XenstoreWatchEvent EventOf(in XenstoreMessage message)
        => message.Type == XenstoreOperation.WatchEvent
            && XenstoreWatchEvent.TryParse(message.Payload.Span, out XenstoreWatchEvent fired)
                ? fired
                : throw new InvalidDataException($"something else came than a watch event: {TextOf(message)}");

    private static string TextOf(in XenstoreMessage message)
    {
        string payload = Encoding.Latin1.GetString(message.Payload.Span);
        return message.Type == XenstoreOperation.Error ? payload.TrimEnd('\0') : payload;
    }
}
