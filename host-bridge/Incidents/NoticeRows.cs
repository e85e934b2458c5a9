using HostBridge.Notifications.Grouping;
using HostBridge.Notifications.Telling;
using HostBridge.Recovery;
using Microsoft.Data.Sqlite;

namespace HostBridge.Incidents;

/// <summary>What is kept of what people are told.</summary>
/// <param name="Notices">The notices, delivered or not, in their order.</param>
/// <param name="Undelivered">For each carrier the numbers of those that it has not delivered.</param>
/// <param name="Folded">What each carrier is still to tell by its number.</param>
internal sealed record RestoredNotices(
    IReadOnlyList<Notice> Notices, IReadOnlyDictionary<string, IReadOnlySet<long>> Undelivered,
    IReadOnlyDictionary<string, FoldedNotices> Folded)
{
    /// <summary>Nothing is kept.</summary>
    public static RestoredNotices None { get; } = new(
        [], new Dictionary<string, IReadOnlySet<long>>(), new Dictionary<string, FoldedNotices>());
}

/// <summary>
/// The outbox in the state database. Its rows carry no checksum: nothing is done to a guest because of them, and one
/// that means nothing is passed by.
/// </summary>
/// <param name="database">The database.</param>
internal sealed class NoticeRows(StateDatabase database)
{
    /// <summary>LUN groups are names without line ends.</summary>
    private const char Separator = '\n';

    /// <summary>Puts a notice in, for each of its carriers.</summary>
    public void Insert(OutgoingNotice outgoing)
    {
        Notice notice = outgoing.Notice;
        database.Run(
            "INSERT OR IGNORE INTO notice VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            notice.Id, StateFormat.ToText(notice.At), Notice.Kinds.ToName(notice.Kind),
            notice.Guest is { } guest ? StateFormat.ToText(guest.Uuid) : null, notice.Guest?.Name, notice.Domain,
            notice.Incident, string.Join(Separator, notice.LunGroups), notice.Intent, notice.Mount, notice.Verdict,
            notice.What, notice.Why, notice.Done, notice.ToDo);
        foreach (string carrier in outgoing.Carriers)
        {
            database.Run("INSERT OR IGNORE INTO undelivered VALUES (?1, ?2)", carrier, notice.Id);
        }
    }

    /// <summary>Notes what a carrier need not deliver any more, and what it is still to tell by its number.</summary>
    public void Note(StateChange.Delivered delivered)
    {
        foreach (long notice in delivered.Notices)
        {
            database.Run("DELETE FROM undelivered WHERE carrier = ?1 AND notice = ?2", delivered.Carrier, notice);
        }

        if (delivered.Folded is { } folded)
        {
            database.Run(
                "INSERT OR REPLACE INTO not_told VALUES (?1, ?2, ?3, ?4)",
                delivered.Carrier, folded.Count, StateFormat.ToText(folded.Since), StateFormat.ToText(folded.Until));
        }
        else
        {
            database.Run("DELETE FROM not_told WHERE carrier = ?1", delivered.Carrier);
        }
    }

    /// <summary>Reads all of it back.</summary>
    public RestoredNotices Read()
    {
        var notices = new List<Notice>();
        using (SqliteDataReader rows = database.Command("SELECT * FROM notice ORDER BY id").ExecuteReader())
        {
            while (rows.Read())
            {
                if (ToNotice(rows) is { } notice)
                {
                    notices.Add(notice);
                }
            }
        }

        return new RestoredNotices(notices, ReadUndelivered(), ReadFolded());
    }

    private Dictionary<string, IReadOnlySet<long>> ReadUndelivered()
    {
        var undelivered = new Dictionary<string, HashSet<long>>(StringComparer.Ordinal);
        using SqliteDataReader rows = database.Command("SELECT carrier, notice FROM undelivered").ExecuteReader();
        while (rows.Read())
        {
            string carrier = rows.GetString(0);
            if (!undelivered.TryGetValue(carrier, out HashSet<long>? numbers))
            {
                undelivered[carrier] = numbers = [];
            }

            numbers.Add(rows.GetInt64(1));
        }

        return undelivered.ToDictionary(
            one => one.Key, one => (IReadOnlySet<long>)one.Value, StringComparer.Ordinal);
    }

    private Dictionary<string, FoldedNotices> ReadFolded()
    {
        var folded = new Dictionary<string, FoldedNotices>(StringComparer.Ordinal);
        using SqliteDataReader rows = database.Command("SELECT * FROM not_told").ExecuteReader();
        while (rows.Read())
        {
            if (StateFormat.TryParseTime(rows.GetString(2), out DateTimeOffset since)
                && StateFormat.TryParseTime(rows.GetString(3), out DateTimeOffset until))
            {
                folded[rows.GetString(0)] = new FoldedNotices((int)rows.GetInt64(1), since, until);
            }
        }

        return folded;
    }

    private static Notice? ToNotice(SqliteDataReader rows)
    {
        if (!StateFormat.TryParseTime(rows.GetString(1), out DateTimeOffset at)
            || !Notice.Kinds.TryParse(rows.GetString(2), out NoticeKind kind))
        {
            return null;
        }

        bool hasGuest = Guid.TryParseExact(Text(rows, 3), "D", out Guid uuid);
        return new Notice
        {
            Id = rows.GetInt64(0),
            At = at,
            Kind = kind,
            Guest = hasGuest ? new GuestIdentity(uuid, Text(rows, 4) ?? string.Empty) : null,
            Domain = rows.IsDBNull(5) ? null : (int)rows.GetInt64(5),
            Incident = Text(rows, 6),
            LunGroups = rows.GetString(7).Split(Separator, StringSplitOptions.RemoveEmptyEntries),
            Intent = Text(rows, 8),
            Mount = Text(rows, 9),
            Verdict = Text(rows, 10),
            What = rows.GetString(11),
            Why = rows.GetString(12),
            Done = rows.GetString(13),
            ToDo = rows.GetString(14),
        };
    }

    private static string? Text(SqliteDataReader rows, int column) => rows.IsDBNull(column) ? null : rows.GetString(column);
}
