namespace Benchmarks.Comparison;

/// <summary>A figure of two programs, each measured several times.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Other">The median of the other program.</param>
/// <param name="Own">The median of this one.</param>
/// <param name="Lowest">The lowest ratio that a run of this one has to the other's median.</param>
/// <param name="Highest">The highest.</param>
internal readonly record struct ComparedFigure(string Name, double Other, double Own, double Lowest, double Highest)
{
    /// <summary>This one's median by the other's: below 1 is less; infinite where the other's is 0.</summary>
    public double Ratio => Own / Other;
}

/// <summary>Compares figures by their names.</summary>
internal static class FigureComparison
{
    /// <summary>
    /// What both have measured, in the order of this one's. Figures that were the same in all runs, as the number of
    /// guests is, are left out.
    /// </summary>
    /// <param name="other">The figures of each run of the other program.</param>
    /// <param name="own">Those of each run of this one.</param>
    public static IReadOnlyList<ComparedFigure> Of(
        IEnumerable<IReadOnlyList<Figure>> other, IEnumerable<IReadOnlyList<Figure>> own)
    {
        ILookup<string, double> others = ByName(other);
        var compared = new List<ComparedFigure>();
        foreach (IGrouping<string, double> figure in ByName(own))
        {
            double[] before = [.. others[figure.Key]];
            if (before.Length > 0 && before.Concat(figure).Distinct().Count() > 1)
            {
                double median = Median(before);
                compared.Add(new ComparedFigure(
                    figure.Key, median, Median(figure), figure.Min() / median, figure.Max() / median));
            }
        }

        return compared;
    }

    private static ILookup<string, double> ByName(IEnumerable<IReadOnlyList<Figure>> runs)
        => runs.SelectMany(run => run).ToLookup(figure => figure.Name, figure => figure.Value);

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
