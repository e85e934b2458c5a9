using HostBridge.Correlation;
using HostBridge.Recovery;
using Microsoft.Data.Sqlite;

namespace HostBridge.Incidents;

/// <summary>
/// Reads what was told, for people, on a connection of its own that can only read; the bridge that writes does not wait
/// for it. For one thread; it may hang as any file may. What goes wrong is thrown as <see cref="IOException"/>.
/// </summary>
internal static class IncidentReader
{
    /// <summary>The newest entries of the story, the oldest of them first.</summary>
    /// <param name="stateDirectory">The state directory.</param>
    /// <param name="guest">The guest; null for all.</param>
    /// <param name="max">At most so many.</param>
    public static IReadOnlyList<IncidentEntry> ReadStory(string stateDirectory, Guid? guest, int max)
        => Read(
            stateDirectory,
            "SELECT * FROM story WHERE ?1 IS NULL OR guest = ?1 ORDER BY id DESC LIMIT ?2",
            ToEntry,
            guest is { } one ? StateFormat.ToText(one) : null,
            max);

    /// <summary>The newest entries of the story since a moment, the oldest of them first.</summary>
    /// <param name="stateDirectory">The state directory.</param>
    /// <param name="guest">The guest; null for all.</param>
    /// <param name="since">The moment.</param>
    /// <param name="max">At most so many.</param>
    public static IReadOnlyList<IncidentEntry> ReadStory(
        string stateDirectory, Guid? guest, DateTimeOffset since, int max)
        => Read(
            stateDirectory,
            "SELECT * FROM story WHERE (?1 IS NULL OR guest = ?1) AND at >= ?2 ORDER BY id DESC LIMIT ?3",
            ToEntry,
            guest is { } one ? StateFormat.ToText(one) : null,
            StateFormat.ToText(since),
            max);

    /// <summary>The newest moments of storage incidents since a moment, the oldest of them first.</summary>
    /// <param name="stateDirectory">The state directory.</param>
    /// <param name="since">The moment.</param>
    /// <param name="max">At most so many.</param>
    public static IReadOnlyList<TimelineEntry> ReadTimeline(string stateDirectory, DateTimeOffset since, int max)
        => Read(
            stateDirectory, "SELECT * FROM timeline WHERE at >= ?1 ORDER BY id DESC LIMIT ?2", ToMoment,
            StateFormat.ToText(since), max);

    /// <summary>
    /// The guests that are meant by a name, else by the number of a domain they ran in last, else by the beginning of a
    /// uuid; the one that was told of last first.
    /// </summary>
    /// <param name="stateDirectory">The state directory.</param>
    /// <param name="wanted">What a person wrote.</param>
    public static IReadOnlyList<Guid> FindGuests(string stateDirectory, string wanted)
    {
        foreach (string meaning in (string[])
        [
            "name = ?1",
            "CAST(domain AS TEXT) = ?1",
            "length(?1) >= 4 AND substr(guest, 1, length(?1)) = lower(?1)",
        ])
        {
            List<Guid> found = Read(
                stateDirectory,
                $"SELECT guest FROM story WHERE {meaning} GROUP BY guest ORDER BY max(id) LIMIT 16",
                row => Guid.TryParseExact(Text(row, "guest"), "D", out Guid guest) ? guest : Guid.Empty,
                wanted);
            if (found.Count > 0)
            {
                return found;
            }
        }

        return [];
    }

    /// <summary>The newest moments of storage incidents, the oldest of them first.</summary>
    /// <param name="stateDirectory">The state directory.</param>
    /// <param name="max">At most so many.</param>
    public static IReadOnlyList<TimelineEntry> ReadTimeline(string stateDirectory, int max)
        => Read(
            stateDirectory, "SELECT * FROM timeline ORDER BY id DESC LIMIT ?1", ToMoment, max);

    private static List<T> Read<T>(
        string stateDirectory, string query, Func<SqliteDataReader, T> toEntry, params ReadOnlySpan<object?> values)
    {
        string path = Path.Combine(stateDirectory, IncidentStore.FileName);
        try
        {
            using StateDatabase database = StateDatabase.OpenToRead(path);
            using SqliteDataReader rows = database.Command(query, values).ExecuteReader();
            var entries = new List<T>();
            while (rows.Read())
            {
                entries.Add(toEntry(rows));
            }

            entries.Reverse();
            return entries;
        }
        catch (SqliteException failure)
        {
            throw StateFailure.ToException(failure, path);
        }
    }

    private static TimelineEntry ToMoment(SqliteDataReader row) => new()
    {
        At = Time(row, "at") ?? default,
        Incident = Text(row, "incident") ?? string.Empty,
        LunGroup = Text(row, "lun_group") ?? string.Empty,
        Source = StateRows.Sources.TryParse(Text(row, "source") ?? string.Empty, out TimelineSource source)
            ? source
            : TimelineSource.Bridge,
        Guest = Guid.TryParseExact(Text(row, "guest"), "D", out Guid guest) ? guest : null,
        GuestName = Text(row, "guest_name"),
        Text = Text(row, "text") ?? string.Empty,
    };

    private static IncidentEntry ToEntry(SqliteDataReader row) => new()
    {
        Time = Time(row, "at") ?? default,
        Guest = Guid.TryParseExact(Text(row, "guest"), "D", out Guid guest) ? guest : Guid.Empty,
        Name = Text(row, "name") ?? string.Empty,
        Domain = (int?)Number(row, "domain"),
        Kind = Text(row, "kind") ?? string.Empty,
        Text = Text(row, "text") ?? string.Empty,
        Mount = Text(row, "mount"),
        Verdict = Text(row, "verdict"),
        Claims = Text(row, "claims"),
        Hidden = Flag(row, "hidden"),
        Probe = Text(row, "probe"),
        Since = Time(row, "since"),
        BootId = Text(row, "boot_id"),
        Rung = Text(row, "rung"),
        Request = Text(row, "request"),
        FsckExit = (int?)Number(row, "fsck_exit"),
        Step = Text(row, "step"),
        EndsIntent = Flag(row, "ends_intent"),
        Standing = Flag(row, "standing"),
    };

    private static string? Text(SqliteDataReader row, string column) => row[column] as string;

    private static long? Number(SqliteDataReader row, string column) => row[column] as long?;

    private static bool? Flag(SqliteDataReader row, string column) => Number(row, column) is { } flag ? flag != 0 : null;

    private static DateTimeOffset? Time(SqliteDataReader row, string column)
        => StateFormat.TryParseTime(Text(row, column) ?? string.Empty, out DateTimeOffset time) ? time : null;
}
