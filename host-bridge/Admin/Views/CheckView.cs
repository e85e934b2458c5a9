using System.Globalization;

namespace HostBridge.Admin.Views;

/// <summary>How a monitoring plugin ends: exit codes of the Monitoring Plugins' guidelines.</summary>
internal enum CheckStatus
{
    /// <summary>Everything is well.</summary>
    Ok = 0,

    /// <summary>Something is on its way, or is to be looked at by day.</summary>
    Warning = 1,

    /// <summary>A person is needed.</summary>
    Critical = 2,

    /// <summary>The plugin itself could not find out.</summary>
    Unknown = 3,
}

/// <summary>The answer of a monitoring plugin: an exit code, and one line with performance data.</summary>
/// <param name="Status">The exit code.</param>
/// <param name="Line">The line, without its end.</param>
internal readonly record struct CheckView(CheckStatus Status, string Line)
{
    private const int MostNamed = 4;

    /// <summary>Of all guests.</summary>
    public static CheckView Of(StatusDocument document)
    {
        BridgeLine bridge = document.Bridge;
        int healthy = document.Counts.GetValueOrDefault(GuestStates.Healthy);
        int needed = document.Guests.Count(guest => StatusOf(guest) == CheckStatus.Critical);
        int doubtful = document.Guests.Count(guest => StatusOf(guest) == CheckStatus.Warning);
        var findings = new List<(CheckStatus Status, string Text)>();
        if (bridge.StateTrouble is { } trouble)
        {
            findings.Add((CheckStatus.Critical, $"nothing can be recorded: {trouble}"));
        }

        if (bridge.ConfigurationTrouble is { } unread)
        {
            findings.Add((CheckStatus.Warning, unread));
        }

        AddGuests(findings, document, CheckStatus.Critical, "need you");
        AddGuests(findings, document, CheckStatus.Warning, "to be watched");
        if (document.StorageIncidents.Count > 0)
        {
            findings.Add((CheckStatus.Warning, $"storage incident on {document.StorageIncidents[0].LunGroup}"));
        }

        if (bridge.Paused)
        {
            findings.Add((CheckStatus.Warning, "the bridge is paused"));
        }

        CheckStatus worst = findings.Count == 0 ? CheckStatus.Ok : findings.Max(finding => finding.Status);
        string text = findings.Count == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{healthy} of {document.Guests.Count} guests healthy")
            : string.Join("; ", findings.Select(finding => finding.Text));
        string data = string.Create(
            CultureInfo.InvariantCulture,
            $"guests={document.Guests.Count};;;0 healthy={healthy};;;0 doubtful={doubtful};0;;0 needing={needed};;0;0 "
                + $"storage_incidents={document.StorageIncidents.Count};0;;0 dropped={bridge.StateDropped}c");
        return Make(worst, text, data);
    }

    /// <summary>Of one guest.</summary>
    public static CheckView Of(GuestLine guest, DateTimeOffset now)
    {
        string since = guest.Since is { } time && guest.State != GuestStates.Healthy
            ? $" for {PeopleWords.Duration(now - time)}"
            : string.Empty;
        string verdict = guest.Verdict is { } word ? $"{guest.MountPoint} {word}{since}; " : string.Empty;
        CheckStatus status = StatusOf(guest);
        return Make(
            status,
            $"{guest.Name} {guest.State}: {verdict}{guest.NextStep}",
            string.Create(CultureInfo.InvariantCulture, $"severity={(int)status};1;2;0;2"));
    }

    /// <summary>A line about something that is no guest.</summary>
    public static CheckView Make(CheckStatus status, string text, string data = "")
    {
        // A bar begins the performance data, wherever it stands.
        string word = status.ToString().ToUpperInvariant();
        string line = $"HOST-BRIDGE {word} - {text.ReplaceLineEndings(" ").Replace('|', '/')}";
        return new CheckView(status, data.Length > 0 ? $"{line} | {data}" : line);
    }

    private static void AddGuests(
        List<(CheckStatus Status, string Text)> findings, StatusDocument document, CheckStatus status, string what)
    {
        List<GuestLine> guests = [.. document.Guests.Where(guest => StatusOf(guest) == status)];
        if (guests.Count > 0)
        {
            string more = guests.Count > MostNamed
                ? string.Create(CultureInfo.InvariantCulture, $" and {guests.Count - MostNamed} more")
                : string.Empty;
            string named = string.Join(
                ", ", guests.Take(MostNamed).Select(guest => $"{guest.Name} ({guest.Verdict ?? guest.State})"));
            findings.Add((
                status, string.Create(CultureInfo.InvariantCulture, $"{guests.Count} {what}: {named}{more}")));
        }
    }

    private static CheckStatus StatusOf(GuestLine guest) => guest.State switch
    {
        GuestStates.Healthy or GuestStates.Absent or GuestStates.Unknown => CheckStatus.Ok,
        GuestStates.NeedsOperator or GuestStates.Withheld => CheckStatus.Critical,
        _ => CheckStatus.Warning,
    };
}
