using System.Text;
using HostBridge.Admin.Views;
using HostBridge.Guests;

namespace HostBridge.Admin;

/// <summary>
/// Lays views out for people: on a terminal as wide as that is, and with colours unless NO_COLOR is set
/// (https://no-color.org); elsewhere plain, one row a line. What came from a guest cannot steer the terminal.
/// A thousand rows take a few milliseconds, as they must when a SAN failed and somebody watches.
/// </summary>
/// <param name="output">Where it is written.</param>
/// <param name="width">How wide that is, in columns; null for no terminal.</param>
/// <param name="hasColours">Whether there are colours.</param>
internal sealed class Terminal(TextWriter output, int? width, bool hasColours)
{
    private const int MaxCell = 1500;
    private const int Gap = 2;

    /// <summary>However narrow the terminal is, words get this room.</summary>
    private const int LeastRoom = 20;
    private const string Reset = "\e[0m";

    /// <summary>The terminal of this process.</summary>
    public static Terminal OfProcess()
    {
        bool isTerminal = !Console.IsOutputRedirected;
        bool wantsColours = string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
            && Environment.GetEnvironmentVariable("TERM") != "dumb";
        return new Terminal(Console.Out, isTerminal ? Console.WindowWidth : null, isTerminal && wantsColours);
    }

    /// <summary>Whether somebody looks at it.</summary>
    public bool IsWatched => width is not null;

    /// <summary>Writes a view.</summary>
    public void Write(IReadOnlyList<Block> blocks)
    {
        var text = new StringBuilder();
        foreach (Block block in blocks)
        {
            switch (block)
            {
                case Block.Line line:
                    text.Append(' ', line.Text.Length > 0 ? line.Indent : 0);
                    AppendWrapped(text, Clean(line.Text), line.Tone, line.Indent);
                    break;
                case Block.Grid grid:
                    AppendGrid(text, grid);
                    break;
                default:
                    throw new ArgumentException($"{block.GetType().Name} is no block that is known here", nameof(blocks));
            }
        }

        output.Write(text);
        output.Flush();
    }

    /// <summary>Begins a view anew where the last one was; elsewhere sets it apart by an empty line.</summary>
    public void Clear() => output.Write(IsWatched ? "\e[H\e[2J\e[3J" : "\n");

    private void AppendGrid(StringBuilder text, Block.Grid grid)
    {
        List<Block.Cell[]> rows = [.. grid.Rows.Select(row => Array.ConvertAll([.. row], Cleaned))];
        if (grid.Header.Count > 0)
        {
            rows.Insert(0, [.. grid.Header.Select(name => new Block.Cell(name, Tone.Heading))]);
        }

        int last = rows[0].Length - 1;
        int[] widths = [.. Enumerable.Range(0, last).Select(column => rows.Max(row => row[column].Text.Length))];
        foreach (Block.Cell[] row in rows)
        {
            text.Append(' ', grid.Indent);
            for (int column = 0; column < last; column++)
            {
                AppendToned(text, row[column].Text, row[column].Tone);
                text.Append(' ', widths[column] - row[column].Text.Length + Gap);
            }

            AppendWrapped(text, row[last].Text, row[last].Tone, grid.Indent + widths.Sum() + (Gap * last));
        }
    }

    private static Block.Cell Cleaned(Block.Cell cell) => cell with { Text = Clean(cell.Text) };

    /// <summary>Ends the line; what does not fit goes on below, where it began.</summary>
    private void AppendWrapped(StringBuilder text, string words, Tone tone, int offset)
    {
        int room = width is { } columns ? Math.Max(LeastRoom, columns - offset) : int.MaxValue;
        while (words.Length > room)
        {
            int end = words.LastIndexOf(' ', room);
            bool isAtSpace = end > 0;
            AppendToned(text, words[..(isAtSpace ? end : room)], tone);
            text.Append('\n').Append(' ', offset);
            words = words[(isAtSpace ? end + 1 : room)..];
        }

        AppendToned(text, words, tone);
        text.Append('\n');
    }

    private void AppendToned(StringBuilder text, string words, Tone tone)
    {
        string code = hasColours && words.Length > 0 ? CodeOf(tone) : string.Empty;
        text.Append(code).Append(words).Append(code.Length > 0 ? Reset : string.Empty);
    }

    private static string Clean(string text) => Printable.Escape(text, MaxCell);

    private static string CodeOf(Tone tone) => tone switch
    {
        Tone.Good => "\e[32m",
        Tone.Warning => "\e[33m",
        Tone.Bad => "\e[1;31m",
        Tone.Muted => "\e[90m",
        Tone.Heading => "\e[1m",
        _ => string.Empty,
    };
}
