using Protocol.Configuration;
using Protocol.Configuration.Files;

namespace GuestAgent.Configuration.Reading;

/// <summary>Reads the configuration of this guest. The files lie on the root: only while that is known to work.</summary>
internal static class AgentConfigurationReader
{
    private static readonly ConfigurationPlaces Places = ConfigurationPlaces.Of("guest-agent");

    /// <summary>Reads and checks everything.</summary>
    /// <param name="file">The one file that was named; null for the usual places.</param>
    /// <param name="commandLine">The options of the command line.</param>
    public static AgentConfiguration Read(string? file, IReadOnlyList<Setting> commandLine)
        => AgentConfiguration.Of(ConfigurationFiles.Read(Places, file), commandLine);
}
