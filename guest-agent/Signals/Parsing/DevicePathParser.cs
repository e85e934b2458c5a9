namespace GuestAgent.Signals.Parsing;

/// <summary>
/// Reads where a block device stands in sysfs: <c>../../devices/pci0000:00/0000:00:01.1/ata1/host0/target0:0:0/
/// 0:0:0:1/block/sda/sda1</c>. Its parents are the names under which drivers speak of it: <c>sda</c>, <c>0:0:0:1</c>,
/// <c>ata1</c>, <c>nvme0</c>, <c>vbd-51712</c>.
/// </summary>
internal static class DevicePathParser
{
    /// <summary>The device's own name, then its parents', the nearest first, without mere folders.</summary>
    public static IReadOnlyList<string> Names(string path)
        => [.. path.Split('/').Reverse().Where(IsName)];

    private static bool IsName(string part)
        => part is not ("" or ".." or "devices" or "virtual" or "block" or "nvme" or "nvme-subsystem")
            && !part.StartsWith("pci", StringComparison.Ordinal)
            && !part.StartsWith("0000:", StringComparison.Ordinal)
            && !part.StartsWith("target", StringComparison.Ordinal)
            && !part.StartsWith("host", StringComparison.Ordinal);
}
