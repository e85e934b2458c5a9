using System.CommandLine;
using HostBridge.Commands;
using HostBridge.Doctor.Reading;

namespace HostBridge.Admin;

/// <summary>The options that commands share with the bridge itself.</summary>
internal static class AdminOptions
{
    /// <summary>The bridge's options as it would have them, so that a command looks where the bridge does.</summary>
    public static BridgeOptionsResult Of(ParseResult parsed, Option<string?> config, params Option<string?>[] settings)
        => BridgeOptionsParser.Parse(
            settings.Where(option => parsed.GetValue(option) is not null)
                .ToDictionary(option => option.Name.TrimStart('-'), option => parsed.GetValue(option)!),
            parsed.GetValue(config));

    /// <summary>This host.</summary>
    public static HostSources SourcesOf(BridgeOptions options)
        => new("/", options.XenstorePath, BoundedCommand.Find("multipathd"), SystemClock.IsSynchronised);
}
