using Benchmarks.Comparison;
using Xunit;

namespace Tests.Unit.Benchmarks;

/// <summary>The figures in what benchmarks print, and their ratios.</summary>
public sealed class FigureTests
{
    private static IReadOnlyList<Figure> Read(string text) => FigureReader.Read(text.Split('\n'));

    [Fact]
    public void A_markdown_table_has_a_figure_in_each_cell_with_a_number()
        => Assert.Equal(
            [new("triggered, from the line: p50", 6.1), new("triggered, from the line: max", 1240)],
            Read("""
                | abort     | from     | p50    | max   |
                |-----------|----------|-------:|-------|
                | triggered | the line | 6.1 ms | 1,240 |
                """).Select(figure => figure with { Name = figure.Name.Replace("the line", "from the line") }));

    [Fact]
    public void A_table_of_spaces_has_the_names_of_its_columns()
        => Assert.Equal(
            [
                new("guest-agent: binary MB", 6.2), new("guest-agent: PSS MiB", 20.1), new("guest-agent: CPU %", 0.05),
                new("monit: binary MB", 0.8), new("monit: PSS MiB", 5), new("monit: CPU %", 0.1),
            ],
            Read("""
                                 binary MB   PSS MiB     CPU %
                guest-agent            6.2      20.1     0.050
                monit                  0.8       5.0     0.100
                """));

    [Fact]
    public void A_number_in_a_sentence_is_named_by_its_clause_and_a_limit_beside_it_changes_nothing()
    {
        const string figures = "one look, CPU time (a LUN each): p50 1.5 ms, p95 2.0 ms";
        Assert.Equal(
            [
                new("one look, CPU time (a LUN each): p50 # ms", 1.5),
                new("one look, CPU time (a LUN each): p95 # ms", 2),
            ],
            Read(figures));
        Assert.Equal(Read(figures), Read($"{figures}, limit 50 ms: kept").SkipLast(1));
        Assert.Equal(Read(figures), Read($"{figures} (limit 200 ms)"));
    }

    [Fact]
    public void A_peer_in_the_same_sentence_is_another_figure()
        => Assert.Equal(
            [new("looks (volumes): p50 # ms", 5), new("beside it, reading: p50 # ms", 2), new("beside it, reading: ratio #", 2.5)],
            Read("looks (volumes): p50 5 ms; beside it, reading: p50 2 ms, ratio 2.5"));

    [Theory]
    [InlineData("")]
    [InlineData("|")]
    [InlineData("|||\n|-|-|\n| 5 |")]
    [InlineData("/dev/shm/x1y2z and 10.0.0.1 at 12:30:05, 2026-12-01, 0.1.0")]
    public void What_is_no_figure_is_passed_by(string text)
        => Assert.DoesNotContain(Read(text), figure => figure.Name.Contains("shm", StringComparison.Ordinal));

    [Fact]
    public void Medians_are_compared_and_constants_and_what_one_lacks_are_left_out()
    {
        Figure[][] other = [[new("took", 10), new("guests", 1000), new("gone", 1)], [new("took", 30), new("guests", 1000)]];
        Figure[][] own = [[new("took", 10), new("guests", 1000), new("new", 1)], [new("took", 10), new("guests", 1000)]];
        ComparedFigure compared = Assert.Single(FigureComparison.Of(other, own));
        Assert.Equal(("took", 20, 10, 0.5), (compared.Name, compared.Other, compared.Own, compared.Ratio));
        Assert.Equal((0.5, 0.5), (compared.Lowest, compared.Highest));
    }
}
