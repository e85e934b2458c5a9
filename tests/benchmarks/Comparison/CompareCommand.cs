using System.Globalization;
using Spectre.Console;

namespace Benchmarks.Comparison;

/// <summary>Prints what two commits have measured, side by side.</summary>
internal static class CompareCommand
{
    /// <summary>0; 1 when they have no figure in common.</summary>
    /// <param name="arguments">The name of the other commit and its outputs, <c>this</c> and this one's outputs.</param>
    public static int Run(string[] arguments)
    {
        int own = Array.LastIndexOf(arguments, "this");
        IReadOnlyList<ComparedFigure> figures = FigureComparison.Of(
            arguments[1..own].Select(Read), arguments[(own + 1)..].Select(Read));
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("figure", Markup.Escape(arguments[0]), "this", "ratio", "of single runs");
        foreach (ComparedFigure figure in figures)
        {
            table.AddRow(
                Markup.Escape(figure.Name), Text(figure.Other), Text(figure.Own), Text(figure.Ratio),
                $"{Text(figure.Lowest)} to {Text(figure.Highest)}");
        }

        AnsiConsole.Profile.Width = 160;
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(
            $"Medians of {own - 1} runs and {arguments.Length - own - 1}, in turns; what was the same in all is left out.");
        return figures.Count > 0 ? 0 : 1;
    }

    private static IReadOnlyList<Figure> Read(string file) => FigureReader.Read(File.ReadLines(file));

    private static string Text(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);
}
