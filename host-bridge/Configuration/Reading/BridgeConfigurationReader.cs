using Protocol.Configuration;
using Protocol.Configuration.Files;

namespace HostBridge.Configuration.Reading;

/// <summary>
/// Reads the configuration of this host. Files may lie on a disk that hangs: who must go on runs it on a thread of its own.
/// </summary>
internal static class BridgeConfigurationReader
{
    private static readonly ConfigurationPlaces Places = ConfigurationPlaces.Of("host-bridge");

    private static readonly string[] Sockets = ["/run/xenstored/socket", "/var/run/xenstored/socket"];

    /// <summary>Reads and checks everything.</summary>
    /// <param name="file">The one file that was named; null for the usual places.</param>
    /// <param name="commandLine">The options of the command line.</param>
    public static BridgeConfiguration Read(string? file, IReadOnlyList<Setting> commandLine)
    {
        var defaults = new BridgeOptions();
        defaults = defaults with { XenstorePath = Array.Find(Sockets, File.Exists) ?? defaults.XenstorePath };
        var read = BridgeConfiguration.Of(defaults, ConfigurationFiles.Read(Places, file), commandLine);
        if (read.Host.Value.ToolstackCommand is not { } command || File.Exists(command))
        {
            return read;
        }

        var missing = new ConfigurationProblem(
            read.Host.OriginOf(string.Empty, BridgeKeys.ToolstackCommand),
            BridgeKeys.ToolstackCommand,
            $"{ConfigurationProblem.Quote(command)} is not there; write the path of a program");
        return read with { Problems = [.. read.Problems, missing] };
    }
}
