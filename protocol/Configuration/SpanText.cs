using System.Globalization;
using System.Text;

namespace Protocol.Configuration;

/// <summary>
/// Spans of time as people write them, in the form of systemd.time(7): <c>30s</c>, <c>5min</c>, <c>1h 30min</c>; a number
/// without a unit is seconds. Months and years, which have no fixed length, are none of it.
/// </summary>
public static class SpanText
{
    /// <summary>The longest span, so that no sum of two overflows.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(3650);

    private const int MaxNumberLength = 12;

    private static readonly (TimeSpan Length, string Name)[] Written =
    [
        (TimeSpan.FromDays(1), "d"), (TimeSpan.FromHours(1), "h"), (TimeSpan.FromMinutes(1), "min"),
        (TimeSpan.FromSeconds(1), "s"), (TimeSpan.FromMilliseconds(1), "ms"),
    ];

    /// <summary>Reads a span; false when it is none, or longer than <see cref="Longest"/>.</summary>
    public static bool TryParse(string text, out TimeSpan span)
    {
        span = TimeSpan.Zero;
        ReadOnlySpan<char> rest = text.AsSpan().Trim();
        if (rest.IsEmpty)
        {
            return false;
        }

        while (!rest.IsEmpty)
        {
            int digits = LengthOf(rest, letter => char.IsAsciiDigit(letter) || letter == '.');
            bool isNumber = double.TryParse(
                rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number);
            ReadOnlySpan<char> unit = rest[digits..].TrimStart();
            int letters = LengthOf(unit, char.IsAsciiLetter);
            if (!isNumber || digits > MaxNumberLength || LengthOfUnit(unit[..letters]) is not { } length
                || number * length.TotalSeconds > Longest.TotalSeconds)
            {
                return false;
            }

            span += TimeSpan.FromSeconds(number * length.TotalSeconds);
            rest = unit[letters..].TrimStart();
        }

        return span <= Longest;
    }

    /// <summary>Writes a span of whole milliseconds: <c>1h 30min</c>.</summary>
    public static string Write(TimeSpan span)
    {
        var text = new StringBuilder();
        foreach ((TimeSpan length, string name) in Written)
        {
            long count = span / length >= 1 ? (long)Math.Floor(span / length) : 0;
            if (count > 0)
            {
                text.Append(text.Length > 0 ? " " : string.Empty).Append(CultureInfo.InvariantCulture, $"{count}{name}");
                span -= count * length;
            }
        }

        return text.Length > 0 ? text.ToString() : "0s";
    }

    private static int LengthOf(ReadOnlySpan<char> text, Func<char, bool> belongs)
    {
        int length = 0;
        while (length < text.Length && belongs(text[length]))
        {
            length++;
        }

        return length;
    }

    private static TimeSpan? LengthOfUnit(ReadOnlySpan<char> unit) => unit switch
    {
        "ms" or "msec" => TimeSpan.FromMilliseconds(1),
        "" or "s" or "sec" or "second" or "seconds" => TimeSpan.FromSeconds(1),
        "m" or "min" or "minute" or "minutes" => TimeSpan.FromMinutes(1),
        "h" or "hr" or "hour" or "hours" => TimeSpan.FromHours(1),
        "d" or "day" or "days" => TimeSpan.FromDays(1),
        "w" or "week" or "weeks" => TimeSpan.FromDays(7),
        _ => null,
    };
}
