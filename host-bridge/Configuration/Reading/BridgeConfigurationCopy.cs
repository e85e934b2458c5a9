using System.Text;
using Protocol.Configuration;
using Protocol.Configuration.Files;
using Protocol.Health;

namespace HostBridge.Configuration.Reading;

/// <summary>The copy of the settings that this host's files had when they were last read well in this boot.</summary>
/// <param name="file">The one file that was named; null for the usual places.</param>
/// <param name="commandLine">The options of the command line, which win over the copy.</param>
/// <param name="folder">The folder in /run.</param>
internal sealed class BridgeConfigurationCopy(
    string? file, IReadOnlyList<Setting> commandLine, string folder = BridgeConfigurationCopy.DefaultFolder)
{
    /// <summary>The folder of the admin socket's usual place.</summary>
    public const string DefaultFolder = "/run/host-bridge";

    private const UnixFileMode OwnerOnly
        = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly BootCopyFile _file = new(folder, OwnerOnly, "configuration");
    private readonly string _source = BridgeConfigurationReader.SourceOf(file);

    /// <summary>Keeps the settings, where this kernel says which boot this is.</summary>
    public void Keep(string fileSettings)
    {
        if (ThisBoot() is { } bootId)
        {
            _ = _file.TryWrite(bootId, _source, Encoding.UTF8.GetBytes(fileSettings));
        }
    }

    /// <summary>The options of the copy and the command line; null when there is no copy that can be used.</summary>
    public BridgeOptions? TryRead()
        => ThisBoot() is { } bootId && _file.TryRead(bootId, _source) is { } copy
            ? BridgeConfigurationReader.Of([IniParser.Parse(_file.FilePath, copy)], commandLine).Options
            : null;

    /// <summary>The options of the command line and the defaults, which act on no guest.</summary>
    public BridgeOptions Observing()
    {
        BridgeOptions options = BridgeConfigurationReader.Of([], commandLine).Host.Value;
        return options with
        {
            Policy = options.Policy with { Mode = Recovery.BridgeMode.Observe },
            // The command of the administrator stands in the files.
            Toolstack = options.ToolstackCommand is null && options.Toolstack == ToolstackKind.Command
                ? ToolstackKind.None
                : options.Toolstack,
        };
    }

    private static BootId? ThisBoot()
    {
        try
        {
            return BootId.TryParse(File.ReadAllText("/proc/sys/kernel/random/boot_id").TrimEnd(), out BootId bootId)
                ? bootId
                : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
