using System.Globalization;
using static HostBridge.Admin.Views.Block;

namespace HostBridge.Admin.Views;

/// <summary>Incidents for a person, the newest last, where the terminal's prompt will be.</summary>
internal static class HistoryView
{
    /// <summary>Lays it out.</summary>
    public static IReadOnlyList<Block> Of(HistoryDocument document)
    {
        var blocks = new List<Block>();
        if (document.IsCut)
        {
            blocks.Add(new Line("older incidents are left out; --limit N shows more", Tone.Muted));
        }

        foreach (HistoryIncident incident in document.Incidents)
        {
            if (blocks.Count > 0)
            {
                blocks.Add(new Line(string.Empty));
            }

            blocks.Add(new Line(Title(incident), Tone.Heading));
            blocks.Add(new Grid([], [.. incident.Moments.Select(moment => Row(moment, incident.Began))], Indent: 2));
        }

        return blocks.Count > 0 ? blocks : [new Line("nothing was told in that time")];
    }

    private static string Title(HistoryIncident incident)
    {
        string guests = incident.Outcomes.Count == 0 ? "storage alone"
            : string.Join(", ", incident.Outcomes.Where(one => one.Value != "nothing")
                .Select(one => $"{one.Key} {one.Value.Replace('-', ' ')}").DefaultIfEmpty($"{incident.Guests.Count} guests"));
        List<string> known = [.. incident.LunGroups.Where(group => group != "unknown")];
        string groups = known.Count > 0 ? $"; storage: {string.Join(", ", known)}" : string.Empty;
        string began = incident.Began.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
        string length = PeopleWords.Duration(incident.Ended - incident.Began);
        string lasted = incident.Outcomes.Values.Contains("open") ? $"not over, last word after {length}" : $"over {length}";
        return $"{began} UTC, {lasted}: {guests}{groups}";
    }

    private static Cell[] Row(HistoryMoment moment, DateTimeOffset began)
    {
        Tone tone = moment.Kind switch
        {
            "proof" => Tone.Good,
            "operator" => Tone.Bad,
            "gate" or "intent" or "action" or "outcome" => Tone.Warning,
            "kernel" or "storage" => Tone.Muted,
            _ => Tone.Plain,
        };
        return
        [
            moment.At.UtcDateTime.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture),
            string.Create(CultureInfo.InvariantCulture, $"{(moment.At - began).TotalSeconds,8:+0.0} s"),
            moment.Guest ?? "-",
            new Cell(moment.Kind, tone),
            moment.Text,
        ];
    }
}
