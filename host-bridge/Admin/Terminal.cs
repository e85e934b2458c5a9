using HostBridge.Admin.Views;
using HostBridge.Guests;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace HostBridge.Admin;

/// <summary>
/// Lays views out for people: on a terminal as wide as that is, and with colours unless NO_COLOR is set
/// (https://no-color.org); elsewhere plain, one row a line. What came from a guest cannot steer the terminal.
/// </summary>
/// <param name="output">Where it is written.</param>
/// <param name="width">How wide that is, in columns; null for no terminal.</param>
/// <param name="hasColours">Whether there are colours.</param>
internal sealed class Terminal(TextWriter output, int? width, bool hasColours)
{
    /// <summary>Wide enough for any row: none is broken where no terminal is.</summary>
    private const int Unlimited = 4000;
    private const int MaxCell = 1500;

    /// <summary>The terminal of this process.</summary>
    public static Terminal OfProcess()
    {
        bool isTerminal = !Console.IsOutputRedirected;
        bool wantsColours = string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
            && Environment.GetEnvironmentVariable("TERM") != "dumb";
        return new Terminal(Console.Out, isTerminal ? Math.Max(40, Console.WindowWidth) : null, isTerminal && wantsColours);
    }

    /// <summary>Whether somebody looks at it.</summary>
    public bool IsWatched => width is not null;

    /// <summary>Writes a view.</summary>
    public void Write(IReadOnlyList<Block> blocks)
    {
        using var text = new StringWriter();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = hasColours ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = hasColours ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = width ?? Unlimited;
        foreach (Block block in blocks)
        {
            console.Write(ToRenderable(block));
        }

        foreach (string line in text.ToString().TrimEnd('\n').Split('\n'))
        {
            output.Write(line.TrimEnd() + "\n");
        }

        output.Flush();
    }

    /// <summary>Begins a view anew where the last one was; elsewhere sets it apart by an empty line.</summary>
    public void Clear() => output.Write(IsWatched ? "\e[H\e[2J\e[3J" : "\n");

    private static IRenderable ToRenderable(Block block) => block switch
    {
        Block.Line { Text.Length: 0 } => new Text("\n"),
        Block.Line line => new Padder(new Text(Clean(line.Text), StyleOf(line.Tone)), new Padding(line.Indent, 0, 0, 0)),
        Block.Grid grid => new Padder(ToTable(grid), new Padding(grid.Indent, 0, 0, 0)),
        _ => throw new ArgumentOutOfRangeException(nameof(block), block, "is no block"),
    };

    private static Table ToTable(Block.Grid grid)
    {
        var table = new Table { Border = TableBorder.None, ShowHeaders = grid.Header.Count > 0 };
        int columns = grid.Header.Count > 0 ? grid.Header.Count : grid.Rows[0].Count;
        for (int column = 0; column < columns; column++)
        {
            bool isLast = column == columns - 1;
            string name = grid.Header.Count > 0 ? grid.Header[column] : string.Empty;
            table.AddColumn(new TableColumn(new Text(name, StyleOf(Tone.Heading)))
            {
                NoWrap = !isLast,
                Padding = new Padding(0, 0, isLast ? 0 : 2, 0),
            });
        }

        foreach (IReadOnlyList<Block.Cell> row in grid.Rows)
        {
            table.AddRow(row.Select(cell => new Text(Clean(cell.Text), StyleOf(cell.Tone))));
        }

        return table;
    }

    private static string Clean(string text) => Printable.Escape(text, MaxCell);

    private static Style StyleOf(Tone tone) => tone switch
    {
        Tone.Good => new Style(Color.Green),
        Tone.Warning => new Style(Color.Olive),
        Tone.Bad => new Style(Color.Maroon, decoration: Decoration.Bold),
        Tone.Muted => new Style(Color.Grey),
        Tone.Heading => new Style(decoration: Decoration.Bold),
        _ => Style.Plain,
    };
}
