using System.Text;
using Protocol.Configuration;

namespace GuestAgent.Configuration;

/// <summary>What the process that reads the files answered: one of good, wrong, or not known.</summary>
internal sealed record ConfigurationAnswer
{
    /// <summary>The longest answer, in bytes.</summary>
    public const int MaxBytes = 256 * 1024;

    private const string Good = "good";
    private const string Bad = "bad";
    private const string Faulty = "unreadable";

    /// <summary>Without it an answer is not whole, and counts for nothing.</summary>
    private const string End = "end";

    private ConfigurationAnswer()
    {
    }

    /// <summary>The options of the files and the command line; null when anything is wrong or not known.</summary>
    public AgentOptions? Options { get; private init; }

    /// <summary>The settings of the files alone, as one file would have them; null without <see cref="Options"/>.</summary>
    public string? FileSettings { get; private init; }

    /// <summary>The mistakes of the configuration, a line each.</summary>
    public IReadOnlyList<string> Problems { get; private init; } = [];

    /// <summary>Why the configuration is not known, a line each: faults of the storage, or a reading without an end.</summary>
    public IReadOnlyList<string> Faults { get; private init; } = [];

    /// <summary>Whether the process came to its end: what it read can be read without hanging.</summary>
    public bool HasEnded { get; private init; } = true;

    /// <summary>An answer that never came.</summary>
    /// <param name="reason">Why, for an operator.</param>
    public static ConfigurationAnswer NotKnown(string reason) => new() { Faults = [reason], HasEnded = false };

    /// <summary>The answer that certain settings of files give.</summary>
    /// <param name="fileSettings">The settings as one file would have them.</param>
    /// <param name="commandLine">The options of the command line, which win.</param>
    public static ConfigurationAnswer Of(string fileSettings, IReadOnlyList<Setting> commandLine)
    {
        byte[] file = Encoding.UTF8.GetBytes(fileSettings);
        AgentConfiguration read = AgentConfiguration.Of([IniParser.Parse("what was read", file)], commandLine);
        return read.Options is { } options
            ? new ConfigurationAnswer { Options = options, FileSettings = fileSettings }
            : new ConfigurationAnswer { Problems = ConfigurationProblem.ToLines(read.Problems) };
    }

    /// <summary>
    /// What the process says to the agent: a word; the settings of the files, the faults or the mistakes; and a word at the
    /// end. With a file that is not known, mistakes in others wait: during an outage a running agent is worth more.
    /// </summary>
    /// <param name="files">The files that were read, in the order in which they win.</param>
    public static string Write(IReadOnlyList<IniDocument> files)
    {
        AgentConfiguration read = AgentConfiguration.Of(files, []);
        IEnumerable<string> lines = read.Faults.Count > 0
            ? [Faulty, .. FileFault.ToLines(read.Faults).Select(OnOneLine)]
            : read.Problems.Count > 0
                ? [Bad, .. ConfigurationProblem.ToLines(read.Problems).Select(OnOneLine)]
                : [Good, SettingsText.Write(files).TrimEnd('\n')];
        return string.Join('\n', [.. lines, End, string.Empty]);
    }

    /// <summary>Reads that. What is no whole answer makes the configuration not known.</summary>
    /// <param name="answer">All that the process printed.</param>
    /// <param name="commandLine">The options of the command line, which win over the files.</param>
    public static ConfigurationAnswer Read(ReadOnlySpan<byte> answer, IReadOnlyList<Setting> commandLine)
    {
        string[] lines = Encoding.UTF8.GetString(answer).Split('\n');
        return lines switch
        {
            [Good, .. var settings, End, ""] => Of(string.Join('\n', settings), commandLine),
            [Bad, .. { Length: > 0 } problems, End, ""] => new ConfigurationAnswer { Problems = problems },
            [Faulty, .. { Length: > 0 } faults, End, ""] => new ConfigurationAnswer { Faults = faults },
            _ => NotKnown("the process that reads the files ended without an answer"),
        };
    }

    private static string OnOneLine(string line) => line.ReplaceLineEndings(" ");
}
