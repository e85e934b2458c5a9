using System.Text;
using Protocol.Configuration;

namespace GuestAgent.Configuration;

/// <summary>The options that were read, or everything that is wrong with them.</summary>
/// <param name="Options">The options; null when anything is wrong.</param>
/// <param name="Problems">What is wrong, a line each.</param>
internal sealed record ConfigurationAnswer(AgentOptions? Options, IReadOnlyList<string> Problems)
{
    /// <summary>The longest answer, in bytes.</summary>
    public const int MaxBytes = 256 * 1024;

    private const string Good = "good";
    private const string Bad = "bad";

    /// <summary>Without it an answer is not whole, and counts for nothing.</summary>
    private const string End = "end";

    /// <summary>
    /// What the process that reads the files says to the agent: a word, the settings as a file would have them or the
    /// problems, and a word at the end.
    /// </summary>
    public static string Write(AgentConfiguration configuration)
    {
        IEnumerable<string> lines = configuration.Options is { } options
            ? [Good, .. AgentKeys.Table.Keys.Select(key => $"{key.Name} = {key.ValueIn(options)}")]
            : [Bad, .. ConfigurationProblem.ToLines(configuration.Problems).Select(line => line.ReplaceLineEndings(" "))];
        return string.Join('\n', [.. lines, End, string.Empty]);
    }

    /// <summary>Reads that. Whatever is no whole answer is a problem.</summary>
    public static ConfigurationAnswer Read(ReadOnlySpan<byte> answer)
    {
        string[] lines = Encoding.UTF8.GetString(answer).Split('\n');
        switch (lines)
        {
            case [Good, .. var settings, End, ""]:
                byte[] file = Encoding.UTF8.GetBytes(string.Join('\n', settings));
                AgentConfiguration read = AgentConfiguration.Of([IniParser.Parse("what was read", file)], []);
                return new ConfigurationAnswer(read.Options, ConfigurationProblem.ToLines(read.Problems));
            case [Bad, .. var problems, End, ""]:
                return new ConfigurationAnswer(null, problems);
            default:
                return new ConfigurationAnswer(null, ["the process that reads the files ended without an answer"]);
        }
    }
}
