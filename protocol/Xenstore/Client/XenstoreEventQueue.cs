using System.Runtime.CompilerServices;

namespace Protocol.Xenstore.Client;

/// <summary>
/// The watches that are wanted and the events that wait to be read. Bounded whatever a guest does: identical events
/// are folded, a watch has at most so many different paths waiting, and a lost connection makes everything before it
/// pointless.
/// </summary>
internal sealed class XenstoreEventQueue(int maxPendingPerWatch)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, List<Watch>> _watchesByToken = new(StringComparer.Ordinal);
    private readonly Queue<(XenstoreEvent Event, Watch? Watch)> _waiting = new();
    private TaskCompletionSource _arrived = NewSignal();
    private bool _completed;

    /// <summary>Every watch that is wanted.</summary>
    public IReadOnlyList<(string Path, string Token)> Watches
    {
        get
        {
            lock (_gate)
            {
                return [.. _watchesByToken.Values.SelectMany(watches => watches).Select(one => (one.Path, one.Token))];
            }
        }
    }

    /// <summary>Events of this watch are wanted from now on; false when they were already.</summary>
    public bool AddWatch(string path, string token)
    {
        lock (_gate)
        {
            if (!_watchesByToken.TryGetValue(token, out List<Watch>? watches))
            {
                _watchesByToken[token] = watches = [];
            }

            if (watches.Exists(one => one.Path == path))
            {
                return false;
            }

            watches.Add(new Watch(path, token));
            return true;
        }
    }

    /// <summary>Events of this watch are wanted no longer; what waits already can still be read.</summary>
    public void RemoveWatch(string path, string token)
    {
        lock (_gate)
        {
            if (_watchesByToken.TryGetValue(token, out List<Watch>? watches)
                && watches.RemoveAll(one => one.Path == path) > 0
                && watches.Count == 0)
            {
                _watchesByToken.Remove(token);
            }
        }
    }

    /// <summary>A watch fired. One that is not wanted (any longer) is left out.</summary>
    public void Fire(in XenstoreWatchEvent fired)
    {
        string path = fired.Path;
        lock (_gate)
        {
            if (!_watchesByToken.TryGetValue(fired.Token, out List<Watch>? watches)
                || watches.Find(one => XenstorePath.IsAtOrBelow(path, one.Path)) is not { } watch)
            {
                return;
            }

            path = watch.WaitingPaths.Count < maxPendingPerWatch ? path : watch.Path;
            if (watch.WaitingPaths.Add(path))
            {
                Enqueue(new XenstoreEvent.WatchFired(path, watch.Token), watch);
            }
        }
    }

    /// <summary>The connection stands.</summary>
    public void Connect(int generation)
    {
        lock (_gate)
        {
            Enqueue(new XenstoreEvent.Connected(generation), watch: null);
        }
    }

    /// <summary>The connection is gone: nothing that waits is worth reading any more.</summary>
    public void Disconnect(string reason)
    {
        lock (_gate)
        {
            foreach ((_, Watch? watch) in _waiting)
            {
                watch?.WaitingPaths.Clear();
            }

            _waiting.Clear();
            Enqueue(new XenstoreEvent.Disconnected(reason), watch: null);
        }
    }

    /// <summary>No more events come; what waits can still be read.</summary>
    public void Complete()
    {
        lock (_gate)
        {
            _completed = true;
            _arrived.TrySetResult();
        }
    }

    /// <summary>The events, for one reader at a time.</summary>
    public async IAsyncEnumerable<XenstoreEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        while (true)
        {
            if (TryDequeue(out XenstoreEvent? next, out Task arrived))
            {
                yield return next!;
                continue;
            }

            if (_completed)
            {
                yield break;
            }

            await arrived.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    private bool TryDequeue(out XenstoreEvent? next, out Task arrived)
    {
        lock (_gate)
        {
            bool found = _waiting.TryDequeue(out (XenstoreEvent Event, Watch? Watch) first);
            next = first.Event;
            if (next is XenstoreEvent.WatchFired fired)
            {
                first.Watch!.WaitingPaths.Remove(fired.Path);
            }

            if (!found && !_completed && _arrived.Task.IsCompleted)
            {
                _arrived = NewSignal();
            }

            arrived = _arrived.Task;
            return found;
        }
    }

    private void Enqueue(XenstoreEvent next, Watch? watch)
    {
        _waiting.Enqueue((next, watch));
        _arrived.TrySetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class Watch(string path, string token)
    {
        public string Path { get; } = path;

        public string Token { get; } = token;

        public HashSet<string> WaitingPaths { get; } = new(StringComparer.Ordinal);
    }
}
