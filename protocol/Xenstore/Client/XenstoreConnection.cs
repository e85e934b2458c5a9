using System.Globalization;
using System.IO.Pipelines;
using System.Net.Sockets;

namespace Protocol.Xenstore.Client;

/// <summary>
/// One connection to the daemon's socket, from its beginning to its end. Many callers may have requests in flight;
/// the first thing that goes wrong ends it for all of them.
/// </summary>
internal sealed class XenstoreConnection : IDisposable
{
    private readonly string _path;
    private readonly NetworkStream _stream;
    private readonly PipeReader _input;
    private readonly PipeWriter _output;
    private readonly Action<XenstoreWatchEvent> _onWatchEvent;
    private readonly SemaphoreSlim _turns;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly CancellationTokenSource _ended = new();

    /// <summary>Guards the session, which is not thread-safe, and what belongs to it.</summary>
    private readonly Lock _gate = new();
    private readonly XenstoreSession _session;
    private readonly Dictionary<uint, TaskCompletionSource<XenstoreReply>> _waiting = [];
    private string? _endReason;

    private XenstoreConnection(string path, Socket socket, int maxInFlight, Action<XenstoreWatchEvent> onWatchEvent)
    {
        _path = path;
        _stream = new NetworkStream(socket, ownsSocket: true);
        _input = PipeReader.Create(_stream);
        _output = PipeWriter.Create(_stream);
        _onWatchEvent = onWatchEvent;
        _turns = new SemaphoreSlim(maxInFlight, maxInFlight);
        _session = new XenstoreSession(maxInFlight);
    }

    /// <summary>Connects; <see cref="SocketException"/> when it cannot.</summary>
    public static async Task<XenstoreConnection> OpenAsync(
        string path,
        int maxInFlight,
        Action<XenstoreWatchEvent> onWatchEvent,
        CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation).ConfigureAwait(false);
            return new XenstoreConnection(path, socket, maxInFlight, onWatchEvent);
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
            while (true)
            {
                ReadResult read = await _input.ReadAsync(_ended.Token).ConfigureAwait(false);
                foreach (ReadOnlyMemory<byte> segment in read.Buffer)
                {
                    Take(segment.Span);
                }

                _input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    End("the daemon closed the connection: look whether xenstored runs; a new connection is made");
                }
            }
        }
        catch (Exception exception) when (IsEnd(exception))
        {
            End($"reading failed ({exception.Message}); a new connection is made");
        }

        return _endReason!;
    }

    /// <summary>
    /// One request and its answer. A cancelled caller leaves, and the answer is dropped when it comes.
    /// </summary>
    /// <exception cref="XenstoreLinkException">The connection ended.</exception>
    public async Task<XenstoreReply> RequestAsync(
        XenstoreRequest request,
        TimeSpan timeLimit,
        TimeProvider time,
        CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(timeLimit, time);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token, _ended.Token);
        try
        {
            await _turns.WaitAsync(any.Token).ConfigureAwait(false);
            var answer = new TaskCompletionSource<XenstoreReply>(TaskCreationOptions.RunContinuationsAsynchronously);
            await BeginWritingAsync(any.Token).ConfigureAwait(false);
            // From here on the message goes out whole, whatever becomes of the caller.
            _ = SendAsync(request, answer);
            return await answer.Task.WaitAsync(any.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            // A daemon that is silent for so long may never speak again here: a new connection is the way out.
            throw End(string.Create(
                CultureInfo.InvariantCulture,
                $"{request.Operation} was not answered within {timeLimit.TotalSeconds} s: "
                + $"look whether xenstored runs; a new connection is made"));
        }
    }

    /// <summary>Ends the connection; the first reason counts.</summary>
    /// <returns>What a caller may throw.</returns>
    public XenstoreLinkException End(string reason)
    {
        List<TaskCompletionSource<XenstoreReply>> waiting;
        lock (_gate)
        {
            if (_endReason is not null)
            {
                return new XenstoreLinkException(_path, _endReason);
            }

            _endReason = reason;
            waiting = [.. _waiting.Values];
            _waiting.Clear();
        }

        var exception = new XenstoreLinkException(_path, reason);
        foreach (TaskCompletionSource<XenstoreReply> answer in waiting)
        {
            answer.TrySetException(exception);
        }

        _ended.Cancel();
        _stream.Dispose();
        return exception;
    }

    /// <summary>
    /// Ends the connection. Callers may still be on their way out: what they wait on holds nothing of the system's
    /// and is left to the collector.
    /// </summary>
    public void Dispose() => End("the client was closed");

    private static bool IsEnd(Exception exception)
        => exception is IOException or ObjectDisposedException or OperationCanceledException;

    private async Task BeginWritingAsync(CancellationToken cancellation)
    {
        try
        {
            await _writing.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _turns.Release();
            throw;
        }
    }

    private async Task SendAsync(XenstoreRequest request, TaskCompletionSource<XenstoreReply> answer)
    {
        try
        {
            if (!TryRegister(request, answer, out uint requestId))
            {
                return;
            }

            request.WriteTo(requestId, _output.GetSpan(request.SizeBytes));
            _output.Advance(request.SizeBytes);
            await _output.FlushAsync(_ended.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (IsEnd(exception))
        {
            End($"writing failed ({exception.Message}); a new connection is made");
        }
        finally
        {
            _writing.Release();
        }
    }

    private bool TryRegister(
        in XenstoreRequest request,
        TaskCompletionSource<XenstoreReply> answer,
        out uint requestId)
    {
        lock (_gate)
        {
            // There are as many turns as the session takes requests, so only the connection's end can refuse one;
            // the caller learns of that by the cancellation that comes with it.
            requestId = 0;
            bool taken = _endReason is null && _session.TryBegin(request, out requestId);
            if (taken)
            {
                _waiting.Add(requestId, answer);
            }

            return taken;
        }
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        while (true)
        {
            XenstoreReceiveResult result;
            XenstoreReply reply;
            XenstoreWatchEvent watchEvent;
            TaskCompletionSource<XenstoreReply>? answer = null;
            lock (_gate)
            {
                result = _session.Receive(ref bytes, out reply, out watchEvent);
                if (result == XenstoreReceiveResult.Reply)
                {
                    _waiting.Remove(reply.RequestId, out answer);
                }
            }

            switch (result)
            {
                case XenstoreReceiveResult.Reply:
                    _turns.Release();
                    answer?.TrySetResult(reply);
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
