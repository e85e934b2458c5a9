using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;

namespace Protocol.Xenstore.Client;

/// <summary>
/// One request and the wait for its answer. The connection uses an answered one again for a later request, so a
/// request costs no memory; a cancelled or broken one is left to the collector.
/// </summary>
/// <remarks>
/// The caller takes exactly one of <see cref="Acknowledgement"/>, <see cref="Value"/> and <see cref="Reply"/>, awaits
/// it once, and touches the exchange no more.
/// </remarks>
internal sealed class XenstoreExchange
    : IValueTaskSource<XenstoreError>, IValueTaskSource<XenstoreResult<byte[]>>, IValueTaskSource<XenstoreReply>
{
    /// <summary>A caller's code must never run on the connection's own reader: it would hold up everybody.</summary>
    private ManualResetValueTaskSourceCore<XenstoreReply> _outcome = new() { RunContinuationsAsynchronously = true };

    private CancellationTokenRegistration _cancellation;

    /// <summary>An exchange that nothing happened to yet.</summary>
    /// <param name="connection">Whose it is; null when the answer is known without asking.</param>
    public XenstoreExchange(XenstoreConnection? connection)
    {
        Connection = connection;
        Place = new LinkedListNode<XenstoreExchange>(this);
    }

    /// <summary>Whose it is; null when the answer was known without asking.</summary>
    public XenstoreConnection? Connection { get; }

    /// <summary>Where it stands among the others of its connection.</summary>
    public LinkedListNode<XenstoreExchange> Place { get; }

    /// <summary>What is asked.</summary>
    public XenstoreRequest Request { get; private set; }

    /// <summary>When the time limit began to count (<see cref="TimeProvider.GetTimestamp"/>).</summary>
    public long StartedAt { get; private set; }

    /// <summary>Whether the outcome is decided. Belongs to the connection's gate.</summary>
    public bool IsSettled { get; set; }

    /// <summary>The outcome of a request that is answered with OK.</summary>
    public ValueTask<XenstoreError> Acknowledgement => new(this, _outcome.Version);

    /// <summary>The outcome of a request that is answered with a value.</summary>
    public ValueTask<XenstoreResult<byte[]>> Value => new(this, _outcome.Version);

    /// <summary>The outcome of any request.</summary>
    public ValueTask<XenstoreReply> Reply => new(this, _outcome.Version);

    /// <summary>A request that was not sent because its refusal is certain.</summary>
    public static XenstoreExchange Refused(XenstoreError error)
    {
        var exchange = new XenstoreExchange(connection: null);
        exchange.Answer(default(XenstoreReply) with { Error = error });
        return exchange;
    }

    /// <summary>A request that could not be made.</summary>
    public static XenstoreExchange Failed(Exception exception)
    {
        var exchange = new XenstoreExchange(connection: null);
        exchange.Fail(exception);
        return exchange;
    }

    /// <summary>Becomes the exchange of this request.</summary>
    public void Begin(in XenstoreRequest request, long startedAt)
    {
        Request = request;
        StartedAt = startedAt;
        IsSettled = false;
    }

    /// <summary>Lets the caller leave when it is cancelled. Before the caller has the outcome to await.</summary>
    public void CancelWith(CancellationToken cancellation)
        => _cancellation = cancellation.UnsafeRegister(
            static (exchange, token) => ((XenstoreExchange)exchange!).Cancel(token), this);

    /// <summary>The outcome is an answer. Once, and not under the gate.</summary>
    public void Answer(in XenstoreReply reply) => _outcome.SetResult(reply);

    /// <summary>The outcome is an exception. Once, and not under the gate.</summary>
    public void Fail(Exception exception) => _outcome.SetException(exception);

    /// <summary>Forgets the last request.</summary>
    public void Reset()
    {
        Request = default;
        _outcome.Reset();
    }

    XenstoreReply IValueTaskSource<XenstoreReply>.GetResult(short token) => Take(token);

    XenstoreError IValueTaskSource<XenstoreError>.GetResult(short token)
    {
        XenstoreOperation operation = Request.Operation;
        XenstoreReply reply = Take(token);
        bool isWellFormed = reply.Error != XenstoreError.None
            || reply.Payload.Span.SequenceEqual("OK\0"u8)
            || reply.Text() is not null;
        return isWellFormed ? reply.Error : throw Connection!.EndMalformed(operation);
    }

    XenstoreResult<byte[]> IValueTaskSource<XenstoreResult<byte[]>>.GetResult(short token)
    {
        XenstoreReply reply = Take(token);
        return new XenstoreResult<byte[]>(reply.Error, reply.Error == XenstoreError.None ? Bytes(reply.Payload) : null);
    }

    ValueTaskSourceStatus IValueTaskSource<XenstoreReply>.GetStatus(short token) => _outcome.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource<XenstoreError>.GetStatus(short token) => _outcome.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource<XenstoreResult<byte[]>>.GetStatus(short token)
        => _outcome.GetStatus(token);

    void IValueTaskSource<XenstoreReply>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _outcome.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource<XenstoreError>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _outcome.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource<XenstoreResult<byte[]>>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _outcome.OnCompleted(continuation, state, token, flags);

    private XenstoreReply Take(short token)
    {
        // Waits for a cancellation that is just running: it must not hit the next request.
        _cancellation.Dispose();
        XenstoreReply reply = _outcome.GetResult(token);
        Connection?.Reuse(this);
        return reply;
    }

    private void Cancel(CancellationToken token)
    {
        if (Connection!.TryLeave(this))
        {
            Fail(new OperationCanceledException(token));
        }
    }

    /// <summary>The payload is the message's own array: no copy is needed.</summary>
    private static byte[] Bytes(ReadOnlyMemory<byte> payload)
        => MemoryMarshal.TryGetArray(payload, out ArraySegment<byte> own) && own.Count == own.Array!.Length
            ? own.Array
            : payload.ToArray();
}
