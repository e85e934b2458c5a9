using System.Globalization;
using System.Text;

namespace HostBridge.Correlation;

/// <summary>Writes timelines for people: the newest incident first, each in the order of its moments. Pure.</summary>
internal static class TimelineText
{
    /// <summary>Writes incidents.</summary>
    /// <param name="entries">Entries in any order, of any incidents.</param>
    /// <param name="most">How many incidents are written; older ones are left out.</param>
    public static string Write(IEnumerable<TimelineEntry> entries, int most = int.MaxValue)
    {
        var text = new StringBuilder();
        IEnumerable<List<TimelineEntry>> incidents = entries
            .GroupBy(entry => entry.Incident, StringComparer.Ordinal)
            .Select(incident => incident.OrderBy(entry => entry.At).ToList())
            .OrderByDescending(incident => incident[0].At)
            .Take(most);
        foreach (List<TimelineEntry> incident in incidents)
        {
            DateTimeOffset began = incident[0].At;
            text.Append(text.Length > 0 ? "\n" : string.Empty);
            text.Append(CultureInfo.InvariantCulture, $"{incident[0].LunGroup}, {began.UtcDateTime:yyyy-MM-dd} (UTC)\n");
            foreach (TimelineEntry entry in incident)
            {
                string who = entry.GuestName is { } name ? $"{name}: " : string.Empty;
                double seconds = (entry.At - began).TotalSeconds;
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"{Words.Clock(entry.At)} {seconds,9:+0.000} s  {SourceOf(entry),-8}{who}{entry.Text}\n");
            }
        }

        return text.ToString();
    }

    private static string SourceOf(TimelineEntry entry) => entry.Source switch
    {
        TimelineSource.HostKernel => "kernel",
        TimelineSource.Storage => "storage",
        TimelineSource.Guest => "guest",
        _ => "bridge",
    };
}
