using HostBridge.Recovery;
using HostBridge.Storage.Judging;
using HostBridge.Storage.Parsing;

namespace HostBridge.Storage;

/// <summary>
/// Reads block devices and all that lies under them, down to sessions, ports and controllers. One reader makes one
/// look: what several disks share is read once, and nothing is kept for the next look.
/// </summary>
/// <param name="files">The host's files.</param>
internal sealed class BlockStackReader(HostFiles files)
{
    /// <summary>Deeper than any stack that makes sense; devices do not stand on themselves.</summary>
    private const int MaxDepth = 16;

    private const string MultipathPrefix = "mpath-";

    private readonly TransportReader _transports = new(files);
    private readonly Dictionary<DeviceNumber, BlockDevice> _seen = [];
    private IReadOnlyList<MountedFilesystem>? _mounts;

    /// <summary>A device; <see cref="BlockDevice.Absent"/> when there is none.</summary>
    public BlockDevice Read(DeviceNumber number) => Read(number, depth: 0);

    private BlockDevice Read(DeviceNumber number, int depth)
    {
        if (_seen.TryGetValue(number, out BlockDevice? device))
        {
            return device;
        }

        string folder = files.Block(number);
        if (depth >= MaxDepth)
        {
            device = Unknown(number, "…", "it lies too deep");
        }
        else if (HostFiles.TryReadLink(folder) is { } link && HostFiles.TryRead($"{folder}/dev") is not null)
        {
            DevicePath path = DevicePath.Parse(link);
            device = HostFiles.TryRead($"{folder}/partition") is not null
                ? ReadPartition(number, path, folder, depth + 1)
                : ReadDisk(number, path, folder, depth + 1);
            device = device with
            {
                SizeSectors = HostFiles.TryReadNumber($"{folder}/size"),
                IsReadOnly = HostFiles.TryReadSwitch($"{folder}/ro"),
            };
        }
        else
        {
            device = new BlockDevice.Absent { Number = number, Name = string.Empty };
        }

        _seen[number] = device;
        return device;
    }

    private BlockDevice.Partition ReadPartition(DeviceNumber number, DevicePath path, string folder, int depth)
        => new() { Number = number, Name = path.Name, Below = ReadNumbers([$"{folder}/../dev"], depth) };

    private BlockDevice ReadDisk(DeviceNumber number, DevicePath path, string folder, int depth)
    {
        if (path.ScsiAddress is { } address)
        {
            return ReadScsi(number, path, folder, address);
        }

        if (path.NvmeSubsystem is not null || path.NvmeController is not null)
        {
            return ReadNvme(number, path, folder);
        }

        if (path.IsVirtio)
        {
            return new BlockDevice.Plain { Number = number, Name = path.Name };
        }

        if (HostFiles.TryRead($"{folder}/dm/name") is { } mapName)
        {
            return ReadMap(number, path, folder, mapName, depth);
        }

        if (path.Name.StartsWith("loop", StringComparison.Ordinal))
        {
            return ReadLoop(number, path, folder, depth);
        }

        if (path.Name.StartsWith("md", StringComparison.Ordinal))
        {
            return new BlockDevice.Mapped
            {
                Number = number,
                Name = path.Name,
                MapName = path.Name,
                Uuid = HostFiles.TryRead($"{folder}/md/uuid") ?? string.Empty,
                IsSuspended = false,
                Below = ReadSlaves(folder, depth),
            };
        }

        return Unknown(number, path.Name, "the bridge does not know how to look at this kind of device");
    }

    private BlockDevice.ScsiDisk ReadScsi(DeviceNumber number, DevicePath path, string folder, string address) => new()
    {
        Number = number,
        Name = path.Name,
        Address = address,
        State = HostFiles.TryRead($"{folder}/device/state"),
        TimeoutSeconds = (int?)HostFiles.TryReadNumber($"{folder}/device/timeout"),
        Wwid = ReadWwid(folder),
        Transport = path switch
        {
            { Session: { } session } => new ScsiTransport.Iscsi(_transports.Session(session)),
            { RemotePort: { } port } => new ScsiTransport.FibreChannel(_transports.Port(port)),
            _ => new ScsiTransport.Local(),
        },
    };

    /// <summary>Old kernels have no <c>wwid</c>, but the page it is made of.</summary>
    private static string? ReadWwid(string folder)
        => HostFiles.TryRead($"{folder}/device/wwid") is { Length: > 0 } wwid
            ? wwid
            : HostFiles.TryReadBytes($"{folder}/device/vpd_pg83") is { Length: > 0 } page
                ? $"page 83 {Convert.ToHexStringLower(page)}"
                : null;

    private BlockDevice ReadMap(DeviceNumber number, DevicePath path, string folder, string mapName, int depth)
    {
        string uuid = HostFiles.TryRead($"{folder}/dm/uuid") ?? string.Empty;
        bool? isSuspended = HostFiles.TryReadSwitch($"{folder}/dm/suspended");
        IReadOnlyList<BlockDevice> below = ReadSlaves(folder, depth);
        return uuid.StartsWith(MultipathPrefix, StringComparison.Ordinal)
            ? new BlockDevice.Multipath
            {
                Number = number,
                Name = path.Name,
                MapName = mapName,
                Uuid = uuid,
                IsSuspended = isSuspended,
                Below = below,
            }
            : new BlockDevice.Mapped
            {
                Number = number,
                Name = path.Name,
                MapName = mapName,
                Uuid = uuid,
                IsSuspended = isSuspended,
                Below = below,
            };
    }

    private BlockDevice.Loop ReadLoop(DeviceNumber number, DevicePath path, string folder, int depth)
    {
        string? file = HostFiles.TryRead($"{folder}/loop/backing_file");
        _mounts ??= MountTable.Parse(ReadMountTable());
        MountedFilesystem? filesystem = file is null ? null : MountTable.Find(_mounts, file);
        return new BlockDevice.Loop
        {
            Number = number,
            Name = path.Name,
            BackingFile = file,
            FilesystemType = filesystem?.Type ?? string.Empty,
            IsFilesystemReadOnly = filesystem?.TakesNoWrites ?? false,
            // Major 0 is a filesystem without a device: a network's, or memory.
            Below = filesystem is { Device: { Major: > 0 } carrier } ? [Read(carrier, depth)] : [],
        };
    }

    private BlockDevice.Nvme ReadNvme(DeviceNumber number, DevicePath path, string folder)
    {
        List<NvmePath> paths = [];
        if (path.NvmeController is { } only)
        {
            paths.Add(_transports.Controller(only, path: null));
        }

        string subsystem = files.Sys($"class/nvme-subsystem/{path.NvmeSubsystem}");
        foreach (string controller in path.NvmeSubsystem is null ? [] : HostFiles.Names(subsystem).Where(IsController))
        {
            // nvme0n1 over nvme1 is the hidden device nvme0c1n1: subsystem 0, controller 1.
            int space = path.Name.LastIndexOf('n');
            paths.Add(_transports.Controller(
                controller, $"{path.Name[..space]}c{controller["nvme".Length..]}{path.Name[space..]}"));
        }

        return new BlockDevice.Nvme
        {
            Number = number,
            Name = path.Name,
            Wwid = HostFiles.TryRead($"{folder}/wwid"),
            SubsystemName = HostFiles.TryRead(path.NvmeController is { } controllerName
                ? files.Sys($"class/nvme/{controllerName}/subsysnqn")
                : $"{subsystem}/subsysnqn") ?? string.Empty,
            Paths = paths,
        };
    }

    private IReadOnlyList<BlockDevice> ReadSlaves(string folder, int depth)
        => ReadNumbers(HostFiles.Names($"{folder}/slaves").Select(name => $"{folder}/slaves/{name}/dev"), depth);

    /// <summary>
    /// The devices whose numbers stand in these files; one that is just being removed is absent, not left out.
    /// </summary>
    private IReadOnlyList<BlockDevice> ReadNumbers(IEnumerable<string> files, int depth)
        =>
        [
            .. files.Select(file => DeviceNumber.TryParse(HostFiles.TryRead(file) ?? string.Empty, out var number)
                ? Read(number, depth)
                : new BlockDevice.Absent { Number = default, Name = string.Empty }),
        ];

    private string ReadMountTable()
    {
        try
        {
            return File.ReadAllText(files.Proc("self/mountinfo"));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return string.Empty;
        }
    }

    private static bool IsController(string name)
        => name.StartsWith("nvme", StringComparison.Ordinal) && name.Length > "nvme".Length
            && name.AsSpan("nvme".Length).IndexOfAnyExceptInRange('0', '9') < 0;

    private static BlockDevice.Unknown Unknown(DeviceNumber number, string name, string reason)
        => new() { Number = number, Name = name, Reason = reason };
}
