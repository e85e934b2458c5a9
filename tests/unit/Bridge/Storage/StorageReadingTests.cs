using System.Text;
using HostBridge.Recovery;
using HostBridge.Storage;
using HostBridge.Storage.Judging;
using HostBridge.Storage.Parsing;
using Tests.Unit.Bridge.Storage.Fixtures;
using Xunit;

namespace Tests.Unit.Bridge.Storage;

/// <summary>
/// From bytes of the kernel to facts: paths, records, uevents, mount tables, backends, lines of the child.
/// </summary>
public sealed class StorageReadingTests
{
    [Theory]
    [InlineData("../../devices/platform/host3/session1/target3:0:0/3:0:0:1/block/sdb", "sdb", "3:0:0:1", "session1", null)]
    [InlineData("../../devices/pci0000:00/0000:00:05.0/host3/rport-3:0-1/target3:0:1/3:0:1:0/block/sdc", "sdc", "3:0:1:0", null, "rport-3:0-1")]
    [InlineData("../../devices/pci0000:00/ata1/host0/target0:0:0/0:0:0:0/block/sda", "sda", "0:0:0:0", null, null)]
    [InlineData("../../devices/virtual/block/dm-3", "dm-3", null, null, null)]
    [InlineData("", "", null, null, null)]
    public void A_path_in_sysfs_tells_how_a_device_is_reached(
        string path, string name, string? address, string? session, string? port)
    {
        DevicePath parsed = DevicePath.Parse(path);
        Assert.Equal((name, address, session, port), (parsed.Name, parsed.ScsiAddress, parsed.Session, parsed.RemotePort));
    }

    [Theory]
    [InlineData("../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", "nvme-subsys0", null)]
    [InlineData("../../devices/virtual/nvme-fabrics/ctl/nvme2/nvme2n1", null, "nvme2")]
    [InlineData("../../devices/pci0000:00/0000:00:06.0/nvme/nvme1/nvme1n1", null, "nvme1")]
    public void A_path_of_nvme_tells_its_subsystem_or_its_controller(string path, string? subsystem, string? controller)
    {
        DevicePath parsed = DevicePath.Parse(path);
        Assert.Equal((subsystem, controller), (parsed.NvmeSubsystem, parsed.NvmeController));
    }

    [Theory]
    [InlineData("")]
    [InlineData(";text")]
    [InlineData("6,1,-5,-;text")]
    [InlineData("6,1;text")]
    [InlineData("six,1,5,-;text")]
    public void A_malformed_record_of_the_kernels_log_is_none(string record)
        => Assert.Null(KernelRecord.Parse(Encoding.ASCII.GetBytes(record)));

    [Fact]
    public void A_record_keeps_its_time_and_loses_its_dictionary()
    {
        KernelRecord record = KernelRecord.Parse("6,339,5140900,-;sd 3:0:0:0: [sdb] x\n SUBSYSTEM=scsi\n"u8)!.Value;
        Assert.Equal((0, TimeSpan.FromMicroseconds(5_140_900), "sd 3:0:0:0: [sdb] x"), (record.Facility, record.At, record.Text));
    }

    [Fact]
    public void A_lost_path_of_a_map_is_a_fault_by_its_uevent()
    {
        StorageLine line = Uevents.Understand(Encoding.ASCII.GetBytes(
            "change@/devices/virtual/block/dm-0\0ACTION=change\0SUBSYSTEM=block\0DM_TARGET=multipath\0"
            + "DM_ACTION=PATH_FAILED\0DM_SEQNUM=1\0DM_PATH=8:16\0DM_NR_VALID_PATHS=1\0DM_NAME=mpatha\0"))!;
        Assert.Equal((StorageLineKind.Fault, "8:16"), (line.Kind, Assert.Single(line.Parts)));
    }

    [Theory]
    [InlineData("change@/devices/virtual/block/dm-0\0SUBSYSTEM=block\0DM_ACTION=PATH_REINSTATED\0DM_PATH=8:16\0", true)]
    [InlineData("remove@/devices/platform/host3/session1\0SUBSYSTEM=iscsi_session\0", true)]
    [InlineData("add@/devices/virtual/net/vif5.0\0SUBSYSTEM=net\0", false)]
    [InlineData("libudev\0SUBSYSTEM=block\0", false)]
    [InlineData("", false)]
    public void Uevents_of_storage_are_worth_a_look_and_others_are_not(string message, bool isWorthALook)
        => Assert.Equal(
            isWorthALook ? StorageLineKind.Change : null,
            Uevents.Understand(Encoding.ASCII.GetBytes(message))?.Kind);

    [Fact]
    public void The_filesystem_of_a_file_is_the_nearest_mount_above_it_and_of_two_there_the_later()
    {
        IReadOnlyList<MountedFilesystem> mounts = MountTable.Parse("""
            22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
            30 22 8:0 / /srv rw shared:5 master:1 - xfs /dev/sda rw,attr2
            31 22 8:16 / /srv rw - ext4 /dev/sdb rw,emergency_ro
            32 22 0:40 / /srv\040two rw - nfs4 filer:/x rw
            garbage - x
            """);
        Assert.Equal(new DeviceNumber(8, 16), MountTable.Find(mounts, "/srv/g5.img")!.Device);
        Assert.True(MountTable.Find(mounts, "/srv/g5.img")!.TakesNoWrites);
        Assert.Equal("nfs4", MountTable.Find(mounts, "/srv two/g5.img")!.Type);
        Assert.Equal(new DeviceNumber(254, 0), MountTable.Find(mounts, "/srvx/g5.img")!.Device);
        Assert.Null(MountTable.Find([], "/x"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("timeout")]
    [InlineData("""{"maps":[{"name":"mpatha",""")]
    [InlineData("""["maps"]""")]
    [InlineData("""{"error":"no"}""")]
    public void What_is_no_answer_of_multipathd_is_none(string json)
        => Assert.Null(MultipathMaps.Parse(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Backends_are_read_with_hexadecimal_numbers_and_their_counts()
    {
        using var tree = new SysfsTree();
        tree.Backend(5, new DeviceNumber(253, 18));
        tree.Write("sys/bus/xen-backend/devices/vbd-6-51712/state", "4");
        tree.Write("sys/bus/xen-backend/devices/vif-5-0/state", "4");
        Assert.Equal(
            [
                new BackendDisk(new DomainId(5), 51712, new DeviceNumber(253, 18), 120, 80, 7),
                new BackendDisk(new DomainId(6), 51712, null, null, null, null),
            ],
            new XenBackendReader(tree.Files).Read());
    }

    [Fact]
    public void What_the_backends_of_a_domain_did_is_one_sum_and_absence_is_normal()
    {
        using var tree = new SysfsTree();
        var reader = new XenBackendReader(tree.Files);
        var watched = new HashSet<DomainId> { new(5), new(6), new(7), new(8) };
        Assert.Empty(reader.Activity(watched));
        tree.Backend(5, new DeviceNumber(8, 0), virtualDevice: 51712);
        tree.Backend(5, new DeviceNumber(8, 16), virtualDevice: 51728);
        // Without discards; without statistics; with none that is a number; of nobody who is watched.
        tree.Backend(6, new DeviceNumber(8, 0));
        tree.Remove("sys/bus/xen-backend/devices/vbd-6-51712/statistics/ds_req");
        tree.Write("sys/bus/xen-backend/devices/vbd-7-51712/physical_device", "8:0");
        tree.Write("sys/bus/xen-backend/devices/vbd-8-51712/statistics/rd_req", "many");
        tree.Backend(9, new DeviceNumber(8, 0));
        tree.Write("sys/bus/xen-backend/devices/vif-5-0/statistics/rd_req", "1");
        Assert.Equal(
            [new BackendActivity(new DomainId(5), 420), new BackendActivity(new DomainId(6), 207)],
            reader.Activity(watched));
    }

    [Fact]
    public void The_timeouts_that_decide_a_failover_are_read()
    {
        using var tree = new SysfsTree();
        tree.Session(4, "iqn.x");
        DeviceNumber disk = tree.IscsiDisk("sda", 0, session: 4);
        var scsi = Assert.IsType<BlockDevice.ScsiDisk>(new BlockStackReader(tree.Files).Read(disk));
        Assert.Equal(30, scsi.TimeoutSeconds);
        Assert.Equal(120, Assert.IsType<ScsiTransport.Iscsi>(scsi.Transport).Session.RecoveryTimeoutSeconds);
        Assert.Equal("session4", Assert.Single(new TransportReader(tree.Files).Sessions()).Name);
    }

    [Fact]
    public void A_kernel_without_wwid_gives_the_page_it_is_made_of()
    {
        using var tree = new SysfsTree();
        DeviceNumber disk = tree.LocalDisk("sda", 0);
        tree.Remove(SysfsTree.Of(disk, "device/wwid"));
        File.WriteAllBytes(Path.Combine(tree.Root, SysfsTree.Of(disk, "device/vpd_pg83")), [0, 0x83, 0, 2, 0xab, 0xcd]);
        Assert.Equal("page 83 00830002abcd", Assert.IsType<BlockDevice.ScsiDisk>(new BlockStackReader(tree.Files).Read(disk)).Wwid);
    }

    [Fact]
    public void What_the_reading_child_is_told_and_tells_comes_back_as_it_was()
    {
        var request = new ReadRequest(new DeviceNumber(253, 3), "dm-3");
        Assert.Equal(request, ReadRequest.Parse(request.ToString()));
        var answer = new ReadAnswer(new DeviceNumber(8, 0), TimeSpan.FromMicroseconds(1234), ReadResult.Failed, "/dev/sda: ENXIO");
        Assert.Equal(answer, ReadAnswer.Parse(answer.ToString()));
        Assert.Equal(ReadResult.Read, ReadAnswer.Parse("8:0 12 read")!.Value.Result);
        Assert.Equal(ReadResult.NotMade, ReadAnswer.Parse("8:0 12 not-made /dev/sda is another device")!.Value.Result);
        Assert.Null(ReadAnswer.Parse("8:0 twelve read"));
        Assert.Null(ReadAnswer.Parse("8:0 12 ok"));
        Assert.Null(ReadRequest.Parse("sda"));
    }

    [Fact]
    public void A_dead_array_takes_few_reads_and_leaves_room_for_others()
    {
        var book = new ReadBook();
        for (int minor = 0; minor < 100; minor++)
        {
            book.Want(new DeviceNumber(8, minor), "sdx", minor < 99 ? "dead" : "other", TimeSpan.Zero);
        }

        IReadOnlyList<ReadTarget> begun = book.TakeDue(TimeSpan.Zero);
        Assert.Equal(9, begun.Count);
        Assert.Contains(new ReadTarget(new DeviceNumber(8, 99), "sdx"), begun);
        Assert.Empty(book.TakeDue(TimeSpan.FromSeconds(20)));
        Assert.True(book.Take(begun[0].Device, ReadResult.Read, "", TimeSpan.Zero));
        Assert.Single(book.TakeDue(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public void A_read_that_ends_as_the_last_one_did_is_no_reason_to_look()
    {
        var book = new ReadBook();
        var disk = new DeviceNumber(8, 0);
        book.Want(disk, "sda", "group", TimeSpan.Zero);
        Assert.Single(book.TakeDue(TimeSpan.Zero));
        Assert.True(book.Take(disk, ReadResult.Read, "", TimeSpan.Zero));
        foreach ((int second, ReadResult result, bool isNews) in new[]
            { (40, ReadResult.Read, false), (80, ReadResult.Failed, true), (90, ReadResult.Read, true) })
        {
            book.Want(disk, "sda", "group", TimeSpan.FromSeconds(second));
            Assert.Single(book.TakeDue(TimeSpan.FromSeconds(second)));
            Assert.Equal(isNews, book.Take(disk, result, "", TimeSpan.Zero));
        }

        Assert.False(book.Take(disk, ReadResult.Failed, "EIO", TimeSpan.Zero));
    }
}
