using System.Globalization;
using HostBridge.Recovery;
using Protocol.Configuration;

namespace HostBridge.Configuration;

/// <summary>
/// A maintenance window: <c>Sat 22:00 UTC for 4h</c> is every week, <c>2026-12-24 18:00 UTC for 12h</c> is once. The
/// <c>UTC</c> must be written: who leaves it out is thinking of another clock.
/// </summary>
internal sealed class MaintenanceWindowKind : ValueKind<MaintenanceWindow>
{
    private const string DateForm = "yyyy-MM-dd";
    private const string TimeForm = "HH:mm";

    private static readonly TimeSpan Shortest = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestWeekly = TimeSpan.FromDays(7);

    /// <inheritdoc/>
    public override string Allowed => "DAY HH:MM UTC for TIME, like Sat 22:00 UTC for 4h, or YYYY-MM-DD HH:MM UTC for TIME";

    /// <inheritdoc/>
    public override string? Read(string text, out MaintenanceWindow value)
    {
        value = null!;
        string[] words = text.Split((char[]?)null, 5, StringSplitOptions.RemoveEmptyEntries);
        if (words is not [var day, var clock, "UTC", "for", var length]
            || !TimeOnly.TryParseExact(clock, TimeForm, CultureInfo.InvariantCulture, DateTimeStyles.None, out TimeOnly time)
            || !SpanText.TryParse(length, out TimeSpan span) || span < Shortest)
        {
            return text;
        }

        if (DateOnly.TryParseExact(day, DateForm, CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly date))
        {
            var begins = new DateTimeOffset(date, time, TimeSpan.Zero);
            if (DateTimeOffset.MaxValue - begins <= span)
            {
                return text;
            }

            value = new MaintenanceWindow.Once(begins, begins + span);
            return null;
        }

        if (DayOf(day) is not { } weekday || span > LongestWeekly)
        {
            return text;
        }

        value = new MaintenanceWindow.Weekly(weekday, time, span);
        return null;
    }

    /// <inheritdoc/>
    public override string Write(MaintenanceWindow value) => value switch
    {
        MaintenanceWindow.Weekly weekly => string.Create(
            CultureInfo.InvariantCulture,
            $"{weekly.Day.ToString()[..3]} {weekly.Begins:HH':'mm} UTC for {SpanText.Write(weekly.Length)}"),
        MaintenanceWindow.Once once => string.Create(
            CultureInfo.InvariantCulture,
            $"{once.Begins:yyyy-MM-dd HH':'mm} UTC for {SpanText.Write(once.Ends - once.Begins)}"),
        _ => throw new InvalidOperationException($"{value.GetType().Name} is no window that is known here"),
    };

    /// <summary>By its English name, or the first three letters of it, as systemd.time(7) has them.</summary>
    private static DayOfWeek? DayOf(string word)
        => Enum.GetValues<DayOfWeek>()
            .Where(day => word.Equals(day.ToString(), StringComparison.OrdinalIgnoreCase)
                || word.Equals(day.ToString()[..3], StringComparison.OrdinalIgnoreCase))
            .Select(day => (DayOfWeek?)day)
            .FirstOrDefault();
}
