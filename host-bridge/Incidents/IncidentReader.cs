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
    {
        string path = Path.Combine(stateDirectory, IncidentStore.FileName);
        try
        {
            using StateDatabase database = StateDatabase.OpenToRead(path);
            using SqliteDataReader rows = database.Command(
                "SELECT * FROM story WHERE ?1 IS NULL OR guest = ?1 ORDER BY id DESC LIMIT ?2",
                guest is { } one ? StateFormat.ToText(one) : null, max).ExecuteReader();
            var entries = new List<IncidentEntry>();
            while (rows.Read())
            {
                entries.Add(ToEntry(rows));
            }

            entries.Reverse();
            return entries;
        }
        catch (SqliteException failure)
        {
            throw StateFailure.ToException(failure, path);
        }
    }

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
