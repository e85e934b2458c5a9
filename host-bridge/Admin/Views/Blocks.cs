namespace HostBridge.Admin.Views;

/// <summary>How something is to be taken; a colour where there are any.</summary>
internal enum Tone
{
    /// <summary>As it is.</summary>
    Plain = 0,

    /// <summary>Well.</summary>
    Good,

    /// <summary>To be looked at.</summary>
    Warning,

    /// <summary>Wrong.</summary>
    Bad,

    /// <summary>Of less weight.</summary>
    Muted,

    /// <summary>What heads something.</summary>
    Heading,
}

/// <summary>A piece of a view for people; how it is laid out is the terminal's matter.</summary>
internal abstract record Block
{
    private Block()
    {
    }

    /// <summary>A line, broken where the terminal ends.</summary>
    /// <param name="Text">The text; empty for an empty line.</param>
    /// <param name="Tone">How it is to be taken.</param>
    /// <param name="Indent">How far it is moved to the right, in columns.</param>
    internal sealed record Line(string Text, Tone Tone = Tone.Plain, int Indent = 0) : Block;

    /// <summary>A table.</summary>
    /// <param name="Header">The names of its columns; none for a table without.</param>
    /// <param name="Rows">Its rows, each with as many cells as there are columns.</param>
    /// <param name="Indent">How far it is moved to the right, in columns.</param>
    internal sealed record Grid(IReadOnlyList<string> Header, IReadOnlyList<IReadOnlyList<Cell>> Rows, int Indent = 0) : Block;

    /// <summary>A cell of a table; the last one of a row is broken where the terminal ends.</summary>
    /// <param name="Text">The text.</param>
    /// <param name="Tone">How it is to be taken.</param>
    internal readonly record struct Cell(string Text, Tone Tone = Tone.Plain)
    {
        /// <summary>A text as it is.</summary>
        public static implicit operator Cell(string text) => new(text);
    }
}
