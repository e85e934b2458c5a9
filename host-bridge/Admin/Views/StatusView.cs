using System.Globalization;
using static HostBridge.Admin.Views.Block;

namespace HostBridge.Admin.Views;

/// <summary>The status for a person: the bridge in some lines, then one line a guest, the worst first.</summary>
internal static class StatusView
{
    private static readonly string[] Header =
        ["GUEST", "VERDICT", "HIDDEN", "SINCE", "STORAGE", "STATE", "NEXT STEP"];

    /// <summary>Lays it out.</summary>
    /// <param name="document">The status.</param>
    /// <param name="isAll">Whether the healthy guests are listed too.</param>
    public static IReadOnlyList<Block> Of(StatusDocument document, bool isAll)
    {
        List<Block> blocks = Heading(document);
        List<GuestLine> listed = [.. document.Guests.Where(guest => isAll || GuestStates.IsWorthALine(guest.State))];
        blocks.Add(new Line(string.Empty));
        if (listed.Count > 0)
        {
            blocks.Add(new Grid(Header, [.. listed.Select(guest => Row(guest, document.Time))]));
        }

        blocks.Add(new Line(Sum(document, listed.Count), listed.Count == 0 ? Tone.Good : Tone.Plain));
        return blocks;
    }

    private static List<Block> Heading(StatusDocument document)
    {
        var lines = new List<Block>();
        BridgeLine bridge = document.Bridge;
        lines.Add(new Line(
            $"host-bridge {bridge.Version}, mode = {bridge.Mode}, up {PeopleWords.Duration(document.Time - bridge.Started)}; "
                + $"hears {Guests(bridge.HeardOverXenstore)} over xenstore, {bridge.HeardOverChannel} over the channel",
            Tone.Heading));
        if (bridge.Paused)
        {
            string until = bridge.PausedUntil is { } end
                ? $"until {PeopleWords.Clock(end, document.Time)} UTC ({PeopleWords.In(end, document.Time)})"
                : "until somebody resumes it";
            lines.Add(new Line($"paused {until}: nothing is begun; host-bridge resume", Tone.Warning));
        }

        if (bridge.StateTrouble is { } trouble)
        {
            lines.Add(new Line($"nothing can be recorded, so nothing is done: {trouble}", Tone.Bad));
        }

        if (bridge.ConfigurationTrouble is { } unread)
        {
            lines.Add(new Line(unread, Tone.Warning));
        }

        foreach (StorageIncidentLine incident in document.StorageIncidents)
        {
            lines.Add(new Line(
                $"storage incident on {incident.LunGroup}, since {PeopleWords.Clock(incident.Since, document.Time)} UTC "
                    + $"({PeopleWords.Ago(incident.Since, document.Time)}): host-bridge history",
                Tone.Bad));
        }

        return lines;
    }

    private static Cell[] Row(GuestLine guest, DateTimeOffset now)
    {
        Tone tone = ToneOf(guest.State);
        return
        [
            guest.Paused ? $"{guest.Name} (paused)" : guest.Name,
            new Cell(guest.Verdict ?? "-", guest.Verdict is null ? Tone.Muted : tone),
            guest.Hidden ? new Cell("yes", Tone.Bad) : "no",
            guest.Since is { } since ? PeopleWords.Ago(since, now) : "-",
            new Cell(
                guest.Storage == "not-stable" ? "not stable" : guest.Storage,
                guest.Storage == "stable" ? Tone.Plain : Tone.Warning),
            new Cell(guest.State.Replace('-', ' '), tone),
            guest.NextStep,
        ];
    }

    private static string Sum(StatusDocument document, int listed)
    {
        int healthy = document.Counts.GetValueOrDefault(GuestStates.Healthy);
        int left = document.Guests.Count - listed;
        return document.Guests.Count == 0 ? "no guest is known: does xenstore answer, and do guests run?"
            : left == 0 ? $"{Guests(document.Guests.Count)}, {healthy} of them healthy"
            : left == healthy ? $"{(listed > 0 ? "and " : string.Empty)}{Guests(healthy)} healthy"
            : $"{(listed > 0 ? "and " : string.Empty)}{Guests(healthy)} healthy, {left - healthy} not on this host";
    }

    private static string Guests(int count)
        => string.Create(CultureInfo.InvariantCulture, $"{count} {(count == 1 ? "guest" : "guests")}");

    private static Tone ToneOf(string state) => state switch
    {
        GuestStates.NeedsOperator or GuestStates.Withheld => Tone.Bad,
        GuestStates.Healthy => Tone.Good,
        GuestStates.Absent or GuestStates.Unknown => Tone.Muted,
        _ => Tone.Warning,
    };
}
