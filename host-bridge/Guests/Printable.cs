using System.Globalization;
using System.Text;

namespace HostBridge.Guests;

/// <summary>Makes foreign text safe to stand in a log line: one line, printable ASCII, bounded.</summary>
internal static class Printable
{
    /// <summary>The longest text that is kept of what a stranger wrote, in characters.</summary>
    public const int MaxLength = 200;

    /// <summary>Everything but printable ASCII, and the backslash itself, becomes <c>\xHH</c> or <c>\uHHHH</c>.</summary>
    public static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (char letter in text.AsSpan(0, Math.Min(text.Length, MaxLength)))
        {
            if (letter is >= ' ' and <= '~' and not '\\')
            {
                escaped.Append(letter);
            }
            else
            {
                escaped.Append(CultureInfo.InvariantCulture, $"{(letter <= 0xff ? $"\\x{(int)letter:x2}" : $"\\u{(int)letter:x4}")}");
            }
        }

        return text.Length > MaxLength ? escaped.Append("...").ToString() : escaped.ToString();
    }
}
