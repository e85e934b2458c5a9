using System.Globalization;
using System.Text;

namespace Protocol.Configuration;

/// <summary>One mistake in the configuration: where it stands, what it is about, and what is allowed.</summary>
/// <param name="Origin">Where it stands.</param>
/// <param name="Subject">The key, with its section where it has one; null when it is about the place itself.</param>
/// <param name="Text">What is wrong and what to do, for a person; one line, printable.</param>
public sealed record ConfigurationProblem(SettingOrigin Origin, string? Subject, string Text)
{
    /// <summary>So many problems are told; a file that is none at all has one a line.</summary>
    public const int MaxTold = 50;

    private const int MaxQuotedLength = 60;

    /// <summary>The problem on one line: <c>PATH:LINE: KEY: what is wrong; what to do</c>.</summary>
    public override string ToString()
        => Subject is null || Subject == Origin.Place.TrimStart('-')
            ? $"{Origin}: {Text}"
            : $"{Origin}: {Subject}: {Text}";

    /// <summary>The problems in the order of the files and their lines; those of the command line last.</summary>
    public static IReadOnlyList<ConfigurationProblem> InOrder(
        IEnumerable<ConfigurationProblem> problems, IReadOnlyList<IniDocument> files)
    {
        Dictionary<string, int> order = files.Index()
            .DistinctBy(file => file.Item.Path).ToDictionary(file => file.Item.Path, file => file.Index);
        return
        [
            .. problems.OrderBy(problem => order.GetValueOrDefault(problem.Origin.Place, int.MaxValue))
                .ThenBy(problem => problem.Origin.Line),
        ];
    }

    /// <summary>The problems, a line each; of very many the first, and how many there are besides.</summary>
    public static IReadOnlyList<string> ToLines(IReadOnlyList<ConfigurationProblem> problems)
    {
        IEnumerable<string> told = problems.Take(MaxTold).Select(problem => problem.ToString());
        return problems.Count <= MaxTold
            ? [.. told]
            : [.. told, $"and {problems.Count - MaxTold} more mistakes; mend these first"];
    }

    /// <summary>
    /// What somebody wrote, in quotes, so that it can stand in a message: cut where it is long, and with what a terminal
    /// or a log would not print as it is written as <c>\u0000</c>.
    /// </summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (char letter in text.AsSpan(0, Math.Min(text.Length, MaxQuotedLength)))
        {
            if (char.IsControl(letter) || char.IsSurrogate(letter) || letter > 0x7e)
            {
                quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}");
            }
            else
            {
                quoted.Append(letter);
            }
        }

        return quoted.Append(text.Length > MaxQuotedLength ? "...\"" : "\"").ToString();
    }
}
