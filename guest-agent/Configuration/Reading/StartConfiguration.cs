using GuestAgent.Linux;
using Protocol.Configuration;

namespace GuestAgent.Configuration.Reading;

/// <summary>What the agent starts with.</summary>
/// <param name="Options">The options; null when the configuration has mistakes.</param>
/// <param name="Problems">The mistakes, a line each.</param>
/// <param name="Trouble">Why the files are not known, and what is in force instead, for an operator; null when read.</param>
internal sealed record StartConfiguration(AgentOptions? Options, IReadOnlyList<string> Problems, string? Trouble)
{
    /// <summary>Whether fstab and the mount units can be read without hanging, as the process that tried it ended.</summary>
    public bool MayReadWishes { get; private init; } = true;

    /// <summary>
    /// Reads the files. Where they cannot be read, the settings of the last reading in this boot are in force; without these
    /// the defaults. The command line wins in each case.
    /// </summary>
    /// <param name="reader">Reads in a process of its own.</param>
    /// <param name="copy">The copy of the last reading.</param>
    /// <param name="commandLine">The options of the command line, which have no mistakes.</param>
    /// <param name="clock">The time.</param>
    public static StartConfiguration Read(
        ConfigurationReload reader, ConfigurationCopy copy, IReadOnlyList<Setting> commandLine, BootClock clock)
    {
        ConfigurationAnswer answer = reader.ReadNow(clock);
        if (answer.Problems.Count > 0)
        {
            return new StartConfiguration(null, answer.Problems, null);
        }

        if (answer is { Options: { } options, FileSettings: { } settings })
        {
            copy.Keep(settings);
            return new StartConfiguration(options, [], null);
        }

        StartConfiguration standIn = copy.TryRead(commandLine) is { } kept
            ? new StartConfiguration(kept, [], TroubleOf(answer, "the settings last read in this boot are in force"))
            : new StartConfiguration(
                AgentConfiguration.Of([], commandLine).Settings.Value, [],
                TroubleOf(answer, "the command line and the defaults are in force, nothing is excluded by a file"));
        return standIn with { MayReadWishes = answer.HasEnded };
    }

    /// <summary>The sentence for the log and the status.</summary>
    /// <param name="answer">An answer with faults.</param>
    /// <param name="inForce">What is in force instead.</param>
    public static string TroubleOf(ConfigurationAnswer answer, string inForce)
    {
        string more = answer.Faults.Count > 1 ? $" (and {answer.Faults.Count - 1} more)" : string.Empty;
        return $"the configuration cannot be read: {answer.Faults[0]}{more}; {inForce}";
    }
}
