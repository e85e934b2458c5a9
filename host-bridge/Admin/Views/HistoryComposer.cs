using HostBridge.Correlation;
using HostBridge.Incidents;

namespace HostBridge.Admin.Views;

/// <summary>
/// Joins the stories of guests with what happened to the storage under them. What follows within
/// <see cref="Pause"/> is one incident.
/// </summary>
internal static class HistoryComposer
{
    /// <summary>So long nothing happens between two incidents.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMinutes(15);

    /// <summary>Joins.</summary>
    /// <param name="story">The stories of guests, of one alone or of all.</param>
    /// <param name="timeline">The timelines of storage incidents.</param>
    /// <param name="isOneGuest">Whether only the storage of incidents in which these guests are counts.</param>
    /// <param name="most">The most incidents; the newest are kept.</param>
    public static HistoryDocument Compose(
        IReadOnlyList<IncidentEntry> story, IReadOnlyList<TimelineEntry> timeline, bool isOneGuest, int most)
    {
        HashSet<Guid> guests = [.. story.Select(entry => entry.Guest)];
        HashSet<string> itsIncidents =
        [
            .. timeline.Where(entry => entry.Guest is { } guest && guests.Contains(guest)).Select(entry => entry.Incident),
        ];

        // Of guests their stories tell, and more of it.
        IEnumerable<HistoryMoment> storage = timeline
            .Where(entry => entry.Guest is null && (!isOneGuest || itsIncidents.Contains(entry.Incident)))
            .Select(entry => new HistoryMoment
            {
                At = entry.At,
                Kind = entry.Source == TimelineSource.HostKernel ? "kernel" : "storage",
                LunGroup = entry.LunGroup,
                Text = entry.Text,
            });
        List<HistoryMoment> moments =
        [
            .. story.Select(entry => new HistoryMoment
            {
                At = entry.Time, Kind = entry.Kind, Guest = entry.Guest == Guid.Empty ? null : entry.Name, Text = entry.Text,
            }).Concat(storage).OrderBy(moment => moment.At),
        ];
        List<HistoryIncident> incidents = [.. Split(moments).Select(ToIncident)];
        return new HistoryDocument
        {
            Incidents = [.. incidents.TakeLast(most)], IsCut = incidents.Count > most,
        };
    }

    private static List<List<HistoryMoment>> Split(List<HistoryMoment> moments)
    {
        var incidents = new List<List<HistoryMoment>>();
        foreach (HistoryMoment moment in moments)
        {
            if (incidents.Count == 0 || moment.At - incidents[^1][^1].At > Pause)
            {
                incidents.Add([]);
            }

            incidents[^1].Add(moment);
        }

        return incidents;
    }

    private static HistoryIncident ToIncident(List<HistoryMoment> moments)
    {
        IReadOnlyList<string> guests =
            [.. moments.Select(moment => moment.Guest).OfType<string>().Distinct(StringComparer.Ordinal)];
        return new HistoryIncident
        {
            Began = moments[0].At,
            Ended = moments[^1].At,
            Guests = guests,
            LunGroups = [.. moments.Select(moment => moment.LunGroup).OfType<string>().Distinct(StringComparer.Ordinal)],
            Outcomes = guests.ToDictionary(guest => guest, guest => OutcomeOf(moments, guest), StringComparer.Ordinal),
            Moments = moments,
        };
    }

    private static string OutcomeOf(List<HistoryMoment> moments, string guest)
        => moments.FindLast(moment
            => moment.Guest == guest && moment.Kind is "proof" or "operator" or "gate" or "intent")?.Kind switch
        {
            "proof" => "proved",
            "operator" => "needs-operator",
            null => "nothing",
            _ => "open",
        };
}
