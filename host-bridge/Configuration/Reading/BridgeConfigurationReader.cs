using System.Runtime.InteropServices;
using Mono.Unix.Native;
using Protocol.Configuration;
using Protocol.Configuration.Files;

namespace HostBridge.Configuration.Reading;

/// <summary>
/// Reads the configuration of this host. Files may lie on a disk that hangs: who must go on runs it on a thread of its
/// own.
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
        BridgeConfiguration read = Of(ConfigurationFiles.Read(Places, file), commandLine);
        if (read.Host.Value.ToolstackCommand is not { } command || !IsMissing(command))
        {
            return read;
        }

        var missing = new ConfigurationProblem(
            read.Host.OriginOf(string.Empty, BridgeKeys.ToolstackCommand),
            BridgeKeys.ToolstackCommand,
            $"{ConfigurationProblem.Quote(command)} is not there; write the path of a program");
        return read with { Problems = [.. read.Problems, missing] };
    }

    /// <summary>The configuration that certain files give on this host.</summary>
    /// <param name="files">The files, in the order in which they win.</param>
    /// <param name="commandLine">The options of the command line.</param>
    public static BridgeConfiguration Of(IReadOnlyList<IniDocument> files, IReadOnlyList<Setting> commandLine)
    {
        var defaults = new BridgeOptions();
        defaults = defaults with { XenstorePath = Array.Find(Sockets, File.Exists) ?? defaults.XenstorePath };
        return BridgeConfiguration.Of(defaults, files, commandLine);
    }

    /// <summary>What the files are called together: the file that was named, or the folder of the usual places.</summary>
    /// <param name="file">The one file that was named; null for the usual places.</param>
    public static string SourceOf(string? file) => file ?? Places.Administrator;

    /// <summary>A program that a dead disk does not show is not missing; it is missed when it is needed.</summary>
    private static bool IsMissing(string program)
        => Syscall.access(program, AccessModes.F_OK) != 0
            && FileErrors.KindOf(Marshal.GetLastPInvokeError(), isNamed: true) == FileErrorKind.Mistake;
}
