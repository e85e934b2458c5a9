using System.Text;

namespace HostBridge.Toolstacks.Parsing;

/// <summary>
/// Reads a guest's definition, xl.cfg(5): <c>name = value</c>, where a value is a string in either quotes, a number or
/// a list in brackets over any number of lines. What xm allowed beyond that, which is any Python, is left out.
/// </summary>
internal static class GuestConfigFile
{
    private static readonly string[] Telling = ["disk", "kernel", "memory", "builder", "type", "bootloader"];

    /// <summary>The definition; null when the text is none.</summary>
    public static GuestConfig? Parse(string text, string path)
    {
        var values = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        int position = 0;
        while (position < text.Length)
        {
            if (ReadName(text, ref position) is { } name)
            {
                values[name] = ReadValue(text, ref position);
            }

            SkipLine(text, ref position);
        }

        return values.ContainsKey("name") && Telling.Any(values.ContainsKey) ? new GuestConfig(path, values) : null;
    }

    /// <summary>A name with its equals sign at the beginning of a line; null when there is none.</summary>
    private static string? ReadName(string text, ref int position)
    {
        SkipBlanks(text, ref position);
        int begin = position;
        while (position < text.Length && (char.IsAsciiLetterOrDigit(text[position]) || text[position] == '_'))
        {
            position++;
        }

        string name = text[begin..position];
        SkipBlanks(text, ref position);
        if (name.Length == 0 || position >= text.Length || text[position] != '=')
        {
            return null;
        }

        position++;
        return name;
    }

    private static List<string> ReadValue(string text, ref int position)
    {
        var values = new List<string>();
        SkipBlanks(text, ref position);
        if (position < text.Length && text[position] == '[')
        {
            position++;
            while (position < text.Length && text[position] != ']')
            {
                char letter = text[position];
                if (letter is '"' or '\'')
                {
                    values.Add(ReadString(text, ref position));
                }
                else if (letter == '#')
                {
                    SkipLine(text, ref position);
                }
                else
                {
                    position++;
                }
            }

            position = Math.Min(text.Length, position + 1);
        }
        else if (position < text.Length && text[position] is ('"' or '\''))
        {
            values.Add(ReadString(text, ref position));
        }
        else
        {
            int begin = position;
            while (position < text.Length && text[position] is not ('\n' or '#' or ';'))
            {
                position++;
            }

            values.Add(text[begin..position].Trim());
        }

        return values;
    }

    private static string ReadString(string text, ref int position)
    {
        char quote = text[position++];
        var value = new StringBuilder();
        while (position < text.Length && text[position] != quote)
        {
            if (text[position] == '\\' && position + 1 < text.Length)
            {
                position++;
            }

            value.Append(text[position++]);
        }

        position = Math.Min(text.Length, position + 1);
        return value.ToString();
    }

    private static void SkipBlanks(string text, ref int position)
    {
        while (position < text.Length && text[position] is (' ' or '\t' or '\r'))
        {
            position++;
        }
    }

    private static void SkipLine(string text, ref int position)
    {
        int end = text.IndexOf('\n', position);
        position = end < 0 ? text.Length : end + 1;
    }
}
