using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace HostBridge.Incidents;

/// <summary>
/// One connection to the state database, for one thread. It keeps a write-ahead log and synchronises at every commit:
/// what is committed survives a power cut, and who reads it with another program holds up nobody. No other handle on
/// the file may be closed in this process while this one is open: that would end SQLite's locks (fcntl(2)).
/// What SQLite refuses is thrown as <see cref="SqliteException"/>, what it must not be as <see cref="IOException"/>.
/// </summary>
internal sealed partial class StateDatabase : IDisposable
{
    /// <summary>How long another program's lock is waited for, in seconds.</summary>
    private const int BusySeconds = 5;

    /// <summary>SQLITE_FCNTL_HAS_MOVED of sqlite3.h.</summary>
    private const int HasMovedControl = 20;

    private readonly SqliteConnection _connection;
    private readonly Dictionary<string, SqliteCommand> _prepared = new(StringComparer.Ordinal);

    static StateDatabase() => raw.SetProvider(new SQLite3Provider_sqlite3());

    private StateDatabase(string path, SqliteOpenMode mode)
    {
        Path = path;
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = mode,
            Pooling = false,
            DefaultTimeout = BusySeconds,
        }.ToString());
        try
        {
            _connection.Open();
            Run("PRAGMA trusted_schema = OFF");
            Run("PRAGMA cell_size_check = ON");
            Run("PRAGMA temp_store = MEMORY");
        }
        catch
        {
            _connection.Dispose();
            throw;
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>
    /// Whether the file at this path is no longer the one that is written to: what is committed then is lost with it.
    /// </summary>
    public bool HasMoved
    {
        get
        {
            int moved = 0;
            int result = FileControl(_connection.Handle!, "main", HasMovedControl, ref moved);
            return result != raw.SQLITE_OK || moved != 0;
        }
    }

    /// <summary>How many bytes of the file hold something.</summary>
    public long UsedBytes
        => (Number("PRAGMA page_count") - Number("PRAGMA freelist_count")) * Number("PRAGMA page_size");

    /// <summary>
    /// Makes a database that has the tables, in a file that has its name only when it is complete and durable: one
    /// that is empty or half made is never taken for the first.
    /// </summary>
    public static void Create(string path, IReadOnlyList<string> steps)
    {
        string unfinished = path + ".new";
        File.Delete(unfinished);
        File.Delete(unfinished + "-journal");
        using (var database = new StateDatabase(unfinished, SqliteOpenMode.ReadWriteCreate))
        {
            database.Run("PRAGMA auto_vacuum = INCREMENTAL");
            database.Run("PRAGMA synchronous = FULL");
            database.Run(string.Create(
                CultureInfo.InvariantCulture, $"PRAGMA application_id = {StateSchema.ApplicationId}"));
            database.Migrate(steps);
        }

        File.Move(unfinished, path);
        StateFiles.SyncDirectory(System.IO.Path.GetDirectoryName(path)!);
    }

    /// <summary>Opens one that is there for writing, looks through all of it, and brings it up to date.</summary>
    public static StateDatabase Open(string path, IReadOnlyList<string> steps)
    {
        var database = new StateDatabase(path, SqliteOpenMode.ReadWrite);
        try
        {
            database.CheckVersion(steps.Count);
            if (database.Text("PRAGMA journal_mode = WAL") is var mode and not "wal")
            {
                throw new IOException($"its file system allows no write-ahead log (only {mode}); use a local one");
            }

            database.Run("PRAGMA synchronous = FULL");
            // Not quick_check: an index that lost an entry would hide what it leads to.
            if (database.Text("PRAGMA integrity_check(1)") is var found and not "ok")
            {
                throw StateFailure.Damaged(path, found.ReplaceLineEndings(" "));
            }

            database.Migrate(steps);
            database.Checkpoint();
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Opens one that is there for reading alone, beside the bridge that writes it.</summary>
    public static StateDatabase OpenToRead(string path)
    {
        var database = new StateDatabase(path, SqliteOpenMode.ReadOnly);
        try
        {
            database.CheckVersion(StateSchema.Steps.Count);
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>A statement with its values, prepared once and used again.</summary>
    /// <param name="sql">The statement; its values are <c>?1</c>, <c>?2</c> and so on.</param>
    /// <param name="values">Its values: text, whole numbers, null.</param>
    public SqliteCommand Command(string sql, params ReadOnlySpan<object?> values)
    {
        if (!_prepared.TryGetValue(sql, out SqliteCommand? command))
        {
            command = _connection.CreateCommand();
            // Every statement is a constant of this program; what comes from outside is always a value.
#pragma warning disable CA2100
            command.CommandText = sql;
#pragma warning restore CA2100
            for (int number = 1; number <= values.Length; number++)
            {
                command.Parameters.Add(new SqliteParameter(
                    string.Create(CultureInfo.InvariantCulture, $"?{number}"), value: null));
            }

            _prepared[sql] = command;
        }

        for (int index = 0; index < values.Length; index++)
        {
            command.Parameters[index].Value = values[index] ?? DBNull.Value;
        }

        return command;
    }

    /// <summary>Runs a statement to its end; returns how many rows it changed.</summary>
    public int Run(string sql, params ReadOnlySpan<object?> values)
    {
        using SqliteDataReader rows = Command(sql, values).ExecuteReader();
        while (rows.Read())
        {
            // Some pragmas work on while their rows are read.
        }

        return rows.RecordsAffected;
    }

    /// <summary>The whole number that a statement says.</summary>
    public long Number(string sql, params ReadOnlySpan<object?> values)
        => Command(sql, values).ExecuteScalar() is long number ? number : 0;

    /// <summary>Does something wholly or not at all; it survives a power cut when this returns.</summary>
    public void Transact(Action change)
    {
        Run("BEGIN IMMEDIATE");
        try
        {
            change();
            Run("COMMIT");
        }
        catch
        {
            RollBack();
            throw;
        }
    }

    /// <summary>
    /// Moves the write-ahead log into the database and empties it, unless a reader needs it. A damaged log ends where
    /// the damage begins, as if nothing had followed; a damaged database is found to be one.
    /// </summary>
    public void Checkpoint() => Run("PRAGMA wal_checkpoint(TRUNCATE)");

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SqliteCommand command in _prepared.Values)
        {
            command.Dispose();
        }

        _prepared.Clear();
        _connection.Dispose();
    }

    private void CheckVersion(int known)
    {
        if (Number("PRAGMA application_id") != StateSchema.ApplicationId)
        {
            throw StateFailure.Damaged(Path, "it is no database of host-bridge");
        }

        long version = Number("PRAGMA user_version");
        if (version > known)
        {
            throw new IOException(string.Create(
                CultureInfo.InvariantCulture,
                $"it was written by a newer host-bridge (its version is {version}, this one knows {known}); "
                    + $"install the newer one again"));
        }
    }

    private void Migrate(IReadOnlyList<string> steps)
    {
        for (int version = (int)Number("PRAGMA user_version"); version < steps.Count; version++)
        {
            string step = steps[version];
            int next = version + 1;
            Transact(() =>
            {
                Run(step);
                Run(string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version = {next}"));
            });
        }
    }

    private void RollBack()
    {
        try
        {
            Run("ROLLBACK");
        }
        catch (SqliteException)
        {
            // Most failures of a commit have rolled it back already.
        }
    }

    private string Text(string sql) => Command(sql).ExecuteScalar() as string ?? string.Empty;

    [LibraryImport("sqlite3", EntryPoint = "sqlite3_file_control", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int FileControl(sqlite3 database, string name, int operation, ref int argument);
}
