using HostBridge.Recovery;

namespace HostBridge.Incidents;

/// <summary>The part that is the writing thread; nothing else touches the store, nor what stands here.</summary>
internal sealed partial class IncidentLog
{
    private readonly Queue<Guid> _released = new();
    private readonly List<Job> _unwritten = [];

    /// <summary>What failed last and was told; null while all is well.</summary>
    private string? _said;
    private long _failedAt;

    /// <summary>The writing thread.</summary>
    private void Work(TaskCompletionSource<RestoredIncidents> opened)
    {
        try
        {
            opened.SetResult(Watched(store.Open));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            opened.SetException(failure);
        }

        while (!_queue.IsCompleted)
        {
            bool isAny = _queue.TryTake(out Job? job, LookInterval);
            if (isAny || _unwritten.Count > 0)
            {
                WriteBatch(job);
            }

            if (Volatile.Read(ref _refusal) is null && opened.Task.IsCompletedSuccessfully && MayTry)
            {
                Tend();
            }
        }

        store.Dispose();
        _ended.SetResult();
    }

    /// <summary>Writes what could not be written before, this, and what else waits, in this order.</summary>
    private void WriteBatch(Job? first)
    {
        List<Job> batch = [.. _unwritten];
        for (Job? next = first; next is not null; next = batch.Count < MaxBatch ? TakeNow() : null)
        {
            batch.Add(next);
        }

        // Who waited too long for an answer was told that nothing was written.
        batch.RemoveAll(job => job.Done is { Task.IsCompleted: true });
        string? failure = Volatile.Read(ref _refusal) is { } refusal ? $"{store.Path}: {refusal}"
            : MayTry || batch.Exists(job => job.Done is not null) ? TryWrite(batch)
            : _said;
        _unwritten.Clear();
        foreach (Job job in batch)
        {
            bool isHeard = job.Done?.TrySetResult(failure) ?? true;
            if (failure is null && !isHeard && job.Change is StateChange.Story { Entry: var entry })
            {
                Withdraw(entry);
            }
            else if (failure is not null && job.Done is null)
            {
                Keep(job);
            }
        }
    }

    /// <summary>The end of an intent is as true when the disk is back; what is only told is not worth the room.</summary>
    private void Keep(Job job)
    {
        if (job.Change is StateChange.Remembered newer)
        {
            // Each is all of what there is to be remembered of its guest.
            _unwritten.RemoveAll(one => one.Change is StateChange.Remembered { EndsStanding: false } older
                && older.Guest.Uuid == newer.Guest.Uuid);
        }

        if (job.Change.IsNeeded && _unwritten.Count < StoryCapacity)
        {
            _unwritten.Add(job);
        }
        else
        {
            Interlocked.Increment(ref _dropped);
        }
    }

    /// <summary>
    /// Whether the store is tried without someone who waits for the answer: each try after a failure looks through all
    /// of the database.
    /// </summary>
    private bool MayTry => _said is null || clock.Time.GetElapsedTime(_failedAt) >= LookInterval;

    private string? TryWrite(List<Job> batch) => Try(() =>
    {
        if (store.LogBytes > MaxLogBytes)
        {
            Interlocked.Add(ref _dropped, batch.RemoveAll(job => !job.Change.IsNeeded));
        }

        if (batch.Count > 0)
        {
            store.Append([.. batch.Select(job => job.Change)]);
        }
    });

    private Job? TakeNow() => _queue.TryTake(out Job? job) ? job : null;

    private void Withdraw(IncidentEntry entry)
    {
        if (entry.Kind == IncidentEntry.KindName(TellKind.Intent))
        {
            Try(() => store.Withdraw(entry, clock.Now.Wall));
        }
    }

    private void Tend()
    {
        Try(() =>
        {
            store.Prune(clock.Now.Wall);
            foreach (Guid guest in store.TakeReleased())
            {
                _released.Enqueue(guest);
            }
        });
        while (_released.TryPeek(out Guid guest)
            && inputs.TryPost(new BridgeInput.EffectCompleted(guest, new RecoveryInput.HoldReleased())))
        {
            _released.Dequeue();
        }
    }

    /// <summary>Runs something on the store; what went wrong, for a person, or null.</summary>
    private string? Try(Action use)
    {
        try
        {
            Watched(() =>
            {
                use();
                return true;
            });
            if (_said is not null)
            {
                _said = null;
                LogUsable(store.Path);
            }

            return null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _failedAt = clock.Time.GetTimestamp();
            if (_said != failure.Message)
            {
                _said = failure.Message;
                LogUnusable(store.Path, failure.Message);
            }

            return $"{store.Path}: {failure.Message}";
        }
    }

    private T Watched<T>(Func<T> use)
    {
        Interlocked.Exchange(ref _busySince, clock.Time.GetTimestamp());
        try
        {
            return use();
        }
        finally
        {
            Interlocked.Exchange(ref _busySince, 0);
        }
    }
}
