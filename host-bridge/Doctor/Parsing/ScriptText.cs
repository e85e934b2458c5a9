using System.Text.RegularExpressions;

namespace HostBridge.Doctor.Parsing;

/// <summary>Finds in a script, a crontab or a unit the lines that some rule is about.</summary>
internal static partial class ScriptText
{
    private const int MaxLineLength = 1000;

    /// <summary>
    /// The lines of interest, printable and cut. Comments are left out; lines that end with a backslash are one with
    /// the next; a shutdown is looked at together with the line after it.
    /// </summary>
    public static IReadOnlyList<ScriptLine> Find(string text, string path)
    {
        var found = new List<ScriptLine>();
        (int Number, string Text) before = default;
        foreach ((int number, string line) in Commands(text))
        {
            if (before.Text is { } earlier && Shutdown().IsMatch(earlier)
                && ScriptRules.IsOfInterest($"{earlier}; {line}") && !ScriptRules.IsOfInterest(earlier))
            {
                found.Add(new ScriptLine(path, before.Number, $"{earlier}; {line}"));
            }
            else if (ScriptRules.IsOfInterest(line))
            {
                found.Add(new ScriptLine(path, number, line));
            }

            before = (number, line);
        }

        return found;
    }

    /// <summary>The absolute paths that a crontab or a unit runs or hands on.</summary>
    public static IReadOnlyList<string> ProgramsIn(string text)
        => [.. Commands(text).SelectMany(line => Program().Matches(line.Text)).Select(match => match.Value).Distinct()];

    private static List<(int Number, string Text)> Commands(string text)
    {
        var commands = new List<(int Number, string Text)>();
        string joined = string.Empty;
        int number = 0;
        int begin = 1;
        foreach (string raw in text.Split('\n'))
        {
            number++;
            string line = joined + raw.Trim();
            if (joined.Length == 0)
            {
                begin = number;
            }

            if (line.EndsWith('\\') && line.Length < MaxLineLength)
            {
                joined = $"{line[..^1]} ";
                continue;
            }

            joined = string.Empty;
            if (line.Length > 0 && line[0] != '#')
            {
                commands.Add((begin, line.Length > MaxLineLength ? line[..MaxLineLength] : line));
            }
        }

        return commands;
    }

    [GeneratedRegex(@"\b(?:xm|xl)\s+shutdown\b")]
    private static partial Regex Shutdown();

    [GeneratedRegex(@"(?<![\w.$}])/(?:[\w.+@-]+/)*[\w.+@-]+")]
    private static partial Regex Program();
}
