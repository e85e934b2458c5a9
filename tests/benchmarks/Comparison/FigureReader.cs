using System.Globalization;
using System.Text.RegularExpressions;

namespace Benchmarks.Comparison;

/// <summary>
/// Finds the figures in what a benchmark printed for people: tables of Markdown, tables whose columns are two or more
/// spaces apart, and numbers in sentences. So it reads the output of older commits as well.
/// </summary>
internal static partial class FigureReader
{
    private const char Bar = '|';

    /// <summary>All figures, in the order of the text; one name may occur several times, as in rows of rounds.</summary>
    public static IReadOnlyList<Figure> Read(IEnumerable<string> lines)
    {
        var figures = new List<Figure>();
        string[] columns = [];
        bool isMarkdown = false;
        foreach (string line in lines)
        {
            if (line.StartsWith(Bar))
            {
                string[] cells = [.. line.Trim().Trim(Bar).Split(Bar).Select(cell => cell.Trim())];
                if (!isMarkdown)
                {
                    columns = cells;
                }
                else if (!Array.TrueForAll(cells, cell => cell.Trim('-', ':').Length == 0))
                {
                    AddRow(figures, columns, cells);
                }

                isMarkdown = true;
                continue;
            }

            if (isMarkdown)
            {
                (isMarkdown, columns) = (false, []);
            }

            string[] parts = Gap().Split(line.TrimEnd());
            if (parts.Length > 2 && !Array.Exists(parts, IsNumber))
            {
                columns = parts;
            }
            else if (parts.Length > 2 && parts.Length == columns.Length)
            {
                AddRow(figures, columns, parts);
            }
            else
            {
                columns = [];
                AddSentence(figures, line);
            }
        }

        return figures;
    }

    private static void AddRow(List<Figure> figures, string[] columns, string[] cells)
    {
        string row = string.Join(", ", cells.Where(cell => cell.Length > 0 && !IsNumber(cell)));
        for (int at = 0; at < cells.Length && at < columns.Length; at++)
        {
            if (IsNumber(cells[at]))
            {
                figures.Add(new Figure($"{row}: {columns[at]}", Parse(Number().Match(cells[at]).Value)));
            }
        }
    }

    /// <summary>
    /// The name of a number is its clause, without numbers, after the clauses before it that hold none. What stands in
    /// parentheses with a number, as a limit does, is no figure.
    /// </summary>
    private static void AddSentence(List<Figure> figures, string line)
    {
        var subject = new List<string>();
        bool isSubjectComplete = false;
        foreach (string clause in Clause().Split(Aside().Replace(line, string.Empty)))
        {
            MatchCollection numbers = Number().Matches(clause);
            if (numbers.Count == 0 && isSubjectComplete)
            {
                subject.Clear();
                isSubjectComplete = false;
            }

            if (numbers.Count == 0)
            {
                subject.Add(clause.Trim());
                continue;
            }

            isSubjectComplete = true;
            string about = subject.Count == 0 ? string.Empty : $"{string.Join(", ", subject)}: ";
            string name = about + Number().Replace(clause, "#").Trim();
            for (int at = 0; at < numbers.Count; at++)
            {
                figures.Add(new Figure(at == 0 ? name : $"{name} [{at + 1}]", Parse(numbers[at].Value)));
            }
        }
    }

    /// <summary>Whether a cell is a number, or one with its unit.</summary>
    private static bool IsNumber(string cell) => NumberCell().IsMatch(cell);

    private static double Parse(string number)
        => double.Parse(number, NumberStyles.Float | NumberStyles.AllowThousands, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(?<![\w./:-])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\w/:-]|\.\d|,\d)")]
    private static partial Regex Number();

    [GeneratedRegex(@"^-?\d+(?:,\d{3})*(?:\.\d+)?(?: ?(?:%|[a-zA-Z]{1,3}))?$")]
    private static partial Regex NumberCell();

    [GeneratedRegex(@"[,;:] |\. ")]
    private static partial Regex Clause();

    [GeneratedRegex(@" \([^()]*\d[^()]*\)")]
    private static partial Regex Aside();

    [GeneratedRegex(@"\s{2,}")]
    private static partial Regex Gap();
}
