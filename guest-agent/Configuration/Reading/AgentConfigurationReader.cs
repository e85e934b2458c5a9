using Protocol.Configuration;
using Protocol.Configuration.Files;

namespace GuestAgent.Configuration.Reading;

/// <summary>Reads the configuration of this guest. The files lie on the root: whoever must not hang has a process do it.</summary>
internal static class AgentConfigurationReader
{
    private static readonly ConfigurationPlaces Places = ConfigurationPlaces.Of("guest-agent");

    /// <summary>Reads all files.</summary>
    /// <param name="file">The one file that was named; null for the usual places.</param>
    public static IReadOnlyList<IniDocument> ReadFiles(string? file) => ConfigurationFiles.Read(Places, file);

    /// <summary>What the files are called together: the file that was named, or the folder of the usual places.</summary>
    /// <param name="file">The one file that was named; null for the usual places.</param>
    public static string SourceOf(string? file) => file ?? Places.Administrator;
}
