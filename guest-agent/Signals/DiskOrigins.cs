using System.Globalization;
using GuestAgent.Linux;
using GuestAgent.Signals.Parsing;
using Protocol.Health;

namespace GuestAgent.Signals;

/// <summary>
/// Where the disks under a filesystem come from: sysfs is followed from the device through what it is made of
/// (partitions, LVM, crypt, md, multipath, bcache) down to the disks. Nothing here touches a disk.
/// </summary>
internal static class DiskOrigins
{
    /// <summary>No stack that an administrator builds has more devices.</summary>
    private const int MaxDevices = 256;

    /// <summary>Each origin once, in a fixed order; never empty.</summary>
    /// <param name="paths">Where /sys is.</param>
    /// <param name="devices">The sysfs names of the devices that carry the filesystem.</param>
    public static IReadOnlyList<DiskOrigin> Of(PathRoot paths, IReadOnlyList<string> devices)
    {
        var origins = new SortedSet<DiskOrigin>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var waiting = new Queue<string>(devices);
        while (waiting.TryDequeue(out string? device))
        {
            if (seen.Count == MaxDevices)
            {
                origins.Add(DiskOrigin.Unrecognized);
                break;
            }

            if (!seen.Add(device))
            {
                continue;
            }

            string folder = DiskFolder(paths, device);
            string[] slaves = Names($"{folder}/slaves");
            foreach (string slave in slaves)
            {
                waiting.Enqueue(slave);
            }

            if (slaves.Length == 0)
            {
                origins.UnionWith(OfDisk(paths, PlaceOf(folder)));
            }
        }

        return origins.Count == 0 ? [DiskOrigin.Unrecognized] : [.. origins];
    }

    /// <summary>
    /// The folder of the whole disk. Kernels before 2.6.26, and later ones with CONFIG_SYSFS_DEPRECATED, have no
    /// <c>/sys/class/block</c>: disks are folders of <c>/sys/block</c>, and partitions folders in them.
    /// </summary>
    private static string DiskFolder(PathRoot paths, string device)
    {
        string folder = paths.Sys($"class/block/{device}");
        if (Directory.Exists(folder))
        {
            bool isPartition = File.Exists($"{folder}/partition");
            string target = new FileInfo(folder).LinkTarget ?? string.Empty;
            string whole = Path.GetFileName(Path.GetDirectoryName(target) ?? string.Empty);
            return isPartition && whole.Length > 0 ? paths.Sys($"class/block/{whole}") : folder;
        }

        string disk = paths.Sys($"block/{device}");
        return Directory.Exists(disk)
            ? disk
            : Names(paths.Sys("block"))
                .Where(name => device.StartsWith(name, StringComparison.Ordinal))
                .Select(name => paths.Sys($"block/{name}"))
                .FirstOrDefault(whole => Directory.Exists($"{whole}/{device}")) ?? folder;
    }

    /// <summary>The path by which sysfs places a disk among the devices, its name last.</summary>
    private static string PlaceOf(string folder)
    {
        string name = Path.GetFileName(folder);
        if (new FileInfo(folder).LinkTarget is { } target)
        {
            return target;
        }

        return new FileInfo($"{folder}/device").LinkTarget is { } device ? $"{device}/{name}" : name;
    }

    private static DiskOrigin[] OfDisk(PathRoot paths, string place)
    {
        if (DiskOriginParser.OfPath(place) is { } origin)
        {
            return [origin];
        }

        // An NVMe namespace with several ways stands below its subsystem, which links to the controllers.
        string? subsystem = place.Split('/').FirstOrDefault(part => part.StartsWith("nvme-subsys", StringComparison.Ordinal)
            && part != "nvme-subsystem");
        if (subsystem is null)
        {
            return [OfPci(paths, place)];
        }

        string folder = paths.Sys($"class/nvme-subsystem/{subsystem}");
        DiskOrigin[] origins =
        [
            .. Names(folder)
                .Where(IsController)
                .Select(controller => OfController(paths, controller, new FileInfo($"{folder}/{controller}").LinkTarget)),
        ];
        return origins.Length == 0 ? [DiskOrigin.Unrecognized] : origins;
    }

    private static DiskOrigin OfController(PathRoot paths, string controller, string? place)
        => DiskOriginParser.OfTransport(SmallFile.TryReadText(paths.Sys($"class/nvme/{controller}/transport")))
            ?? OfPci(paths, place ?? string.Empty);

    private static DiskOrigin OfPci(PathRoot paths, string place)
    {
        if (DiskOriginParser.PciFunction(place) is not { } function)
        {
            return DiskOrigin.Unrecognized;
        }

        string folder = paths.Sys($"bus/pci/devices/{function}");
        return DiskOriginParser.OfPci(
            Id($"{folder}/vendor") is { } vendor && Id($"{folder}/device") is { } device
                ? new PciIds(vendor, device, Id($"{folder}/subsystem_vendor") ?? 0, Id($"{folder}/subsystem_device") ?? 0)
                : null);
    }

    private static bool IsController(string name)
        => name.StartsWith("nvme", StringComparison.Ordinal) && name.Length > 4 && name.AsSpan(4).IndexOfAnyExceptInRange('0', '9') < 0;

    /// <summary><c>0x8086</c>.</summary>
    private static int? Id(string file)
        => SmallFile.TryReadText(file) is { } text && text.StartsWith("0x", StringComparison.Ordinal)
            && int.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int id)
                ? id
                : null;

    /// <summary>The names in a folder; none where the device has just been taken away.</summary>
    private static string[] Names(string folder)
    {
        try
        {
            return Directory.Exists(folder)
                ? [.. Directory.GetFileSystemEntries(folder).Select(entry => Path.GetFileName(entry)).Order(StringComparer.Ordinal)]
                : [];
        }
        catch (IOException)
        {
            return [];
        }
    }
}
