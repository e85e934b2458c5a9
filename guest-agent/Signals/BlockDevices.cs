using System.Globalization;
using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Signals.Parsing;

namespace GuestAgent.Signals;

/// <summary>
/// Which devices lie under a filesystem, by sysfs alone: reading it needs no disk and does not hang with one. It
/// lies on btrfs, whose device numbers are its own: there the mount's source leads the way.
/// </summary>
internal static class BlockDevices
{
    private const int MaxNameLength = 32; // DISK_NAME_LEN, linux/blkdev.h
    private const int MaxAliases = 64;

    /// <summary>
    /// The kernel's name of the device under a mount. Where sysfs does not know the number (btrfs has anonymous
    /// ones) it is that of the mount's source.
    /// </summary>
    public static string NameOf(PathRoot paths, MountEntry mount)
    {
        if (UeventName(paths.Sys($"dev/block/{mount.Device}")) is { } name)
        {
            return name;
        }

        if (mount.FilesystemType == FilesystemTypes.Zfs)
        {
            return Clean(mount.Source.Encoded.Split('/', '@')[0]);
        }

        string source = mount.Source.Encoded;
        string last = source[(source.LastIndexOf('/') + 1)..];
        return MappedName(paths, last) ?? Clean(last);
    }

    /// <summary>The sysfs names of the devices that carry a filesystem's writes: one, or several on btrfs and bcachefs.</summary>
    public static IReadOnlyList<string> QueuesOf(PathRoot paths, MountEntry mount, string deviceName)
    {
        if (mount.FilesystemType == "bcachefs" && mount.Source.Encoded.Split("%3A") is { Length: > 1 } members)
        {
            return [.. members.Select(path => Clean(path[(path.LastIndexOf('/') + 1)..]))];
        }

        if (mount.FilesystemType != "btrfs")
        {
            return [deviceName];
        }

        string? own = Folders(paths.Sys("fs/btrfs"))
            .FirstOrDefault(folder => Directory.Exists($"{folder}/devices/{deviceName}"));
        return own is null ? [deviceName] : [.. Folders($"{own}/devices").Select(device => Path.GetFileName(device))];
    }

    /// <summary>Every name under which the kernel may speak of these devices and of the disks under them.</summary>
    public static IReadOnlyList<DeviceAlias> AliasesOf(PathRoot paths, IReadOnlyList<string> queues)
    {
        var aliases = new List<DeviceAlias>();
        var waiting = new Queue<string>(queues);
        while (waiting.TryDequeue(out string? device) && aliases.Count < MaxAliases)
        {
            aliases.Add(new DeviceAlias(device, SectorRange.All));
            string folder = paths.Sys($"class/block/{device}");
            IReadOnlyList<string> names = DevicePathParser.Names(new FileInfo(folder).LinkTarget ?? string.Empty);
            bool isPartition = Number($"{folder}/partition") is not null;
            aliases.AddRange(names.Skip(1).Select((name, index) => new DeviceAlias(
                name, isPartition && index == 0 ? PartOf(folder) : SectorRange.All)));
            string whole = isPartition && names.Count > 1 ? paths.Sys($"class/block/{names[1]}") : folder;
            foreach (string slave in Folders($"{whole}/slaves"))
            {
                waiting.Enqueue(Path.GetFileName(slave));
            }
        }

        return aliases;
    }

    /// <summary>
    /// The kernel's number of the attachment of the disk under a device (<c>diskseq</c>, since Linux 5.15); null where
    /// there is none. A partition has its disk's.
    /// </summary>
    public static long? SequenceOf(PathRoot paths, string deviceName)
    {
        string folder = paths.Sys($"class/block/{deviceName}");
        return Number($"{folder}/diskseq") ?? Number($"{folder}/../diskseq");
    }

    private static SectorRange PartOf(string folder)
        => Number($"{folder}/start") is { } first && Number($"{folder}/size") is { } size
            ? new SectorRange(first, first + size)
            : SectorRange.All;

    /// <summary><c>dm-3</c> for <c>vg-data</c>; null where no such volume is.</summary>
    private static string? MappedName(PathRoot paths, string volume)
        => Folders(paths.Sys("class/block"))
            .Where(folder => SmallFile.TryReadText($"{folder}/dm/name") == volume)
            .Select(folder => Path.GetFileName(folder))
            .FirstOrDefault();

    /// <summary>None where the device has just been taken away.</summary>
    private static string[] Folders(string folder)
    {
        try
        {
            return Directory.Exists(folder) ? Directory.GetDirectories(folder) : [];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static long? Number(string file)
        => long.TryParse(SmallFile.TryReadText(file), NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number
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
