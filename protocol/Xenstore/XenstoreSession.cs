namespace Protocol.Xenstore;

/// <summary>What a step of <see cref="XenstoreSession.Receive"/> came to.</summary>
public enum XenstoreReceiveResult
{
    /// <summary>All bytes are taken; nothing is whole.</summary>
    NeedMore = 0,

    /// <summary>A request is answered.</summary>
    Reply,

    /// <summary>A watch fired.</summary>
    WatchEvent,

    /// <summary>
    /// The peer broke the protocol; <see cref="XenstoreSession.Violation"/> says how. Nothing that follows can be
    /// trusted: close the connection.
    /// </summary>
    Violation,
}

/// <summary>
/// The client's side of one connection without the connection: numbers requests, remembers those that are not
/// answered, and tells answers from watch events. Both drivers stand on it. Not thread-safe.
/// </summary>
/// <param name="maxOutstanding">How many requests may wait for an answer at once.</param>
public sealed class XenstoreSession(int maxOutstanding)
{
    private readonly Dictionary<uint, XenstoreOperation> _outstanding = new(maxOutstanding);
    private readonly XenstoreMessageParser _parser = new();
    private uint _lastRequestId;

    /// <summary>How many requests wait for an answer.</summary>
    public int Outstanding => _outstanding.Count;

    /// <summary>How the peer broke the protocol, for a person; null while it did not.</summary>
    public string? Violation { get; private set; }

    /// <summary>
    /// Numbers a request and remembers it; false when as many as allowed wait for an answer. The caller sends it.
    /// </summary>
    public bool TryBegin(in XenstoreRequest request, out uint requestId)
    {
        requestId = 0;
        if (_outstanding.Count >= maxOutstanding)
        {
            return false;
        }

        do
        {
            requestId = ++_lastRequestId;
        }
        while (!_outstanding.TryAdd(requestId, request.Operation));
        return true;
    }

    /// <summary>Forgets a request that could not be sent: no answer will come.</summary>
    public void Forget(uint requestId) => _outstanding.Remove(requestId);

    /// <summary>Takes bytes until there is something to tell or none are left.</summary>
    /// <param name="bytes">What arrived; on return, what was not taken.</param>
    /// <param name="reply">For <see cref="XenstoreReceiveResult.Reply"/>.</param>
    /// <param name="watchEvent">For <see cref="XenstoreReceiveResult.WatchEvent"/>.</param>
    public XenstoreReceiveResult Receive(
        ref ReadOnlySpan<byte> bytes,
        out XenstoreReply reply,
        out XenstoreWatchEvent watchEvent)
    {
        reply = default;
        watchEvent = default;
        if (Violation is not null)
        {
            return XenstoreReceiveResult.Violation;
        }

        XenstoreParseResult result = _parser.Read(ref bytes, out XenstoreMessage message);
        return result switch
        {
            XenstoreParseResult.NeedMore => XenstoreReceiveResult.NeedMore,
            XenstoreParseResult.TooLong => Violated(
                $"it announced a message of more than {XenstoreLimits.MaxPayloadSizeBytes} bytes"),
            XenstoreParseResult.UnknownType => Violated($"it sent a message of the unknown type {message.Type}"),
            _ when message.Type == XenstoreOperation.WatchEvent => ReceiveWatchEvent(message, out watchEvent),
            _ => ReceiveReply(message, out reply),
        };
    }

    private XenstoreReceiveResult ReceiveWatchEvent(in XenstoreMessage message, out XenstoreWatchEvent watchEvent)
        => XenstoreWatchEvent.TryParse(message.Payload.Span, out watchEvent)
            ? XenstoreReceiveResult.WatchEvent
            : Violated("it sent a watch event that is not a path and a token");

    private XenstoreReceiveResult ReceiveReply(in XenstoreMessage message, out XenstoreReply reply)
    {
        reply = default;
        if (!_outstanding.Remove(message.RequestId, out XenstoreOperation asked))
        {
            return Violated($"it answered a request that was not made (number {message.RequestId})");
        }

        if (message.Type == XenstoreOperation.Error)
        {
            reply = new XenstoreReply(message.RequestId, asked, ParseError(message.Payload.Span), default);
            return XenstoreReceiveResult.Reply;
        }

        if (message.Type != asked)
        {
            return Violated($"it answered {asked} with {message.Type}");
        }

        reply = new XenstoreReply(message.RequestId, asked, XenstoreError.None, message.Payload);
        return XenstoreReceiveResult.Reply;
    }

    private static XenstoreError ParseError(ReadOnlySpan<byte> payload)
        => XenstoreErrorName.Parse(payload.TrimEnd((byte)0));

    private XenstoreReceiveResult Violated(string how)
    {
        Violation = how;
        return XenstoreReceiveResult.Violation;
    }
}
