namespace HostBridge.Doctor.Parsing;

/// <summary>Reads an element of a guest's disk list, xl-disk-configuration(5) and xm's older forms.</summary>
internal static class GuestDisk
{
    private const string TargetKey = "target=";

    private static readonly string[] Prefixes =
        ["phy:", "file:", "tap2:", "tap:", "aio:", "raw:", "qcow2:", "qcow:", "vhd:", "qdisk:"];

    /// <summary>The absolute path of the disk's device or file; null when it has none (an empty drive, a network).</summary>
    public static string? TargetOf(string disk)
    {
        string[] parts = disk.Split(',', StringSplitOptions.TrimEntries);
        int named = Array.FindIndex(parts, part => part.StartsWith(TargetKey, StringComparison.Ordinal));
        string target = named >= 0 ? parts[named][TargetKey.Length..] : parts[0];
        while (Prefixes.FirstOrDefault(prefix => target.StartsWith(prefix, StringComparison.Ordinal)) is { } prefix)
        {
            target = target[prefix.Length..];
        }

        return target.StartsWith('/') ? target
            : target.Length > 0 && disk.StartsWith("phy:", StringComparison.Ordinal) ? $"/dev/{target}"
            : null;
    }
}
