using Protocol.Configuration;

namespace GuestAgent.Configuration;

/// <summary>The configuration of guest-agent as the files and the command line have it.</summary>
/// <param name="Settings">The options, and where each of them comes from.</param>
/// <param name="Files">The files that were read, in the order in which they win.</param>
/// <param name="Problems">Everything that is wrong; with any of it the rest must not be used.</param>
internal sealed record AgentConfiguration(
    Sourced<AgentOptions> Settings, IReadOnlyList<string> Files, IReadOnlyList<ConfigurationProblem> Problems)
{
    /// <summary>The files and folders whose content is not known; with any of them the rest must not be used.</summary>
    public IReadOnlyList<FileFault> Faults { get; init; } = [];

    /// <summary>The options; null when anything is wrong or not known.</summary>
    public AgentOptions? Options => Problems.Count == 0 && Faults.Count == 0 ? Settings.Value : null;

    /// <summary>Makes the configuration.</summary>
    /// <param name="files">The files, in the order in which they win.</param>
    /// <param name="commandLine">The options of the command line, which win over all files.</param>
    public static AgentConfiguration Of(IReadOnlyList<IniDocument> files, IReadOnlyList<Setting> commandLine)
    {
        var problems = new List<ConfigurationProblem>();
        IReadOnlyList<Setting> settings = AgentKeys.Sections.SettingsOf(files, problems);
        var start = new Sourced<AgentOptions>(
            new AgentOptions(), new Dictionary<(string Section, string Key), SettingOrigin>());
        Sourced<AgentOptions> filled = AgentKeys.Table.Fill(start, [.. settings, .. commandLine], problems);
        return new AgentConfiguration(
            filled, [.. files.Select(file => file.Path)], ConfigurationProblem.InOrder(problems, files))
        {
            Faults = [.. files.Select(file => file.Fault).OfType<FileFault>()],
        };
    }
}
