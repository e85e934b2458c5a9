using GuestAgent.Linux;
using GuestAgent.Signals;
using GuestAgent.Signals.Parsing;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>
/// Whose disk it is, by trees of sysfs. loop and zram are as Linux 6.18 shows them; the others were not recorded, but are
/// made by hand after the drivers named beside them (dm and md: <c>slaves</c> as block/holder.c makes it).
/// </summary>
public sealed class DiskOriginTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("origins-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("devices/vbd-51712/block/xvda", DiskOrigin.Vbd)] // drivers/block/xen-blkfront.c
    [InlineData("devices/xen/vbd-2048/block/sda", DiskOrigin.Vbd)] // linux-2.6.18-xen, drivers/xen/blkfront
    [InlineData("devices/platform/host7/session7/target7:0:0/7:0:0:1/block/sdf", DiskOrigin.Iscsi)] // iscsi_tcp.c
    [InlineData("devices/pci0000:00/0000:00:05.0/host2/session1/target2:0:0/2:0:0:0/block/sdb", DiskOrigin.Iscsi)] // qla4xxx
    [InlineData("devices/virtual/block/nbd0", DiskOrigin.Nbd)] // drivers/block/nbd.c
    [InlineData("devices/virtual/block/drbd0", DiskOrigin.Drbd)] // drivers/block/drbd
    [InlineData("devices/rbd/0/block/rbd0", DiskOrigin.Rbd)] // drivers/block/rbd.c
    [InlineData("devices/virtual/block/rbd0", DiskOrigin.Rbd)] // the same before 4.16
    [InlineData("devices/virtual/nvme-fabrics/ctl/nvme0/nvme0n1", DiskOrigin.NvmeFabrics)] // nvme/host/fabrics.c
    [InlineData("devices/pci-0/pci0000:00/0000:00:00.0/ata1/host0/target0:0:0/0:0:0:0/block/sda", DiskOrigin.PassedThrough)] // xen-pcifront.c
    [InlineData("devices/vscsi-0/host0/target0:0:0/0:0:0:0/block/sda", DiskOrigin.PassedThrough)] // xen-scsifront.c
    [InlineData("devices/pci0000:00/0000:00:06.0/usb1/1-1/1-1:1.0/host3/target3:0:0/3:0:0:0/block/sdc", DiskOrigin.PassedThrough)]
    [InlineData("devices/pci0000:00/0000:00:07.0/host5/rport-5:0-0/target5:0:0/5:0:0:1/block/sdd", DiskOrigin.PassedThrough)] // scsi_transport_fc.c
    [InlineData("devices/virtual/block/loop3", DiskOrigin.Loop)]
    [InlineData("devices/virtual/block/ram0", DiskOrigin.Memory)]
    [InlineData("devices/virtual/block/zram0", DiskOrigin.Memory)]
    [InlineData("devices/virtual/block/zd0", DiskOrigin.Unrecognized)] // zvol
    [InlineData("devices/virtual/block/etherd!e0.0", DiskOrigin.Unrecognized)] // aoe
    [InlineData("devices/pseudo_0/adapter0/host4/target4:0:0/4:0:0:0/block/sde", DiskOrigin.Unrecognized)] // scsi_debug
    public void A_disk_is_named_by_its_place_in_sysfs(string path, DiskOrigin origin)
    {
        Device(path);

        Assert.Equal([origin], Of(Path.GetFileName(path)));
    }

    [Theory]
    [InlineData("8086 7010 1af4 1100", DiskOrigin.Emulated)] // piix3-ide
    [InlineData("8086 7010 0000 0000", DiskOrigin.Emulated)]
    [InlineData("8086 7111 5853 0001", DiskOrigin.Emulated)] // piix4-ide of Xen's older device model
    [InlineData("8086 2922 1af4 1100", DiskOrigin.Emulated)] // ich9-ahci
    [InlineData("1000 0012 1af4 1100", DiskOrigin.Emulated)] // lsi53c895a
    [InlineData("1b36 0010 1af4 1100", DiskOrigin.Emulated)] // nvme
    [InlineData("1af4 1001 1af4 0002", DiskOrigin.Virtio)] // virtio-blk-pci
    [InlineData("1af4 1048 1af4 1100", DiskOrigin.Virtio)] // virtio-scsi-pci
    [InlineData("8086 2922 1028 0420", DiskOrigin.PassedThrough)] // the same controller on a real board
    [InlineData("144d a808 144d a801", DiskOrigin.PassedThrough)] // an NVMe drive
    [InlineData("1077 2261 103c 0001", DiskOrigin.PassedThrough)]
    [InlineData("", DiskOrigin.Unrecognized)]
    public void A_controller_of_the_device_model_is_told_from_one_that_is_passed_through(string ids, DiskOrigin origin)
    {
        Device("devices/pci0000:00/0000:00:01.1/ata1/host0/target0:0:0/0:0:0:0/block/sda");
        Pci("0000:00:01.1", ids);

        Assert.Equal([origin], Of("sda"));
    }

    [Theory]
    [InlineData("pcie", DiskOrigin.Emulated)]
    [InlineData("tcp", DiskOrigin.NvmeFabrics)]
    [InlineData("rdma", DiskOrigin.NvmeFabrics)]
    [InlineData("fc", DiskOrigin.NvmeFabrics)]
    [InlineData("carrier-pigeon", DiskOrigin.Unrecognized)]
    public void An_nvme_disk_with_several_ways_is_named_by_the_transport_of_its_controllers(string transport, DiskOrigin origin)
    {
        Device("devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1");
        string subsystem = Directory.CreateDirectory(Path.Combine(_folder, "sys/class/nvme-subsystem/nvme-subsys0")).FullName;
        Directory.CreateSymbolicLink(Path.Combine(subsystem, "nvme3"), "../../../pci0000:00/0000:00:04.0/nvme/nvme3");
        Directory.CreateDirectory(Path.Combine(subsystem, "nvme0n1"));
        Write("sys/class/nvme/nvme3/transport", transport + "\n");
        Pci("0000:00:04.0", "1b36 0010 1af4 1100");

        Assert.Equal([origin], Of("nvme0n1"));
    }

    [Fact]
    public void A_stack_is_followed_to_its_disks_through_partitions_lvm_crypt_and_md()
    {
        Device("devices/vbd-51712/block/xvda");
        Device("devices/vbd-51712/block/xvda/xvda2");
        Write("sys/class/block/xvda2/partition", "2\n");
        Device("devices/platform/host7/session7/target7:0:0/7:0:0:1/block/sdf");
        Device("devices/virtual/block/md0");
        Device("devices/virtual/block/dm-0");
        Device("devices/virtual/block/dm-1");
        Slave("md0", "xvda2");
        Slave("md0", "sdf");
        Slave("dm-0", "md0");
        Slave("dm-1", "dm-0");

        Assert.Equal([DiskOrigin.Vbd, DiskOrigin.Iscsi], Of("dm-1"));
        Assert.Equal([DiskOrigin.Vbd], Of("xvda2"));
    }

    [Fact]
    public void A_filesystem_of_several_devices_has_the_origins_of_all()
    {
        Device("devices/vbd-51728/block/xvdb");
        Device("devices/virtual/block/nbd0");

        Assert.Equal([DiskOrigin.Vbd, DiskOrigin.Nbd], Of("xvdb", "nbd0"));
    }

    [Fact]
    public void A_kernel_without_class_block_is_read_by_its_block_folder()
    {
        string disk = Directory.CreateDirectory(Path.Combine(_folder, "sys/block/xvda")).FullName;
        Directory.CreateDirectory(Path.Combine(disk, "xvda1"));
        File.CreateSymbolicLink(Path.Combine(disk, "device"), "../../devices/xen/vbd-51712");

        Assert.Equal([DiskOrigin.Vbd], Of("xvda1"));
    }

    [Fact]
    public void What_is_not_there_or_never_ends_is_not_recognized()
    {
        Device("devices/virtual/block/dm-0");
        Device("devices/virtual/block/dm-1");
        Slave("dm-0", "dm-1");
        Slave("dm-1", "dm-0");

        Assert.Equal([DiskOrigin.Unrecognized], Of("dm-0"));
        Assert.Equal([DiskOrigin.Unrecognized], Of("rpool"));
        Assert.Equal([DiskOrigin.Unrecognized], Of());

        Device("devices/virtual/block/dm-2");
        for (int number = 0; number < 400; number++)
        {
            Device($"devices/vbd-{number}/block/xvd{number}");
            Slave("dm-2", $"xvd{number}");
        }

        Assert.Equal([DiskOrigin.Unrecognized, DiskOrigin.Vbd], Of("dm-2"));
    }

    [Fact]
    public void The_disks_of_this_machine_are_named_by_its_own_sysfs()
    {
        Assert.All(
            Directory.GetFileSystemEntries("/sys/class/block", "loop*").Select(entry => Path.GetFileName(entry)),
            name => Assert.Equal([DiskOrigin.Loop], DiskOrigins.Of(new PathRoot("/"), [name])));
        Assert.All(
            Directory.GetFileSystemEntries("/sys/class/block", "zram*").Select(entry => Path.GetFileName(entry)),
            name => Assert.Equal([DiskOrigin.Memory], DiskOrigins.Of(new PathRoot("/"), [name])));
    }

    [Theory]
    [InlineData("")]
    [InlineData("///")]
    [InlineData("../../devices/vbd-/block/xvda")]
    [InlineData("../../devices/sessionless/block/sda")]
    [InlineData("../../devices/virtual/block/loopback")]
    public void A_path_that_only_looks_like_one_is_not_recognized(string path)
        => Assert.Equal(DiskOrigin.Unrecognized, DiskOriginParser.OfPath(path));

    private IReadOnlyList<DiskOrigin> Of(params string[] devices) => DiskOrigins.Of(new PathRoot(_folder), devices);

    private void Device(string path)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "sys", path));
        string links = Directory.CreateDirectory(Path.Combine(_folder, "sys/class/block")).FullName;
        Directory.CreateSymbolicLink(Path.Combine(links, Path.GetFileName(path)), $"../../{path}");
    }

    private void Slave(string device, string slave)
        => Directory.CreateDirectory(Path.Combine(_folder, $"sys/class/block/{device}/slaves/{slave}"));

    private void Pci(string function, string ids)
    {
        string[] names = ["vendor", "device", "subsystem_vendor", "subsystem_device"];
        foreach ((string name, string id) in names.Zip(ids.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        {
            Write($"sys/bus/pci/devices/{function}/{name}", $"0x{id}\n");
        }
    }

    private void Write(string path, string text)
    {
        string file = Path.Combine(_folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
