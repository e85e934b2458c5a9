using System.Net.Sockets;
using Protocol.Xenstore;

namespace Testbed.Xenstore;

/// <summary>One change of the store.</summary>
/// <param name="Path">The absolute path of the node.</param>
/// <param name="Value">Its value (Latin-1 text); null when it was removed.</param>
/// <param name="Time">When.</param>
public readonly record struct XenstoreChange(string Path, string? Value, DateTimeOffset Time);

/// <summary>
/// A xenstore in memory that speaks the real wire protocol on unix sockets: one for Dom0, and one for each domain,
/// on which a client is that domain, with its relative paths, its rights and its quotas. It behaves as the C daemon
/// does, without transactions.
/// </summary>
public sealed partial class EmbeddedXenstore : IXenstoreDaemon
{
    private readonly string _folder;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly StoreTree _tree;
    private readonly StoreWatches _watches = new();
    private readonly StoreRequests _requests;
    private readonly Dictionary<int, Socket> _listeners = [];
    private readonly HashSet<StoreConnection> _connections = [];
    private readonly List<Task> _running = [];
    private TaskCompletionSource _thawed = new();

    /// <summary>A store that listens for Dom0 at once.</summary>
    /// <param name="folder">
    /// Where the sockets are made; it must exist, and its path be short (a socket's path has at most 107 bytes).
    /// </param>
    /// <param name="time">The clock for <see cref="Changed"/>; null for the system's.</param>
    public EmbeddedXenstore(string folder, TimeProvider? time = null)
    {
        _folder = folder;
        _time = time ?? TimeProvider.System;
        _tree = new StoreTree(OnChange, IsDomain);
        _requests = new StoreRequests(_tree, _watches, IsDomain);
        _thawed.SetResult();
        lock (_gate)
        {
            Listen(StorePermissions.Dom0);
        }
    }

    /// <summary>
    /// Told of every write and removal, by whomever, under the store's lock: in order and before the writer's reply.
    /// Be quick, and wait for nothing.
    /// </summary>
    public event Action<XenstoreChange>? Changed;

    /// <inheritdoc/>
    public string SocketPath => Path.Combine(_folder, "socket");

    /// <inheritdoc/>
    public string DomainSocketPath(int domainId) => Path.Combine(_folder, $"domain-{domainId}");

    /// <inheritdoc/>
    public void Freeze()
    {
        lock (_gate)
        {
            _thawed = _thawed.Task.IsCompleted
                ? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
                : _thawed;
        }
    }

    /// <inheritdoc/>
    public void Thaw()
    {
        lock (_gate)
        {
            _thawed.TrySetResult();
        }
    }

    /// <summary>
    /// Drops every client, those that wait to be accepted included, as a daemon does that is started again; the
    /// nodes stay.
    /// </summary>
    public void DropConnections()
    {
        lock (_gate)
        {
            foreach (int domainId in _listeners.Keys.ToList())
            {
                StopListening(domainId);
                Listen(domainId);
            }
        }

        Drop(_ => true);
    }

    /// <inheritdoc/>
    public void Kill()
    {
        lock (_gate)
        {
            foreach (int domainId in _listeners.Keys.ToList())
            {
                StopListening(domainId);
            }
        }

        Drop(_ => true);
    }

    /// <inheritdoc/>
    public void Restart()
    {
        Kill();
        lock (_gate)
        {
            _tree.Clear();
            _thawed.TrySetResult();
            Listen(StorePermissions.Dom0);
            foreach (DomainNodes nodes in _domains.Values)
            {
                Introduce(nodes);
            }
        }
    }

    /// <summary>Stops listening and drops every client.</summary>
    public async ValueTask DisposeAsync()
    {
        Kill();
        Task[] running;
        lock (_gate)
        {
            running = [.. _running];
        }

        await Task.WhenAll(running);
    }

    private bool IsDomain(int domainId) => domainId == StorePermissions.Dom0 || _domains.ContainsKey(domainId);

    private string PathOf(int domainId) => domainId == StorePermissions.Dom0 ? SocketPath : DomainSocketPath(domainId);

    private void Listen(int domainId)
    {
        string path = PathOf(domainId);
        File.Delete(path);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        _listeners.Add(domainId, listener);
        Track(AcceptAsync(listener, domainId));
    }

    private void StopListening(int domainId)
    {
        if (_listeners.Remove(domainId, out Socket? listener))
        {
            listener.Dispose();
            File.Delete(PathOf(domainId));
        }
    }

    private async Task AcceptAsync(Socket listener, int domainId)
    {
        try
        {
            while (true)
            {
                Socket socket = await listener.AcceptAsync();
                var connection = new StoreConnection(socket, domainId, Handle, UntilThawed);
                lock (_gate)
                {
                    if (!_listeners.ContainsValue(listener))
                    {
                        connection.Dispose();
                        return;
                    }

                    _connections.Add(connection);
                    Track(ServeAsync(connection));
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The server was closed or the domain released.
        }
    }

    private async Task ServeAsync(StoreConnection connection)
    {
        bool brokeProtocol = await connection.RunAsync();
        lock (_gate)
        {
            _connections.Remove(connection);
            _watches.RemoveAll(connection);
            if (brokeProtocol && connection.DomainId != StorePermissions.Dom0)
            {
                // The daemon listens to such a domain no more, as long as it lives.
                StopListening(connection.DomainId);
            }
        }
    }

    private void Drop(Func<StoreConnection, bool> which)
    {
        List<StoreConnection> dropped;
        lock (_gate)
        {
            dropped = [.. _connections.Where(which)];
            foreach (StoreConnection connection in dropped)
            {
                _connections.Remove(connection);
                _watches.RemoveAll(connection);
            }
        }

        dropped.ForEach(connection => connection.Dispose());
    }

    private void Handle(StoreConnection connection, XenstoreMessage message)
    {
        lock (_gate)
        {
            if (_connections.Contains(connection))
            {
                _requests.Handle(connection, message);
            }
        }
    }

    private Task UntilThawed()
    {
        lock (_gate)
        {
            return _thawed.Task;
        }
    }

    private void Track(Task task)
    {
        _running.RemoveAll(one => one.IsCompleted);
        _running.Add(task);
    }
}
