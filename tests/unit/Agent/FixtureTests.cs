using Protocol.Health;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>
/// What kernels from 2.6.27 to 6.18 showed, told again to the real parsers and the real rules. Each file in Fixtures
/// is one story; its first lines say where it comes from.
/// </summary>
public sealed class FixtureTests
{
    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Agent", "Fixtures");

    public static TheoryData<string> Stories
        => [.. Directory.GetFiles(Folder, "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)).Order()];

    [Theory]
    [MemberData(nameof(Stories))]
    public void A_recorded_story_has_the_verdicts_that_stand_in_it(string name)
    {
        string[] lines = File.ReadAllLines(Path.Combine(Folder, $"{name}.txt"));
        Assert.StartsWith("# Linux ", lines[0], StringComparison.Ordinal);
        var story = new FixtureStory();
        int expectations = 0;
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].StartsWith("expect ", StringComparison.Ordinal))
            {
                Check(story, lines[i].Split(' ')[1..], $"{name}.txt:{i + 1}");
                expectations++;
            }
            else
            {
                story.Tell(lines[i]);
            }
        }

        Assert.InRange(expectations, 1, int.MaxValue);
    }

    [Theory]
    [InlineData("2.6.27")]
    [InlineData("5.10")]
    [InlineData("6.1")]
    [InlineData("6.6")]
    [InlineData("6.12")]
    [InlineData("6.18")]
    public void Each_kernel_has_a_story_of_an_abort_or_an_error(string kernel)
        => Assert.NotEmpty(Directory.GetFiles(Folder, $"{kernel}-ext*.txt"));

    /// <summary>
    /// <c>expect VERDICT [hidden] [data-loss] [quiet] [bare] [why=REASON] EVIDENCE…</c>: quiet when no probe is asked for, bare
    /// when there is no other evidence.
    /// </summary>
    private static void Check(FixtureStory story, string[] words, string where)
    {
        FilesystemHealth health = story.Health;
        string evidence = string.Join(' ', health.Evidence.Select(Word));
        string told = $"{where}: {health.Verdict.ToName()}{(health.Hidden ? " hidden" : string.Empty)} {evidence}";
        Assert.True(health.Verdict.ToName() == words[0], told);
        Assert.True(health.Hidden == words.Contains("hidden"), told);
        Assert.True((health.DataLossSince is not null) == words.Contains("data-loss"), told);
        Assert.False(words.Contains("quiet") && story.IsProbeWanted, told);
        string[] facts = [.. words[1..].Where(word => word is not ("hidden" or "data-loss" or "quiet" or "bare")
            && !word.StartsWith("why=", StringComparison.Ordinal))];
        if (words.FirstOrDefault(word => word.StartsWith("why=", StringComparison.Ordinal)) is { } why)
        {
            Assert.True($"why={health.Why?.ToName()}" == why, $"{told} why={health.Why?.ToName()}");
        }

        Assert.All(facts, fact => Assert.True(health.Evidence.Select(Word).Contains(fact), $"{told}; wanted {fact}"));
        Assert.True(!words.Contains("bare") || facts.Length == health.Evidence.Count, told);
    }

    private static string Word(Evidence fact)
        => fact.Detail.Length == 0 ? fact.Kind.ToName() : $"{fact.Kind.ToName()}:{fact.Detail}";
}
