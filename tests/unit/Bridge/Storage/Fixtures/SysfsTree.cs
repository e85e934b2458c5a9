using System.Globalization;
using HostBridge.Recovery;
using HostBridge.Storage;

namespace Tests.Unit.Bridge.Storage.Fixtures;

/// <summary>
/// A folder in the shape of /sys and /proc with the devices that a test wants, each as a real kernel shows it: the
/// device's own folder under /sys/devices, and links to it from dev/block and class.
/// </summary>
internal sealed class SysfsTree : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("sysfs-").FullName;
    private readonly List<string> _mounts = ["22 1 254:0 / / rw,relatime - ext4 /dev/vda rw"];
    private readonly Dictionary<string, string> _paths = [];
    private readonly List<string> _scsiDevices = [];
    private int _hosts;

    public SysfsTree() => Write("proc/self/mountinfo", string.Join('\n', _mounts));

    public string Root => _root;

    public HostFiles Files => new(_root);

    public void Dispose() => Directory.Delete(_root, recursive: true);

    public void Write(string path, string text)
    {
        string full = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, $"{text}\n");
    }

    public void Remove(string path)
    {
        string full = Path.Combine(_root, path);
        if (Directory.Exists(full) && new DirectoryInfo(full).LinkTarget is null)
        {
            Directory.Delete(full, recursive: true);
        }
        else
        {
            File.Delete(full);
        }
    }

    /// <summary>An iSCSI session as the lab showed it: logged in, one connection, up.</summary>
    public void Session(int number, string target, string state = "LOGGED_IN", string? connection = "up")
    {
        string name = $"session{Text(number)}";
        Write($"sys/class/iscsi_session/{name}/state", state);
        Write($"sys/class/iscsi_session/{name}/targetname", target);
        Write($"sys/class/iscsi_session/{name}/recovery_tmo", "120");
        string link = $"sys/class/iscsi_connection/connection{Text(number)}:0";
        Write($"{link}/persistent_address", "10.0.2.2");
        Write($"{link}/persistent_port", "3260");
        if (connection is not null)
        {
            Write($"{link}/state", connection);
        }
    }

    /// <summary>What a session and all its disks show after a fault, or after it is over.</summary>
    public void SessionIs(int number, string state, string connection, string disks)
    {
        Write($"sys/class/iscsi_session/session{Text(number)}/state", state);
        Write($"sys/class/iscsi_connection/connection{Text(number)}:0/state", connection);
        foreach (string device in _scsiDevices
            .Where(path => path.Contains($"/session{Text(number)}/", StringComparison.Ordinal)))
        {
            Write($"sys/devices/{device}/state", disks);
        }
    }

    /// <summary>A disk over an iSCSI session.</summary>
    public DeviceNumber IscsiDisk(string name, int minor, int session, int lun = 1, string? wwid = null)
        => ScsiDisk(name, minor, $"platform/host{{0}}/session{Text(session)}", lun, wwid);

    /// <summary>A disk over a Fibre Channel port.</summary>
    public DeviceNumber FibreChannelDisk(string name, int minor, string port, int lun = 1, string? wwid = null)
        => ScsiDisk(name, minor, $"pci0000:00/0000:00:05.0/host{{0}}/{port}", lun, wwid);

    public void Port(string port, string state = "Online", string node = "0x50060160bb20d1f2")
    {
        Write($"sys/class/fc_remote_ports/{port}/port_state", state);
        Write($"sys/class/fc_remote_ports/{port}/node_name", node);
    }

    /// <summary>A disk on a bus of this host.</summary>
    public DeviceNumber LocalDisk(string name, int minor) => ScsiDisk(name, minor, "pci0000:00/ata1/host{0}", 0, null);

    public DeviceNumber VirtioDisk(string name, int major, int minor)
        => Device($"pci0000:00/virtio{Text(minor)}/block/{name}", new DeviceNumber(major, minor));

    /// <summary>A partition of a disk, in the disk's own folder.</summary>
    public DeviceNumber Partition(string name, int major, int minor, string disk)
    {
        string path = $"{_paths[disk]}/{name}";
        DeviceNumber number = Device(path, new DeviceNumber(major, minor));
        Write($"sys/devices/{path}/partition", "1");
        return number;
    }

    /// <summary>A map of the device mapper: <c>mpath-…</c>, <c>LVM-…</c>, <c>part1-mpath-…</c>.</summary>
    public DeviceNumber Map(int minor, string name, string uuid, params string[] slaves)
    {
        string path = $"virtual/block/dm-{Text(minor)}";
        DeviceNumber number = Device(path, new DeviceNumber(253, minor));
        Write($"sys/devices/{path}/dm/name", name);
        Write($"sys/devices/{path}/dm/uuid", uuid);
        Write($"sys/devices/{path}/dm/suspended", "0");
        foreach (string slave in slaves)
        {
            Link($"sys/devices/{path}/slaves/{slave}", Path.Combine(_root, "sys/devices", _paths[slave]));
        }

        return number;
    }

    public DeviceNumber Loop(int minor, string? file)
    {
        DeviceNumber number = Device($"virtual/block/loop{Text(minor)}", new DeviceNumber(7, minor));
        if (file is not null)
        {
            Write($"sys/devices/virtual/block/loop{Text(minor)}/loop/backing_file", file);
        }

        return number;
    }

    public void Mount(DeviceNumber device, string point, string type, string options = "rw")
    {
        _mounts.Add($"{Text(30 + _mounts.Count)} 22 {device} / {point} rw,relatime shared:1 - {type} source {options}");
        Write("proc/self/mountinfo", string.Join('\n', _mounts));
    }

    /// <summary>A namespace of a subsystem with native multipath, over TCP controllers.</summary>
    public DeviceNumber NvmeDisk(
        int subsystem, int major, int minor, params (string Name, string State, string? Access)[] paths)
    {
        string name = $"nvme{Text(subsystem)}n1";
        DeviceNumber number = Device(
            $"virtual/nvme-subsystem/nvme-subsys{Text(subsystem)}/{name}", new DeviceNumber(major, minor));
        Write(Of(number, "wwid"), "uuid.1b4e28ba-2fa1-11d2");
        string folder = $"sys/class/nvme-subsystem/nvme-subsys{Text(subsystem)}";
        Write($"{folder}/subsysnqn", "nqn.2014-08.org.example:array1");
        foreach ((string controller, string state, string? access) in paths)
        {
            NvmeController(controller, state);
            Link($"{folder}/{controller}", Path.Combine(_root, $"sys/class/nvme/{controller}"));
            if (access is not null)
            {
                string path = $"nvme{Text(subsystem)}c{controller["nvme".Length..]}n1";
                Write($"sys/class/nvme/{controller}/{path}/ana_state", access);
            }
        }

        return number;
    }

    public void NvmeController(string name, string state)
    {
        Write($"sys/class/nvme/{name}/state", state);
        Write($"sys/class/nvme/{name}/transport", "tcp");
        Write($"sys/class/nvme/{name}/subsysnqn", "nqn.2014-08.org.example:array1");
    }

    /// <summary>A namespace without native multipath.</summary>
    public DeviceNumber PlainNvmeDisk(string controller, int major, int minor)
    {
        string path = $"virtual/nvme-fabrics/ctl/{controller}/{controller}n1";
        DeviceNumber number = Device(path, new DeviceNumber(major, minor));
        Write($"sys/devices/{path}/wwid", "uuid.1b4e28ba-2fa1-11d3");
        return number;
    }

    /// <summary>A virtual disk that blkback serves.</summary>
    public void Backend(int domain, DeviceNumber device, int virtualDevice = 51712)
    {
        string folder = $"sys/bus/xen-backend/devices/vbd-{Text(domain)}-{Text(virtualDevice)}";
        Write($"{folder}/physical_device", $"{device.Major:x}:{device.Minor:x}");
        Write($"{folder}/statistics/rd_req", "120");
        Write($"{folder}/statistics/wr_req", "80");
        Write($"{folder}/statistics/f_req", "7");
        Write($"{folder}/statistics/ds_req", "3");
    }

    /// <summary>The file of a device, to be changed.</summary>
    public static string Of(DeviceNumber device, string attribute) => $"sys/dev/block/{device}/{attribute}";

    public DeviceNumber Device(string path, DeviceNumber number, long sectors = 2_097_152)
    {
        Write($"sys/devices/{path}/dev", number.ToString());
        Write($"sys/devices/{path}/size", sectors.ToString(CultureInfo.InvariantCulture));
        Write($"sys/devices/{path}/ro", "0");
        _paths[Path.GetFileName(path)] = path;
        Link($"sys/class/block/{Path.GetFileName(path)}", Path.Combine(_root, "sys/devices", path));
        Link($"sys/dev/block/{number}", Path.Combine(_root, "sys/devices", path));
        return number;
    }

    private DeviceNumber ScsiDisk(string name, int minor, string over, int lun, string? wwid)
    {
        int host = _hosts++;
        string address = $"{Text(host)}:0:0:{Text(lun)}";
        string device = $"{string.Format(CultureInfo.InvariantCulture, over, host)}/target{Text(host)}:0:0/{address}";
        DeviceNumber number = Device($"{device}/block/{name}", new DeviceNumber(8, minor));
        _scsiDevices.Add(device);
        Write($"sys/devices/{device}/state", "running");
        Write($"sys/devices/{device}/timeout", "30");
        Write($"sys/devices/{device}/wwid", wwid ?? $"naa.6001405{minor:x8}");
        Link($"sys/devices/{device}/block/{name}/device", Path.Combine(_root, "sys/devices", device));
        return number;
    }

    private void Link(string path, string target)
    {
        string full = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.CreateSymbolicLink(full, Path.GetRelativePath(Path.GetDirectoryName(full)!, target));
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
