using System.Globalization;

namespace HostBridge.Admin.Views;

/// <summary>Reads how long something lasts, as people write it.</summary>
internal static class SpanText
{
    private const int MaxDigits = 6;

    /// <summary>
    /// A number and its unit, also several: <c>90s</c>, <c>2h</c>, <c>1h30m</c>, <c>2d</c>; null for anything else.
    /// </summary>
    public static TimeSpan? TryParse(string text)
    {
        TimeSpan sum = TimeSpan.Zero;
        int at = 0;
        while (at < text.Length)
        {
            int digits = 0;
            while (at + digits < text.Length && char.IsAsciiDigit(text[at + digits]))
            {
                digits++;
            }

            if (digits is 0 or > MaxDigits || at + digits == text.Length
                || UnitOf(text[at + digits]) is not { } unit)
            {
                return null;
            }

            sum += unit * int.Parse(text.AsSpan(at, digits), NumberStyles.None, CultureInfo.InvariantCulture);
            at += digits + 1;
        }

        return sum > TimeSpan.Zero ? sum : null;
    }

    private static TimeSpan? UnitOf(char letter) => letter switch
    {
        's' => TimeSpan.FromSeconds(1),
        'm' => TimeSpan.FromMinutes(1),
        'h' => TimeSpan.FromHours(1),
        'd' => TimeSpan.FromDays(1),
        _ => null,
    };
}
