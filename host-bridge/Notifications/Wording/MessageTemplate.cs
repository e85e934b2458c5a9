using System.Text;

namespace HostBridge.Notifications.Wording;

/// <summary>
/// A text with names in braces, <c>{host}: {title}</c>; <c>{{</c> and <c>}}</c> are a brace. What stands for a name is
/// put in once and not looked at again, so no guest can bring braces of its own.
/// </summary>
/// <remarks>
/// Substitution and no language: the libraries with conditions and loops bind members by reflection. Fluid 2.41
/// publishes as NativeAOT with warnings (IL2104, IL3053) and makes the program 4 MB larger. What differs from notice to
/// notice is put into words before the template is filled in.
/// </remarks>
internal sealed class MessageTemplate
{
    private readonly List<(string Text, bool IsName)> _parts;

    private MessageTemplate(List<(string Text, bool IsName)> parts) => _parts = parts;

    /// <summary>Reads a template.</summary>
    /// <param name="text">The text.</param>
    /// <param name="error">What is wrong with it, for a person; null when nothing is.</param>
    /// <returns>The template; null when something is wrong with it.</returns>
    public static MessageTemplate? TryParse(string text, out string? error)
    {
        var parts = new List<(string, bool)>();
        var plain = new StringBuilder();
        error = null;
        int at = 0;
        while (at < text.Length && error is null)
        {
            char letter = text[at];
            if (letter is not ('{' or '}'))
            {
                plain.Append(letter);
                at++;
            }
            else if (at + 1 < text.Length && text[at + 1] == letter)
            {
                plain.Append(letter);
                at += 2;
            }
            else
            {
                int end = letter == '{' ? text.IndexOf('}', at) : -1;
                string name = end < 0 ? string.Empty : text[(at + 1)..end];
                error = WhyNoName(letter, end, name);
                parts.Add((plain.ToString(), false));
                parts.Add((name, true));
                plain.Clear();
                at = end + 1;
            }
        }

        parts.Add((plain.ToString(), false));
        return error is null ? new MessageTemplate(parts) : null;
    }

    /// <summary>Fills it in.</summary>
    /// <param name="values">A value for every name of <see cref="MessageFields.Names"/>.</param>
    public string Fill(IReadOnlyDictionary<string, string> values)
        => string.Concat(_parts.Select(part => part.IsName ? values[part.Text] : part.Text));

    private static string? WhyNoName(char brace, int end, string name)
        => brace == '}' ? "a } stands alone; write }} for a brace"
            : end < 0 ? "a { has no }; write {{ for a brace"
            : MessageFields.Names.Contains(name) ? null
            : $"{{{name}}} is no name; the names are {string.Join(", ", MessageFields.Names)}";
}
