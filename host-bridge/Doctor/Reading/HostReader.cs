using HostBridge.Guests;
using HostBridge.Recovery;
using HostBridge.Toolstacks.Parsing;

namespace HostBridge.Doctor.Reading;

/// <summary>Where the doctor reads; tests put their own in the place of the host's.</summary>
/// <param name="Root">The root of the host's files.</param>
/// <param name="XenstorePath">xenstored's socket.</param>
/// <param name="MultipathdProgram">multipathd; null where it is not installed.</param>
/// <param name="IsClockSynchronised">Asks about the clock.</param>
internal sealed record HostSources(
    string Root, string XenstorePath, string? MultipathdProgram, Func<bool?> IsClockSynchronised);

/// <summary>Reads everything that the rules ask for. It opens no disk, and changes nothing.</summary>
internal static class HostReader
{
    /// <summary>Reads a host once.</summary>
    public static async Task<HostSettings> ReadAsync(HostSources sources)
    {
        var tree = new HostTree(sources.Root);
        var gaps = new List<Gap>();
        var block = new BlockSettingsReader(tree);
        var guests = new GuestSettingsReader(tree);
        var parts = new HostPartsReader(tree);
        IReadOnlyList<GuestConfig> configs = guests.Configs(gaps);
        IReadOnlyList<(DomainId, DomainReading)> running = await GuestSettingsReader
            .RunningAsync(sources.XenstorePath, gaps).ConfigureAwait(false);
        var settings = new HostSettings
        {
            InitiatorFiles = block.InitiatorFiles(gaps),
            Sessions = block.Sessions(gaps),
            ScsiDisks = block.ScsiDisks(gaps),
            Ways = block.Ways(),
            MultipathSettings = block.MultipathSettings(gaps),
            Maps = await BlockSettingsReader.MapsAsync(sources.MultipathdProgram, gaps).ConfigureAwait(false),
            GuestConfigs = configs,
            Guests = guests.Join(running, configs),
            ConsoleLogging = parts.ConsoleLogging(gaps),
            VolumeGroups = parts.VolumeGroups(gaps),
            IsClockSynchronised = sources.IsClockSynchronised(),
            ScriptLines = parts.ScriptLines(),
        };
        return settings with { Gaps = [.. gaps, .. tree.Refused.Distinct().Select(GapOf)] };
    }

    private static Gap GapOf(string refusal)
    {
        bool IsUnder(string folder) => refusal.StartsWith(folder, StringComparison.Ordinal);
        HostPart part = IsUnder("/etc/iscsi") || IsUnder("/var/lib/iscsi") ? HostPart.Iscsi
            : IsUnder("/etc/multipath") ? HostPart.Multipath
            : IsUnder("/etc/xen") ? HostPart.GuestConfigs
            : IsUnder("/etc/default") || IsUnder("/etc/sysconfig") ? HostPart.Console
            : IsUnder("/etc/lvm") ? HostPart.Lvm
            : HostPart.Scripts;
        return new Gap(part, refusal, IsRefused: true);
    }
}
