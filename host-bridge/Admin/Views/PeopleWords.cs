using System.Globalization;

namespace HostBridge.Admin.Views;

/// <summary>Times as people say them; the exact ones are in the documents.</summary>
internal static class PeopleWords
{
    /// <summary>How long: <c>25 s</c>, <c>4 min</c>, <c>2 h 5 min</c>, <c>3 days</c>.</summary>
    public static string Duration(TimeSpan span)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        TimeSpan duration = span < TimeSpan.Zero ? TimeSpan.Zero : span;
        return duration switch
        {
            { TotalSeconds: < 60 } => string.Create(culture, $"{duration.TotalSeconds:0} s"),
            { TotalMinutes: < 60 } => string.Create(culture, $"{(int)duration.TotalMinutes} min"),
            { TotalHours: < 24 } when duration.Minutes == 0 => string.Create(culture, $"{(int)duration.TotalHours} h"),
            { TotalHours: < 24 } => string.Create(culture, $"{(int)duration.TotalHours} h {duration.Minutes} min"),
            { TotalDays: < 2 } => "1 day",
            _ => string.Create(culture, $"{(int)duration.TotalDays} days"),
        };
    }

    /// <summary>How long ago: <c>4 min ago</c>, <c>just now</c>. What lies ahead, by a clock that differs, is now.</summary>
    public static string Ago(DateTimeOffset time, DateTimeOffset now)
        => now - time < TimeSpan.FromSeconds(1) ? "just now" : $"{Duration(now - time)} ago";

    /// <summary>When: <c>in 25 s</c>, <c>now</c>.</summary>
    public static string In(DateTimeOffset time, DateTimeOffset now)
        => time - now < TimeSpan.FromSeconds(1) ? "now" : $"in {Duration(time - now)}";

    /// <summary>A moment: <c>03:00:37</c> of today, else with its day; always UTC.</summary>
    public static string Clock(DateTimeOffset time, DateTimeOffset now)
        => time.UtcDateTime.ToString(
            time.UtcDateTime.Date == now.UtcDateTime.Date ? "HH:mm:ss" : "yyyy-MM-dd HH:mm:ss",
            CultureInfo.InvariantCulture);

    /// <summary>A size: <c>20 GiB</c>.</summary>
    public static string Size(long bytes)
    {
        const double Unit = 1024;
        string[] names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        double size = bytes;
        int name = 0;
        while (size >= Unit && name < names.Length - 1)
        {
            size /= Unit;
            name++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{size:0.#} {names[name]}");
    }
}
