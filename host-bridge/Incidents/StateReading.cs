using System.Globalization;
using HostBridge.Recovery;
using Microsoft.Data.Sqlite;
using Protocol.Health;

namespace HostBridge.Incidents;

/// <summary>What stands for a guest, as it stands in the database.</summary>
/// <param name="Guest">The guest.</param>
/// <param name="MountPoint">The filesystem at stake; null when none is.</param>
/// <param name="Text">For a person.</param>
/// <param name="At">Since when, as it is written.</param>
internal sealed record StandingRow(GuestIdentity Guest, MountPoint? MountPoint, string Text, string At);

/// <summary>
/// Reads back what a restart needs. A row that does not have its checksum, or means nothing, is thrown as
/// <see cref="IOException"/>: no act may stand on it.
/// </summary>
/// <param name="database">The database.</param>
internal sealed class StateReading(StateDatabase database)
{
    private static readonly KebabNames<Rung> Rungs = new();
    private static readonly KebabNames<OfflineStep> OfflineSteps = new();

    /// <summary>The intents of a guest that have no end.</summary>
    public IReadOnlyList<IntentRow> OpenIntents(string guest)
        => ReadIntents("SELECT * FROM intent WHERE guest = ?1 AND ended IS NULL ORDER BY id", guest);

    /// <summary>Every intent that is kept, in the order in which they began.</summary>
    public IReadOnlyList<IntentRow> Intents() => ReadIntents("SELECT * FROM intent ORDER BY id");

    /// <summary>An intent without an end, with its steps, as the deciding side knows it.</summary>
    public OpenIntent ToOpenIntent(IntentRow row)
    {
        IReadOnlyList<StepRow> steps = Steps(row);
        return new OpenIntent(
            RequestId.TryParse(row.Request, out RequestId request) ? request : throw Meaningless("intent", row.Id),
            Rungs.TryParse(row.Rung, out Rung rung) ? rung : throw Meaningless("intent", row.Id),
            ToTime(row.Began, "intent", row.Id),
            row.Domain is { } domain ? new DomainId((int)domain) : null,
            BootId.TryParse(row.BootId ?? string.Empty, out BootId boot) ? boot : default,
            row.Mount,
            [.. steps.Select(step => step.Step)])
        {
            Disks = steps.LastOrDefault(step => step.Disks is not null)?.Disks ?? GuestDisks.None,
        };
    }

    /// <summary>When an intent began.</summary>
    public DateTimeOffset BeganAt(IntentRow row) => ToTime(row.Began, "intent", row.Id);

    /// <summary>When what stands failed: the end of that intent, where both are of one entry; null otherwise.</summary>
    public DateTimeOffset? FailedAt(IntentRow intent, StandingRow standing)
        => intent.Ended == standing.At ? ToTime(standing.At, "standing", 0) : null;

    /// <summary>
    /// When a recovery of each guest was last proved. It stands in the story, which is pruned and carries no checksum:
    /// nothing is done because of it, it only ends that nothing is done.
    /// </summary>
    public IReadOnlyDictionary<string, DateTimeOffset> LastProofs()
    {
        var proofs = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        using SqliteDataReader rows = database.Command(
            "SELECT guest, max(at) FROM story WHERE kind = ?1 AND ends_intent = 1 GROUP BY guest",
            IncidentEntry.KindName(TellKind.Proof)).ExecuteReader();
        while (rows.Read())
        {
            if (StateFormat.TryParseTime(rows.GetString(1), out DateTimeOffset at))
            {
                proofs[rows.GetString(0)] = at;
            }
        }

        return proofs;
    }

    /// <summary>The uuid of a guest, as it stands in a row.</summary>
    public Guid ToGuest(string text)
        => Guid.TryParseExact(text, "D", out Guid guest) ? guest : throw Damaged($"\"{text}\" is no guest");

    /// <summary>What stands, for each guest at most one thing.</summary>
    public IReadOnlyList<StandingRow> Standing()
    {
        var standing = new List<StandingRow>();
        using SqliteDataReader rows = database.Command("SELECT * FROM standing").ExecuteReader();
        while (rows.Read())
        {
            string guest = rows.GetString(0);
            string name = rows.GetString(1);
            string? mount = TextOrNull(rows, 3);
            string text = rows.GetString(4);
            Check(rows.GetInt64(5), StateRows.StandingChecksum(guest, name, rows.GetString(2), mount, text), "standing");
            standing.Add(new StandingRow(
                new GuestIdentity(ToGuest(guest), name),
                MountPoint.TryParse(mount ?? string.Empty, out MountPoint at) ? at : null,
                text,
                rows.GetString(2)));
        }

        return standing;
    }

    /// <summary>What was faulty when each guest last listed it.</summary>
    public IReadOnlyDictionary<GuestIdentity, FaultySeen> Faulty()
    {
        var faulty = new Dictionary<GuestIdentity, FaultySeen>();
        using SqliteDataReader rows = database.Command("SELECT * FROM faulty ORDER BY guest, mount").ExecuteReader();
        while (rows.Read())
        {
            (string guest, string name, string at, string boot) =
                (rows.GetString(0), rows.GetString(1), rows.GetString(2), rows.GetString(3));
            (string mount, string device, string type, string verdict) =
                (rows.GetString(4), rows.GetString(5), rows.GetString(6), rows.GetString(7));
            Check(
                rows.GetInt64(8),
                StateRows.FaultyChecksum(guest, name, at, boot, mount, device, type, verdict),
                "faulty");
            var identity = new GuestIdentity(ToGuest(guest), name);
            FaultySeen before = faulty.GetValueOrDefault(identity)
                ?? new FaultySeen(BootId.TryParse(boot, out BootId bootId) ? bootId : default, []);
            faulty[identity] = before with
            {
                Filesystems = [.. before.Filesystems, ToFilesystem(at, mount, device, type, verdict)],
            };
        }

        return faulty;
    }

    /// <summary>The pauses; also those whose end has passed meanwhile.</summary>
    public IReadOnlyList<SavedPause> Pauses()
    {
        var pauses = new List<SavedPause>();
        using SqliteDataReader rows = database.Command("SELECT * FROM pause").ExecuteReader();
        while (rows.Read())
        {
            string guest = rows.GetString(0);
            string? until = TextOrNull(rows, 1);
            Check(rows.GetInt64(2), StateFormat.Checksum(guest, until), "pause");
            pauses.Add(new SavedPause(
                guest.Length == 0 ? null : ToGuest(guest), until is null ? null : ToTime(until, "pause", 0)));
        }

        return pauses;
    }

    private FilesystemHealth ToFilesystem(string at, string mount, string device, string type, string verdict)
    {
        MountPoint point = MountPoint.TryParse(mount, out MountPoint known) ? known
            : throw Damaged($"\"{mount}\" is no mount point");
        return new FilesystemHealth
        {
            MountPoint = point,
            Device = device,
            FilesystemType = type,
            Role = point.IsRoot ? FilesystemRole.Root : FilesystemRole.Data,
            Verdict = VerdictName.TryParse(verdict, out Verdict word) ? word
                : throw Damaged($"\"{verdict}\" is no verdict"),
            Since = ToTime(at, "faulty", 0),
            Claims = MountClaim.Rw,
            Hidden = false,
        };
    }

    private List<StepRow> Steps(IntentRow intent)
    {
        var steps = new List<StepRow>();
        using SqliteDataReader rows = database.Command(
            "SELECT id, guest, request, step, at, disks, checksum FROM step WHERE guest = ?1 AND request = ?2 ORDER BY id",
            intent.Guest, intent.Request).ExecuteReader();
        while (rows.Read())
        {
            long id = rows.GetInt64(0);
            string word = rows.GetString(3);
            string? disks = TextOrNull(rows, 5);
            Check(
                rows.GetInt64(6),
                StateRows.StepChecksum(id, rows.GetString(1), rows.GetString(2), word, rows.GetString(4), disks),
                "step");
            steps.Add(new StepRow(
                OfflineSteps.TryParse(word, out OfflineStep step) ? step : throw Meaningless("step", id),
                disks is null ? null
                    : StateFormat.TryParseDisks(disks, out GuestDisks known) ? known : throw Meaningless("step", id)));
        }

        return steps;
    }

    private List<IntentRow> ReadIntents(string sql, params ReadOnlySpan<object?> values)
    {
        var intents = new List<IntentRow>();
        using SqliteDataReader rows = database.Command(sql, values).ExecuteReader();
        while (rows.Read())
        {
            var row = new IntentRow(
                rows.GetInt64(0), rows.GetString(1), rows.GetString(2), rows.IsDBNull(3) ? null : rows.GetInt64(3),
                TextOrNull(rows, 4), TextOrNull(rows, 5), rows.GetString(6), rows.GetString(7), rows.GetString(8),
                TextOrNull(rows, 9));
            Check(rows.GetInt64(10), row.Checksum, "intent");
            intents.Add(row);
        }

        return intents;
    }

    private static string? TextOrNull(SqliteDataReader rows, int column)
        => rows.IsDBNull(column) ? null : rows.GetString(column);

    private DateTimeOffset ToTime(string text, string table, long id)
        => StateFormat.TryParseTime(text, out DateTimeOffset time) ? time : throw Meaningless(table, id);

    private void Check(long found, long expected, string table)
    {
        if (found != expected)
        {
            throw Damaged($"a row of {table} is not what was written");
        }
    }

    private IOException Meaningless(string table, long id)
        => Damaged(string.Create(CultureInfo.InvariantCulture, $"row {id} of {table} means nothing"));

    private IOException Damaged(string detail) => StateFailure.Damaged(database.Path, detail);

    private sealed record StepRow(OfflineStep Step, GuestDisks? Disks);
}
