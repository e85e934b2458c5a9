using System.Net.Sockets;

namespace Protocol.Xenstore.Client;

/// <content>The connection: making it, making it again, asking over it.</content>
public sealed partial class XenstoreClient
{
    private readonly XenstoreEventQueue _events;
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>One at a time changes the watches or registers them on a new connection.</summary>
    private readonly SemaphoreSlim _watching = new(1, 1);

    private volatile XenstoreConnection? _connection;
    private volatile string _disconnectReason = "not connected yet";
    private Task? _running;
    private int _generation;
    private int _failedAttempts;

    /// <summary>Begins to connect, in the background. Once.</summary>
    public void Start()
    {
        if (_running is not null)
        {
            throw new InvalidOperationException("the xenstore client was started before");
        }

        _running = RunAsync();
    }

    /// <summary>What happens, for one reader; ends when the client is closed.</summary>
    public IAsyncEnumerable<XenstoreEvent> Events(CancellationToken cancellation)
        => _events.ReadAllAsync(cancellation);

    /// <summary>Closes the connection; requests in flight fail.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        if (_running is not null)
        {
            await _running.ConfigureAwait(false);
        }

        _events.Complete();
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                string reason = await ConnectAsync(_stopping.Token).ConfigureAwait(false);
                _stopping.Token.ThrowIfCancellationRequested();
                _disconnectReason = reason;
                _events.Disconnect(reason);
                await Task.Delay(NextBackOff(), _time, _stopping.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            _disconnectReason = "the client was closed";
        }
    }

    /// <summary>Connects and stays until the connection ends.</summary>
    /// <returns>Why it ended or could not be made.</returns>
    private async Task<string> ConnectAsync(CancellationToken stopping)
    {
        try
        {
            using XenstoreConnection connection = await XenstoreConnection
                .OpenAsync(_socketPath, _options, _time, fired => _events.Fire(fired), stopping)
                .ConfigureAwait(false);
            using CancellationTokenRegistration closing = stopping.Register(connection.Dispose);
            Task<string> reading = connection.RunAsync();
            await RegisterWatchesAsync(connection, stopping).ConfigureAwait(false);
            string reason = await reading.ConfigureAwait(false);
            _connection = null;
            return reason;
        }
        catch (SocketException exception)
        {
            return $"connecting failed ({exception.Message}): look whether xenstored runs and this program may use it";
        }
        catch (XenstoreLinkException exception)
        {
            return exception.Reason;
        }
    }

    private async Task RegisterWatchesAsync(XenstoreConnection connection, CancellationToken stopping)
    {
        await _watching.WaitAsync(stopping).ConfigureAwait(false);
        try
        {
            foreach ((string path, string token) in _events.Watches)
            {
                XenstoreReply reply = await connection
                    .Begin(XenstoreRequest.Watch(path, token), stopping)
                    .Reply
                    .ConfigureAwait(false);
                if (reply.Error != XenstoreError.None)
                {
                    throw connection.End($"it refused to watch {path} again ({reply.Error}); a new connection is made");
                }
            }

            // The event goes first: whoever finds the connection must find its generation announced.
            _failedAttempts = 0;
            _generation++;
            _events.Connect(_generation);
            _connection = connection;
        }
        finally
        {
            _watching.Release();
        }
    }

    private TimeSpan NextBackOff()
    {
        // Between half of the doubled wait and all of it: a thousand clients of one daemon must not come at once.
        double doubled = _options.MinBackOff.TotalMilliseconds * Math.Pow(2, Math.Min(_failedAttempts, 30));
        double limited = Math.Min(doubled, _options.MaxBackOff.TotalMilliseconds);
        _failedAttempts++;
        return TimeSpan.FromMilliseconds(limited * (0.5 + (_options.Jitter.NextDouble() / 2)));
    }

    private XenstoreExchange Begin(
        string path,
        Func<string, XenstoreRequest> make,
        CancellationToken cancellation)
        => XenstorePath.IsValid(path)
            ? Begin(make(path), cancellation)
            : XenstoreExchange.Refused(XenstoreError.EINVAL);

    private XenstoreExchange Begin<T>(
        string path,
        T argument,
        Func<string, T, XenstoreRequest> make,
        CancellationToken cancellation)
        => XenstorePath.IsValid(path)
            ? Begin(make(path, argument), cancellation)
            : XenstoreExchange.Refused(XenstoreError.EINVAL);

    private XenstoreExchange Begin(in XenstoreRequest request, CancellationToken cancellation)
        => request.PayloadSizeBytes > XenstoreLimits.MaxPayloadSizeBytes
            ? XenstoreExchange.Refused(XenstoreError.E2BIG)
            : _connection?.Begin(request, cancellation)
                ?? XenstoreExchange.Failed(new XenstoreLinkException(_socketPath, _disconnectReason));

    private static async ValueTask<XenstoreResult<T>> ReadAnswerAsync<T>(
        XenstoreExchange exchange,
        Func<XenstoreReply, T?> read)
        where T : class
    {
        XenstoreConnection? connection = exchange.Connection;
        XenstoreReply reply = await exchange.Reply.ConfigureAwait(false);
        if (reply.Error != XenstoreError.None)
        {
            return new XenstoreResult<T>(reply.Error, null);
        }

        T value = read(reply) ?? throw connection!.EndMalformed(reply.Operation);
        return new XenstoreResult<T>(XenstoreError.None, value);
    }
}
