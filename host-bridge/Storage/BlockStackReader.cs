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
    private readonly Dictionary<string, string?> _numbers = new(StringComparer.Ordinal);
    private IReadOnlyList<MountedFilesystem>? _mounts;

    /// <summary>A device; <see cref="BlockDevice.Absent"/> when there is none.</summary>
    public BlockDevice Read(DeviceNumber number) => Read(number, depth: 0);

    private BlockDevice Read(DeviceNumber number, int depth)
    {
        if (_seen.TryGetValue(number, out BlockDevice? device))
        {
            return device;
        }

        string place = files.Block(number);
        using HostFolder? folder = HostFolder.TryOpen(place);
        if (depth >= MaxDepth)
        {
            device = Unknown(number, "…", "it lies too deep");
        }
        else if (folder is not null && HostFiles.TryReadLink(place) is { } link)
        {
            DevicePath path = DevicePath.Parse(link);
            device = ReadKind(number, path, folder, depth + 1) with
            {
                SizeSectors = folder.TryReadNumber("size"u8),
                IsReadOnly = folder.TryReadSwitch("ro"u8),
            };
        }
        else
        {
            device = new BlockDevice.Absent { Number = number, Name = string.Empty };
        }

        _seen[number] = device;
        return device;
    }

    private BlockDevice ReadKind(DeviceNumber number, DevicePath path, HostFolder folder, int depth)
    {
        if (path.ScsiAddress is { } address)
        {
            return ReadScsi(number, path, folder, address);
        }

        if (folder.TryRead("partition"u8) is not null)
        {
            IReadOnlyList<BlockDevice> disk = [ReadNumber(folder.TryRead("../dev"u8), depth)];
            return new BlockDevice.Partition { Number = number, Name = path.Name, Below = disk };
        }

        if (folder.TryRead("dm/uuid"u8) is { } uuid)
        {
            return ReadMap(number, path, folder, uuid, depth);
        }

        return path switch
        {
            { NvmeSubsystem: not null } or { NvmeController: not null } => ReadNvme(number, path, folder),
            { IsVirtio: true } => new BlockDevice.Plain { Number = number, Name = path.Name },
            { Name: var name } when name.StartsWith("loop", StringComparison.Ordinal)
                => ReadLoop(number, path, folder, depth),
            { Name: var name } when name.StartsWith("md", StringComparison.Ordinal)
                => ReadArray(number, path, folder, depth),
            _ => Unknown(number, path.Name, "the bridge does not know how to look at this kind of device"),
        };
    }

    private BlockDevice.ScsiDisk ReadScsi(
        DeviceNumber number, DevicePath path, HostFolder folder, string address) => new()
    {
        Number = number,
        Name = path.Name,
        Address = address,
        State = folder.TryRead("device/state"u8),
        TimeoutSeconds = (int?)folder.TryReadNumber("device/timeout"u8),
        Wwid = ReadWwid(folder),
        Transport = path switch
        {
            { Session: { } session } => new ScsiTransport.Iscsi(_transports.Session(session)),
            { RemotePort: { } port } => new ScsiTransport.FibreChannel(_transports.Port(port)),
            _ => new ScsiTransport.Local(),
        },
    };

    /// <summary>Old kernels have no <c>wwid</c>, but the page it is made of.</summary>
    private static string? ReadWwid(HostFolder folder)
        => folder.TryRead("device/wwid"u8) is { Length: > 0 } wwid
            ? wwid
            : folder.TryReadBytes("device/vpd_pg83"u8) is { Length: > 0 } page
                ? $"page 83 {Convert.ToHexStringLower(page)}"
                : null;

    private BlockDevice ReadMap(DeviceNumber number, DevicePath path, HostFolder folder, string uuid, int depth)
    {
        string mapName = folder.TryRead("dm/name"u8) ?? path.Name;
        bool? isSuspended = folder.TryReadSwitch("dm/suspended"u8);
        BlockDevice[] below = ReadSlaves(folder, depth);
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

    /// <summary>An array of md: every disk of it must be well, even where it could do without one.</summary>
    private BlockDevice.Mapped ReadArray(DeviceNumber number, DevicePath path, HostFolder folder, int depth) => new()
    {
        Number = number,
        Name = path.Name,
        MapName = path.Name,
        Uuid = folder.TryRead("md/uuid"u8) ?? string.Empty,
        IsSuspended = false,
        Below = ReadSlaves(folder, depth),
    };

    private BlockDevice.Loop ReadLoop(DeviceNumber number, DevicePath path, HostFolder folder, int depth)
    {
        string? file = folder.TryRead("loop/backing_file"u8);
        _mounts ??= MountTable.Parse(ReadMountTable());
        MountedFilesystem? filesystem = file is null ? null : MountTable.Find(_mounts, file);
        return new BlockDevice.Loop
        {
            Number = number,
            Name = path.Name,
            BackingFile = file,
            IsDirect = folder.TryReadSwitch("loop/dio"u8) is true,
            FilesystemType = filesystem?.Type ?? string.Empty,
            IsFilesystemReadOnly = filesystem?.TakesNoWrites ?? false,
            // Major 0 is a filesystem without a device: a network's, or memory.
            Below = filesystem is { Device: { Major: > 0 } carrier } ? [Read(carrier, depth)] : [],
        };
    }

    private BlockDevice.Nvme ReadNvme(DeviceNumber number, DevicePath path, HostFolder folder)
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
            Wwid = folder.TryRead("wwid"u8),
            SubsystemName = HostFiles.TryRead(path.NvmeController is { } name
                ? files.Sys($"class/nvme/{name}/subsysnqn")
                : $"{subsystem}/subsysnqn") ?? string.Empty,
            Paths = paths,
        };
    }

    /// <summary>The devices below. One that is just being removed is absent, not left out.</summary>
    private BlockDevice[] ReadSlaves(HostFolder folder, int depth)
    {
        IReadOnlyList<string> names = folder.Names("slaves"u8);
        var below = new BlockDevice[names.Count];
        for (int i = 0; i < below.Length; i++)
        {
            // Within one look a name stands for one device.
            if (!_numbers.TryGetValue(names[i], out string? number))
            {
                number = HostFiles.TryRead(files.Sys($"class/block/{names[i]}/dev"));
                _numbers[names[i]] = number;
            }

            below[i] = ReadNumber(number, depth);
        }

        return below;
    }

    private BlockDevice ReadNumber(string? text, int depth)
        => DeviceNumber.TryParse(text ?? string.Empty, out DeviceNumber number)
            ? Read(number, depth)
            : new BlockDevice.Absent { Number = default, Name = string.Empty };

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
