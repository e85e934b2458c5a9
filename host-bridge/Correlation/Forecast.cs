using HostBridge.Recovery;

namespace HostBridge.Correlation;

/// <summary>What the loss of disks will do to the guests on them, known before any of them says a word. Pure.</summary>
internal static class Forecast
{
    private const int MaxCauses = 3;

    /// <summary><c>session1 to iqn.… is FAILED: will hit g1, g2 when replacement_timeout (5 s) is over</c>.</summary>
    /// <param name="lost">The disks.</param>
    /// <param name="guests">The names of the guests on them.</param>
    public static string Of(IReadOnlyList<DiskCondition> lost, IReadOnlyList<string> guests)
    {
        string causes = Words.List([.. lost.Select(CauseOf).Distinct(StringComparer.Ordinal)], MaxCauses);
        string names = Words.List([.. guests.Order(StringComparer.Ordinal)]);
        List<int> timeouts = [.. lost.Select(disk => disk.RecoveryTimeoutSeconds).OfType<int>()];
        if (timeouts.Count < lost.Count)
        {
            return $"{causes}: hits {names}";
        }

        return timeouts.FindAll(seconds => seconds >= 0) is { Count: > 0 } limited
            ? $"{causes}: will hit {names} when replacement_timeout ({Words.Text(limited.Min())} s) is over"
            : $"{causes}: {names} will hang as long as it lasts (replacement_timeout -1)";
    }

    /// <summary>The way that is lost says more than the disk it leads to.</summary>
    private static string CauseOf(DiskCondition disk)
    {
        List<PartState> bad = [.. disk.Parts.Where(part => !part.IsWell)];
        if (bad.Count == 0)
        {
            return disk.Text;
        }

        int way = bad.FindIndex(part => part.Kind == PartKind.Way);
        PartState cause = bad[Math.Max(0, way)];
        return $"{cause.Part} is {cause.State}";
    }
}
