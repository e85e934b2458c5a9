using System.IO.Pipelines;
using System.Net.Sockets;

namespace Protocol.Xenstore.Client;

/// <summary>
/// One connection to the daemon's socket, from its beginning to its end. Many callers may have requests in flight;
/// the first thing that goes wrong ends it for all of them.
/// </summary>
internal sealed partial class XenstoreConnection : IDisposable
{
    /// <summary>What one reading takes at most.</summary>
    private const int ReadingBytes = 4096;

    /// <summary>
    /// What gathers in a pause only when somebody floods: three times what a thousand guests send that change ten
    /// times a second. No more than about 25 KB of short events fit into the socket.
    /// </summary>
    private const int FloodBytes = 16 * 1024;

    /// <summary>For how long no pause is made then: what the daemon queued meanwhile is read as it comes.</summary>
    private static readonly TimeSpan FloodHold = TimeSpan.FromMilliseconds(100);

    private readonly string _path;
    private readonly int _maxInFlight;
    private readonly TimeSpan _timeLimit;
    private readonly TimeSpan _pauseAfterEvents;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly NetworkStream _stream;
    private readonly PipeReader _input;
    private readonly PipeWriter _output;
    private readonly Action<XenstoreWatchEvent> _onWatchEvent;

    /// <summary>Guards the session, which is not thread-safe, and what belongs to it.</summary>
    private readonly Lock _gate = new();
    private readonly XenstoreSession _session;
    private string? _endReason;

    /// <summary>When a pause last gathered <see cref="FloodBytes"/>; null when the last one did not.</summary>
    private long? _floodedAt;

    private XenstoreConnection(
        string path,
        Socket socket,
        XenstoreClientOptions options,
        TimeProvider time,
        Action<XenstoreWatchEvent> onWatchEvent)
    {
        _path = path;
        _maxInFlight = options.MaxRequestsInFlight;
        _timeLimit = options.RequestTimeLimit;
        _pauseAfterEvents = options.PauseAfterEvents;
        _time = time;
        _timer = time.CreateTimer(
            static connection => ((XenstoreConnection)connection!).CheckTimeLimit(),
            this,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        _stream = new NetworkStream(socket, ownsSocket: true);
        _input = PipeReader.Create(_stream, new StreamPipeReaderOptions(bufferSize: ReadingBytes));
        _output = PipeWriter.Create(_stream);
        _onWatchEvent = onWatchEvent;
        _session = new XenstoreSession(_maxInFlight);
        _sentById = new Dictionary<uint, XenstoreExchange>(_maxInFlight);
        _unused = new Stack<XenstoreExchange>(_maxInFlight);
    }

    /// <summary>Connects; <see cref="SocketException"/> when it cannot.</summary>
    public static async Task<XenstoreConnection> OpenAsync(
        string path,
        XenstoreClientOptions options,
        TimeProvider time,
        Action<XenstoreWatchEvent> onWatchEvent,
        CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation).ConfigureAwait(false);
            return new XenstoreConnection(path, socket, options, time, onWatchEvent);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Reads until the connection ends; the reason, for a person.</summary>
    public async Task<string> RunAsync()
    {
        try
        {
            bool isOpen = true;
            while (isOpen)
            {
                ReadResult read = await _input.ReadAsync().ConfigureAwait(false);
                foreach (ReadOnlyMemory<byte> segment in read.Buffer)
                {
                    Take(segment.Span);
                }

                _input.AdvanceTo(read.Buffer.End);
                Send(now: true);
                isOpen = !read.IsCompleted;
                if (isOpen && _pauseAfterEvents > TimeSpan.Zero && !IsAnswerDue() && !IsFlooded())
                {
                    await Task.Delay(_pauseAfterEvents, _time).ConfigureAwait(false);
                    _floodedAt = _stream.Socket.Available >= FloodBytes ? _time.GetTimestamp() : null;
                }
            }

            End("the daemon closed the connection: look whether xenstored runs; a new connection is made");
        }
        catch (Exception exception) when (IsEnd(exception))
        {
            End($"reading failed ({exception.Message}); a new connection is made");
        }

        return _endReason!;
    }

    /// <summary>Ends the connection; the first reason counts.</summary>
    /// <returns>What a caller may throw.</returns>
    public XenstoreLinkException End(string reason)
    {
        List<XenstoreExchange> waiting;
        lock (_gate)
        {
            if (_endReason is not null)
            {
                return new XenstoreLinkException(_path, _endReason);
            }

            _endReason = reason;
            waiting = SettleAll();
        }

        var exception = new XenstoreLinkException(_path, reason);
        waiting.ForEach(exchange => exchange.Fail(exception));
        _timer.Dispose();
        _stream.Dispose();
        return exception;
    }

    /// <summary>Ends the connection because of an answer that makes no sense.</summary>
    /// <returns>What a caller may throw.</returns>
    public XenstoreLinkException EndMalformed(XenstoreOperation operation)
        => End($"the answer to {operation} is malformed: look what listens there; a new connection is made");

    /// <summary>Ends the connection; whoever waits for an answer learns of it.</summary>
    public void Dispose() => End("the client was closed");

    private static bool IsEnd(Exception exception)
        => exception is IOException or ObjectDisposedException or OperationCanceledException;

    /// <summary>
    /// Whether a whole reading waits already, or much more did lately. To pause then gathers nothing: it only lets a
    /// guest that floods grow the queue of the daemon, in which the events of the others stand behind.
    /// </summary>
    private bool IsFlooded()
        => _stream.Socket.Available >= ReadingBytes
            || (_floodedAt is { } since && _time.GetElapsedTime(since) < FloodHold);

    private bool IsAnswerDue()
    {
        lock (_gate)
        {
            return _sentById.Count > 0;
        }
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        while (true)
        {
            XenstoreReceiveResult result;
            XenstoreReply reply;
            XenstoreWatchEvent watchEvent;
            XenstoreExchange? exchange;
            lock (_gate)
            {
                if (_endReason is not null)
                {
                    return;
                }

                result = _session.Receive(ref bytes, out reply, out watchEvent);
                exchange = result == XenstoreReceiveResult.Reply ? Settle(reply.RequestId) : null;
            }

            switch (result)
            {
                case XenstoreReceiveResult.Reply:
                    exchange?.Answer(reply);
                    break;
                case XenstoreReceiveResult.WatchEvent:
                    _onWatchEvent(watchEvent);
                    break;
                case XenstoreReceiveResult.Violation:
                    End($"the peer broke the protocol: {_session.Violation}; "
                        + "look whether xenstored listens there; a new connection is made");
                    return;
                default:
                    return;
            }
        }
    }
}
