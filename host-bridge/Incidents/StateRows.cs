using System.Globalization;
using HostBridge.Correlation;
using HostBridge.Recovery;
using Protocol.Health;

namespace HostBridge.Incidents;

/// <summary>An intent as it stands in the database.</summary>
/// <param name="Id">Its row.</param>
/// <param name="Guest">The guest's uuid.</param>
/// <param name="Name">The guest's name.</param>
/// <param name="Domain">The domain it ran in.</param>
/// <param name="BootId">The boot that told of the fault.</param>
/// <param name="Mount">The mount point, percent-encoded.</param>
/// <param name="Rung">The rung.</param>
/// <param name="Request">Its name.</param>
/// <param name="Began">When it began.</param>
/// <param name="Ended">When it ended; null while it has not.</param>
internal sealed record IntentRow(
    long Id, string Guest, string Name, long? Domain, string? BootId, string? Mount, string Rung, string Request,
    string Began, string? Ended)
{
    /// <summary>Over everything else in the row.</summary>
    public long Checksum => StateFormat.Checksum(
        Id.ToString(CultureInfo.InvariantCulture), Guest, Name, Domain?.ToString(CultureInfo.InvariantCulture), BootId,
        Mount, Rung, Request, Began, Ended);
}

/// <summary>Puts changes into the tables, inside a transaction that the caller holds.</summary>
/// <param name="database">The database.</param>
internal sealed class StateRows(StateDatabase database)
{
    internal static readonly KebabNames<TimelineSource> Sources = new();

    /// <summary>Puts one change in.</summary>
    public void Apply(StateChange change)
    {
        if (change.Outgoing is { } outgoing)
        {
            new NoticeRows(database).Insert(outgoing);
        }

        switch (change)
        {
            case StateChange.Story story:
                ApplyEntry(story.Entry);
                break;
            case StateChange.Happened happened:
                InsertTimeline(happened.Entry);
                break;
            case StateChange.Delivered delivered:
                new NoticeRows(database).Note(delivered);
                break;
            case StateChange.Paused paused:
                string whom = WhomOf(paused.Pause.Guest);
                string? until = paused.Pause.Until is { } end ? StateFormat.ToText(end) : null;
                database.Run(
                    "INSERT OR REPLACE INTO pause VALUES (?1, ?2, ?3)",
                    whom, until, StateFormat.Checksum(whom, until));
                break;
            case StateChange.Resumed resumed:
                database.Run("DELETE FROM pause WHERE guest = ?1", WhomOf(resumed.Guest));
                break;
            case StateChange.Acknowledged acknowledged:
                EndStanding(StateFormat.ToText(acknowledged.Guest));
                ForgetFaulty(StateFormat.ToText(acknowledged.Guest));
                break;
            case StateChange.Remembered remembered:
                Remember(remembered);
                break;
            default:
                throw new InvalidOperationException($"{change.GetType().Name} is no change that is known here");
        }
    }

    /// <summary>Notes that an intent is over; false when it was already, or is not known.</summary>
    public bool EndIntent(string guest, string? request, DateTimeOffset at)
    {
        bool any = false;
        foreach (IntentRow row in new StateReading(database).OpenIntents(guest)
            .Where(row => request is null || row.Request == request))
        {
            IntentRow ended = row with { Ended = StateFormat.ToText(at) };
            database.Run(
                "UPDATE intent SET ended = ?2, checksum = ?3 WHERE id = ?1", ended.Id, ended.Ended, ended.Checksum);
            any = true;
        }

        return any;
    }

    /// <summary>Nothing stands for a guest any more.</summary>
    public void EndStanding(string guest) => database.Run("DELETE FROM standing WHERE guest = ?1", guest);

    /// <summary>What is kept of a step; the order of steps is that of their rows.</summary>
    public static long StepChecksum(
        long id, string guest, string request, string step, string at, string? disks)
        => StateFormat.Checksum(id.ToString(CultureInfo.InvariantCulture), guest, request, step, at, disks);

    /// <summary>What is kept of what stands.</summary>
    public static long StandingChecksum(string guest, string name, string at, string? mount, string text)
        => StateFormat.Checksum(guest, name, at, mount, text);

    /// <summary>What is kept of a filesystem that was faulty.</summary>
    public static long FaultyChecksum(
        string guest, string name, string at, string bootId, string mount, string device, string type, string verdict)
        => StateFormat.Checksum(guest, name, at, bootId, mount, device, type, verdict);

    private void Remember(StateChange.Remembered remembered)
    {
        string guest = StateFormat.ToText(remembered.Guest.Uuid);
        string at = StateFormat.ToText(remembered.At);
        string bootId = remembered.Faulty.BootId.ToString();
        ForgetFaulty(guest);
        foreach (FilesystemHealth one in remembered.Faulty.Filesystems)
        {
            (string name, string mount, string verdict) =
                (remembered.Guest.Name, one.MountPoint.Encoded, one.Verdict.ToName());
            database.Run(
                "INSERT OR REPLACE INTO faulty VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                guest, name, at, bootId, mount, one.Device, one.FilesystemType, verdict,
                FaultyChecksum(guest, name, at, bootId, mount, one.Device, one.FilesystemType, verdict));
        }

        if (remembered.EndsStanding)
        {
            EndStanding(guest);
        }
    }

    private void ForgetFaulty(string guest) => database.Run("DELETE FROM faulty WHERE guest = ?1", guest);

    private static string WhomOf(Guid? guest) => guest is { } one ? StateFormat.ToText(one) : string.Empty;

    private void ApplyEntry(IncidentEntry entry)
    {
        string guest = StateFormat.ToText(entry.Guest);
        if (entry.Kind == IncidentEntry.KindName(TellKind.Intent))
        {
            // One act at a time: what is begun ends what had no end, and nothing is begun while something stands.
            EndIntent(guest, request: null, entry.Time);
            EndStanding(guest);
            InsertIntent(guest, entry);
        }

        if (entry.Step is not null)
        {
            InsertStep(guest, entry);
        }

        if (entry.EndsIntent == true && entry.Request is not null)
        {
            EndIntent(guest, entry.Request, entry.Time);
        }

        bool isProof = entry.Kind == IncidentEntry.KindName(TellKind.Proof);
        if (isProof || entry.Standing == true)
        {
            // An act whose end could not be written when it ended is over all the same.
            EndIntent(guest, request: null, entry.Time);
        }

        if (isProof)
        {
            EndStanding(guest);
        }
        else if (entry.Standing == true)
        {
            string at = StateFormat.ToText(entry.Time);
            database.Run(
                "INSERT OR REPLACE INTO standing VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                guest, entry.Name, at, entry.Mount, entry.Text,
                StandingChecksum(guest, entry.Name, at, entry.Mount, entry.Text));
        }

        InsertStory(guest, entry);
    }

    private void InsertIntent(string guest, IncidentEntry entry)
    {
        long id = database.Number("SELECT coalesce(max(id), 0) + 1 FROM intent");
        var row = new IntentRow(
            id, guest, entry.Name, entry.Domain, entry.BootId, entry.Mount,
            entry.Rung ?? throw new ArgumentException("an intent without a rung", nameof(entry)),
            entry.Request ?? throw new ArgumentException("an intent without a name", nameof(entry)),
            StateFormat.ToText(entry.Time), Ended: null);
        database.Run(
            "INSERT INTO intent VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            row.Id, row.Guest, row.Name, row.Domain, row.BootId, row.Mount, row.Rung, row.Request, row.Began, row.Ended,
            row.Checksum);
    }

    private void InsertStep(string guest, IncidentEntry entry)
    {
        long id = database.Number("SELECT coalesce(max(id), 0) + 1 FROM step");
        string request = entry.Request ?? throw new ArgumentException("a step without its intent", nameof(entry));
        string at = StateFormat.ToText(entry.Time);
        database.Run(
            "INSERT INTO step VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            id, guest, request, entry.Step, at, entry.Disks,
            StepChecksum(id, guest, request, entry.Step!, at, entry.Disks));
    }

    private void InsertStory(string guest, IncidentEntry entry) => database.Run(
        """
        INSERT INTO story (at, guest, name, domain, kind, text, mount, verdict, claims, hidden, probe, since, boot_id,
            rung, request, fsck_exit, step, ends_intent, standing)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
        """,
        StateFormat.ToText(entry.Time), guest, entry.Name, entry.Domain, entry.Kind, entry.Text, entry.Mount,
        entry.Verdict, entry.Claims, entry.Hidden, entry.Probe,
        entry.Since is { } since ? StateFormat.ToText(since) : null, entry.BootId, entry.Rung, entry.Request,
        entry.FsckExit, entry.Step, entry.EndsIntent, entry.Standing);

    private void InsertTimeline(TimelineEntry entry) => database.Run(
        """
        INSERT INTO timeline (at, incident, lun_group, source, guest, guest_name, text)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        """,
        StateFormat.ToText(entry.At), entry.Incident, entry.LunGroup, Sources.ToName(entry.Source),
        entry.Guest is { } guest ? StateFormat.ToText(guest) : null, entry.GuestName, entry.Text);
}
