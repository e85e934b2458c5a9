using System.Globalization;
using System.Text;

namespace Protocol.Health;

/// <summary>
/// Percent-encoding (RFC 3986 section 2.1) of arbitrary bytes into printable ASCII that needs no quoting in a
/// space-separated line: <c>A-Z a-z 0-9 / . _ - + @</c> stand for themselves.
/// </summary>
public static class PercentEncoding
{
    /// <summary>Encodes bytes.</summary>
    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        foreach (byte value in bytes)
        {
            if (IsPlain((char)value))
            {
                text.Append((char)value);
            }
            else
            {
                text.Append('%').Append(value.ToString("X2", CultureInfo.InvariantCulture));
            }
        }

        return text.ToString();
    }

    /// <summary>Encodes text as UTF-8.</summary>
    public static string Encode(string text) => Encode(Encoding.UTF8.GetBytes(text));

    /// <summary>Decodes; false when an escape is cut short or is not hexadecimal.</summary>
    public static bool TryDecode(string text, out byte[] bytes)
    {
        bytes = [];
        var decoded = new List<byte>(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                if (text[i] > 0x7e)
                {
                    return false;
                }

                decoded.Add((byte)text[i]);
                continue;
            }

            if (i + 2 >= text.Length
                || !char.IsAsciiHexDigit(text[i + 1])
                || !char.IsAsciiHexDigit(text[i + 2]))
            {
                return false;
            }

            decoded.Add(byte.Parse(text.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            i += 2;
        }

        bytes = [.. decoded];
        return true;
    }

    /// <summary>
    /// Decodes to text for a person: bytes that are not UTF-8 become U+FFFD. Null when the escapes are malformed.
    /// </summary>
    public static string? TryDecodeText(string text)
        => TryDecode(text, out byte[] bytes) ? Encoding.UTF8.GetString(bytes) : null;

    private static bool IsPlain(char letter)
        => char.IsAsciiLetterOrDigit(letter) || letter is '/' or '.' or '_' or '-' or '+' or '@';
}
