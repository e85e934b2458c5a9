using System.Globalization;
using System.Text;

namespace HostBridge.Guests;

/// <summary>Makes foreign text safe to stand in a log line: one line, printable ASCII, bounded.</summary>
internal static class Printable
{
    /// <summary>
    /// Everything but printable ASCII, and the backslash itself, becomes <c>\xHH</c> or <c>\uHHHH</c>; what is longer
    /// than <paramref name="maxLength"/> characters is cut.
    /// </summary>
    public static string Escape(string text, int maxLength = 200)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (char letter in text.AsSpan(0, Math.Min(text.Length, maxLength)))
        {
            if (letter is >= ' ' and <= '~' and not '\\')
            {
                escaped.Append(letter);
            }
            else if (letter <= '\xff')
            {
                escaped.Append(CultureInfo.InvariantCulture, $"\\x{(int)letter:x2}");
            }
            else
            {
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}");
            }
        }

        return text.Length > maxLength ? escaped.Append("...").ToString() : escaped.ToString();
    }
}
