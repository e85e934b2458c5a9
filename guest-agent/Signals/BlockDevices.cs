using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Signals.Parsing;

namespace GuestAgent.Signals;

/// <summary>What sysfs says of block devices. Reading it needs no disk and does not hang with one.</summary>
internal static class BlockDevices
{
    private const int MaxNameLength = 32; // DISK_NAME_LEN, linux/blkdev.h

    /// <summary>
    /// The kernel's name of the device under a mount. Where sysfs does not know the number (btrfs has anonymous
    /// ones) it is the last part of the mount's source.
    /// </summary>
    public static string NameOf(PathRoot paths, MountEntry mount)
    {
        if (UeventName(paths.Sys($"dev/block/{mount.Device}")) is { } name)
        {
            return name;
        }

        string source = mount.Source.Encoded;
        return Clean(source[(source.LastIndexOf('/') + 1)..]);
    }

    /// <summary>The disk that a partition lies on; null where the device is whole or unknown.</summary>
    public static string? DiskOf(PathRoot paths, DeviceNumber device)
        => SmallFile.TryReadText(paths.Sys($"dev/block/{device}/partition")) is null
            ? null
            : UeventName(paths.Sys($"dev/block/{device}/.."));

    /// <summary>A look at the queue; null where there is none.</summary>
    public static BlockActivity? ReadActivity(PathRoot paths, DeviceNumber device)
    {
        string folder = paths.Sys($"dev/block/{device}");
        return SmallFile.TryReadText($"{folder}/inflight") is { } inflight
            && SmallFile.TryReadText($"{folder}/stat") is { } stat
            && BlockStatParser.Inflight(inflight) is { } requests
            && BlockStatParser.WriteCompletions(stat) is { } completions
                ? new BlockActivity(requests, completions, SmallFile.TryReadText($"{folder}/ro") == "1")
                : null;
    }

    /// <summary>ext4's error count; null where there is none (other types, kernels before 3.17).</summary>
    public static long? ReadErrorsCount(PathRoot paths, string deviceName)
        => long.TryParse(SmallFile.TryReadText(paths.Sys($"fs/ext4/{deviceName}/errors_count")), out long count)
            ? count
            : null;

    private static string? UeventName(string folder)
    {
        const string key = "DEVNAME=";
        string? line = SmallFile.TryReadText($"{folder}/uevent")?
            .Split('\n')
            .FirstOrDefault(one => one.StartsWith(key, StringComparison.Ordinal));
        return line is null ? null : Clean(line[key.Length..].Replace('/', '!'));
    }

    /// <summary>A mount's source is free text (and a driver's name nearly so); names go into reports and paths.</summary>
    private static string Clean(string name)
    {
        IEnumerable<char> kept = name
            .Take(MaxNameLength)
            .Select(one => char.IsAsciiLetterOrDigit(one) || "-_.!".Contains(one) ? one : '_');
        return name.Trim('.').Length == 0 ? "none" : string.Concat(kept);
    }
}
