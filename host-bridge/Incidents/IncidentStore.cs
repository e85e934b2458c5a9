using HostBridge.Recovery;
using Microsoft.Data.Sqlite;
using Protocol.Health;

namespace HostBridge.Incidents;

/// <summary>What was read back from a state directory.</summary>
/// <param name="Guests">Every guest that something is known of.</param>
/// <param name="Pauses">What is paused.</param>
internal sealed record RestoredIncidents(IReadOnlyList<GuestHistory> Guests, IReadOnlyList<SavedPause> Pauses)
{
    /// <summary>What a person should know of the directory; null when there is nothing.</summary>
    public string? Warning { get; init; }

    /// <summary>What people were, or are to be, told.</summary>
    public RestoredNotices Notices { get; init; } = RestoredNotices.None;
}

/// <summary>
/// The state directory: the database <c>incidents.db</c>, and <c>holds/UUID</c>, one file for each guest for which
/// something stands; a person who removes it acknowledges. Used by one thread, and by one process: the one that holds
/// <see cref="StateLock"/>. What goes wrong is thrown as <see cref="IOException"/> or
/// <see cref="UnauthorizedAccessException"/>, whatever it is; the connection is then made anew, and all of the
/// database looked through, before anything else is written.
/// </summary>
/// <param name="stateDirectory">The directory.</param>
/// <param name="stateLock">This process's claim on it; null when it could not be had, and then nothing is opened.</param>
/// <param name="limits">How much is kept.</param>
internal sealed class IncidentStore(string stateDirectory, StateLock? stateLock, RetentionLimits? limits = null)
    : IDisposable
{
    /// <summary>The database's name in the directory.</summary>
    public const string FileName = "incidents.db";

    private const int MaxRememberedRecoveries = 16;

    private static readonly TimeSpan AgesEvery = TimeSpan.FromMinutes(10);

    private readonly RetentionLimits _limits = limits ?? new RetentionLimits();
    private readonly HoldFiles _holds = new(System.IO.Path.Combine(stateDirectory, "holds"));
    private StateDatabase? _database;
    private DateTimeOffset _agesAt;

    /// <summary>The database.</summary>
    public string Path { get; } = System.IO.Path.Combine(stateDirectory, FileName);

    private string LogPath => Path + "-wal";

    /// <summary>Opens the directory, making the database where there was none, and reads back what is there.</summary>
    public RestoredIncidents Open() => Guard(() =>
    {
        if (stateLock is null)
        {
            throw new IOException($"{stateDirectory} could not be locked for this host-bridge alone; mend it");
        }

        bool wasUsed = Directory.Exists(System.IO.Path.GetDirectoryName(_holds.PathOf(Guid.Empty)));
        string? warning = null;
        if (!File.Exists(Path))
        {
            if (File.Exists(LogPath))
            {
                throw new IOException($"it is gone, but not {LogPath}; put it back, or move that one away as well");
            }

            StateDatabase.Create(Path, StateSchema.Steps);
            warning = wasUsed
                ? $"{Path} was not there although {stateDirectory} was in use: a new one is begun, recoveries are "
                    + "counted from none, and nothing is known of acts that had no end"
                : null;
        }

        IReadOnlyCollection<Guid> held = _holds.Open();
        _database = StateDatabase.Open(Path, StateSchema.Steps);
        RestoredIncidents restored = Restore(_database, held);
        return restored with { Warning = warning };
    });

    /// <summary>
    /// Writes changes in their order, all or none; they survive a power cut when this returns. What stands is held
    /// before it is written, so that no crash in between loses it, and a proof ends the hold.
    /// </summary>
    public void Append(IReadOnlyCollection<StateChange> changes) => Guard(() =>
    {
        StateDatabase database = Connect();
        foreach (IncidentEntry entry in Entries(changes).Where(entry => entry.Standing == true))
        {
            _holds.Write(entry.Guest, HoldText(entry));
        }

        var rows = new StateRows(database);
        database.Transact(() =>
        {
            foreach (StateChange change in changes)
            {
                rows.Apply(change);
            }
        });
        EndHolds(changes);
        if (changes.Any(change => change.IsNeeded))
        {
            KeepOutOfLog(database);
        }

        return true;
    });

    /// <summary>
    /// Notes that an intent is over that was written too late: whoever asked for it was told that it failed, and
    /// nothing was done.
    /// </summary>
    public void Withdraw(IncidentEntry intent, DateTimeOffset now) => Guard(() =>
    {
        StateDatabase database = Connect();
        database.Transact(() =>
            new StateRows(database).EndIntent(StateFormat.ToText(intent.Guest), intent.Request, now));
        return true;
    });

    /// <summary>The guests whose holds a person removed since the last time; nothing stands for them any more.</summary>
    public IReadOnlyList<Guid> TakeReleased() => Guard(() =>
    {
        IReadOnlyList<Guid> removed = _holds.FindRemoved();
        if (removed.Count == 0)
        {
            return removed;
        }

        // With the whole directory gone, an unmounted one for example, nobody acknowledged anything.
        StateDatabase database = Connect();
        database.Transact(() =>
        {
            foreach (Guid guest in removed)
            {
                new StateRows(database).Apply(new StateChange.Acknowledged(guest));
            }
        });
        foreach (Guid guest in removed)
        {
            _holds.Forget(guest);
        }

        return removed;
    });

    /// <summary>Takes a slice of what is too old or too much away.</summary>
    public void Prune(DateTimeOffset now) => Guard(() =>
    {
        // A clock that was set back looks at once.
        bool byAge = (now - _agesAt).Duration() >= AgesEvery;
        new StateRetention(Connect(), _limits).Prune(now, byAge);
        _agesAt = byAge ? now : _agesAt;
        return true;
    });

    /// <summary>How large the write-ahead log is, in bytes; it grows while another program goes on reading.</summary>
    public long LogBytes => new FileInfo(LogPath) is { Exists: true } log ? log.Length : 0;

    /// <inheritdoc/>
    public void Dispose()
    {
        _database?.Dispose();
        stateLock?.Dispose();
    }

    private StateDatabase Connect()
    {
        _database ??= StateDatabase.Open(Path, StateSchema.Steps);
        return !_database.HasMoved
            ? _database
            : throw new IOException("it was moved away or removed; put it back, or restart host-bridge");
    }

    /// <summary>
    /// What is needed must not be lost with the tail of a damaged log. It is durable already: a failure here is found
    /// by the next change.
    /// </summary>
    private void KeepOutOfLog(StateDatabase database)
    {
        try
        {
            database.Checkpoint();
        }
        catch (SqliteException)
        {
            Disconnect();
        }
    }

    private void EndHolds(IReadOnlyCollection<StateChange> changes)
    {
        var ends = new HashSet<Guid>();
        foreach (StateChange change in changes)
        {
            switch (change)
            {
                case StateChange.Acknowledged acknowledged:
                    ends.Add(acknowledged.Guest);
                    break;
                case StateChange.Remembered { EndsStanding: true } remembered:
                    ends.Add(remembered.Guest.Uuid);
                    break;
                case StateChange.Story { Entry: var entry } when entry.Kind == IncidentEntry.KindName(TellKind.Proof):
                    ends.Add(entry.Guest);
                    break;
                case StateChange.Story { Entry: { Standing: true } entry }:
                    ends.Remove(entry.Guest);
                    break;
                default:
                    break;
            }
        }

        foreach (Guid guest in ends)
        {
            _holds.Remove(guest);
        }
    }

    private static IEnumerable<IncidentEntry> Entries(IEnumerable<StateChange> changes)
        => changes.OfType<StateChange.Story>().Select(told => told.Entry);

    private string HoldText(IncidentEntry entry)
        => $"{entry.Text}; this ends by itself when {entry.Mount ?? "everything"} is seen well again, "
            + $"otherwise check the guest, then remove {_holds.PathOf(entry.Guest)}";

    private RestoredIncidents Restore(StateDatabase database, IReadOnlyCollection<Guid> held)
    {
        var reading = new StateReading(database);
        var guests = new SortedDictionary<Guid, GuestHistory>();
        Dictionary<Guid, StandingRow> standing = reading.Standing().ToDictionary(row => row.Guest.Uuid);
        IReadOnlyDictionary<string, DateTimeOffset> proofs = reading.LastProofs();
        foreach (IGrouping<string, IntentRow> intents in reading.Intents().GroupBy(row => row.Guest))
        {
            IntentRow newest = intents.Last();
            var guest = new GuestIdentity(reading.ToGuest(newest.Guest), newest.Name);
            IReadOnlyList<DateTimeOffset> recoveries =
                [.. intents.TakeLast(MaxRememberedRecoveries).Select(reading.BeganAt)];
            guests[guest.Uuid] = new GuestHistory(guest, recoveries, Standing: null)
            {
                Open = newest.Ended is null ? reading.ToOpenIntent(newest) : null,
                FailedAt = held.Contains(guest.Uuid) && standing.TryGetValue(guest.Uuid, out StandingRow? stands)
                    ? reading.FailedAt(newest, stands)
                    : null,
                ProvedAt = proofs.TryGetValue(newest.Guest, out DateTimeOffset proved) ? proved : null,
            };
        }

        foreach (Guid uuid in held)
        {
            StandingRow? row = standing.GetValueOrDefault(uuid);
            GuestHistory history = guests.GetValueOrDefault(uuid)
                ?? new GuestHistory(row?.Guest ?? new GuestIdentity(uuid, StateFormat.ToText(uuid)), [], Standing: null);
            guests[uuid] = history with { Standing = StandingOf(uuid, row) };
        }

        // Whoever removed a hold while the bridge did not run acknowledged as well.
        List<StateChange> acknowledged =
            [.. standing.Keys.Except(held).Select(guest => new StateChange.Acknowledged(guest))];
        if (acknowledged.Count > 0)
        {
            var rows = new StateRows(database);
            database.Transact(() => acknowledged.ForEach(rows.Apply));
        }

        foreach ((GuestIdentity guest, FaultySeen faulty) in reading.Faulty())
        {
            GuestHistory history = guests.GetValueOrDefault(guest.Uuid) ?? new GuestHistory(guest, [], Standing: null);
            guests[guest.Uuid] = history with { Faulty = faulty };
        }

        return new RestoredIncidents([.. guests.Values], reading.Pauses())
        {
            Notices = new NoticeRows(database).Read(),
        };
    }

    private RecoveryState.NeedsOperator StandingOf(Guid guest, StandingRow? row) => row is null
        ? new RecoveryState.NeedsOperator(_holds.TextOf(guest) ?? string.Empty, OperatorRelease.WhenAcknowledged)
        : new RecoveryState.NeedsOperator(row.Text, OperatorRelease.WhenHealthy, row.MountPoint);

    /// <summary>
    /// Turns whatever SQLite says into words, and makes the connection anew after it: after a failed fsync nobody
    /// knows what of the log is on the disk.
    /// </summary>
    private T Guard<T>(Func<T> use)
    {
        try
        {
            return use();
        }
        catch (SqliteException failure)
        {
            Disconnect();
            throw StateFailure.ToException(failure, Path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            Disconnect();
            throw;
        }
    }

    private void Disconnect()
    {
        try
        {
            _database?.Dispose();
        }
        catch (SqliteException)
        {
            // What could not be closed in order is closed all the same.
        }

        _database = null;
    }
}
