using System.Globalization;

namespace HostBridge.Correlation;

/// <summary>How a timeline puts names and times into words. Pure.</summary>
internal static class Words
{
    /// <summary>A list for a person names this many and counts the rest.</summary>
    private const int MaxNames = 20;

    /// <summary><c>g1, g2 and 3 more</c>.</summary>
    public static string List(IReadOnlyList<string> names, int most = MaxNames)
        => names.Count <= most
            ? string.Join(", ", names)
            : $"{string.Join(", ", names.Take(most))} and {Text(names.Count - most)} more";

    /// <summary>The time of a day in UTC, as every line of a timeline has it.</summary>
    public static string Clock(DateTimeOffset at)
        => at.UtcDateTime.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);

    /// <summary>A duration in its two largest units: <c>2 d 3 h</c>, <c>4 min 7 s</c>, <c>0.25 s</c>.</summary>
    public static string Duration(TimeSpan time)
        => time.Duration() switch
        {
            { TotalDays: >= 1 } days => $"{Text((int)days.TotalDays)} d {Text(days.Hours)} h",
            { TotalHours: >= 1 } hours => $"{Text(hours.Hours)} h {Text(hours.Minutes)} min",
            { TotalMinutes: >= 1 } minutes => $"{Text(minutes.Minutes)} min {Text(minutes.Seconds)} s",
            var seconds => string.Create(CultureInfo.InvariantCulture, $"{seconds.TotalSeconds:0.##} s"),
        };

    /// <summary>A number, as everybody writes it.</summary>
    public static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
