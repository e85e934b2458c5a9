using System.Globalization;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Testbed.Demo;

/// <summary>One entry of the story that the bridge keeps.</summary>
/// <param name="Time">When, on the wall clock.</param>
/// <param name="Guest">The guest's uuid.</param>
/// <param name="Kind">report, decision, gate, intent, action, outcome, proof or operator.</param>
/// <param name="Text">For a person.</param>
/// <param name="Rung">What is done, where something is.</param>
public sealed record Incident(DateTimeOffset Time, Guid Guest, string Kind, string Text, string Rung);

/// <summary>Follows the story in the bridge's database, as a reader beside it.</summary>
public sealed class IncidentTail : IAsyncDisposable
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);

    private readonly string _file;
    private readonly Action<Incident> _tell;
    private readonly CancellationTokenSource _closing = new();
    private readonly List<Incident> _incidents = [];
    private readonly Task _following;
    private long _last;

    /// <summary>Follows from its beginning; it need not be there yet.</summary>
    /// <param name="file">The database.</param>
    /// <param name="tell">Told of each entry.</param>
    public IncidentTail(string file, Action<Incident> tell)
    {
        _file = file;
        _tell = tell;
        _following = FollowAsync();
    }

    static IncidentTail() => raw.SetProvider(new SQLite3Provider_sqlite3());

    /// <summary>What it says of a guest so far.</summary>
    public IReadOnlyList<Incident> Of(Guid guest)
    {
        lock (_incidents)
        {
            return [.. _incidents.Where(incident => incident.Guest == guest)];
        }
    }

    /// <summary>Follows no more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _following;
        _closing.Dispose();
    }

    private async Task FollowAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            ReadNew();
            await Task.WhenAny(Task.Delay(LookAgain, _closing.Token));
        }
    }

    private void ReadNew()
    {
        if (!File.Exists(_file))
        {
            return;
        }

        try
        {
            foreach (Incident incident in Read())
            {
                lock (_incidents)
                {
                    _incidents.Add(incident);
                }

                _tell(incident);
            }
        }
        catch (SqliteException failure) when (failure.SqliteErrorCode is raw.SQLITE_BUSY or raw.SQLITE_CANTOPEN)
        {
            // The bridge makes it or closes it at this moment.
        }
    }

    private List<Incident> Read()
    {
        var incidents = new List<Incident>();
        using var connection = new SqliteConnection($"Data Source={_file};Mode=ReadOnly;Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "SELECT id, at, guest, kind, text, rung FROM story WHERE id > $last ORDER BY id";
        command.Parameters.AddWithValue("$last", _last);
        using SqliteDataReader rows = command.ExecuteReader();
        while (rows.Read())
        {
            _last = rows.GetInt64(0);
            incidents.Add(new Incident(
                DateTimeOffset.Parse(rows.GetString(1), CultureInfo.InvariantCulture),
                Guid.Parse(rows.GetString(2)),
                rows.GetString(3),
                rows.GetString(4),
                rows.IsDBNull(5) ? string.Empty : rows.GetString(5)));
        }

        return incidents;
    }
}
