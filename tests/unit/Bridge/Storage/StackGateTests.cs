using HostBridge.Recovery;
using HostBridge.Storage.Judging;
using HostBridge.Storage.Parsing;
using Tests.Unit.Bridge.Storage.Fixtures;
using Xunit;

namespace Tests.Unit.Bridge.Storage;

/// <summary>Disks that stand on others: multipath, LVM, partitions, files, NVMe and Fibre Channel.</summary>
public sealed class StackGateTests : IDisposable
{
    private const string Target = "iqn.2026-01.org.example:array1";
    private const string Wwid = "naa.60014050000000000000000000000001";

    private readonly StorageStory _story = new();

    private SysfsTree Tree => _story.Tree;

    public void Dispose() => _story.Dispose();

    /// <summary>As in the lab: one target over two portals, sda and sdb, mpatha.</summary>
    private DeviceNumber Mpatha()
    {
        Tree.Session(1, Target);
        Tree.Session(2, Target);
        Tree.IscsiDisk("sda", 0, session: 1, wwid: Wwid);
        Tree.IscsiDisk("sdb", 16, session: 2, wwid: Wwid);
        return Tree.Map(0, "mpatha", "mpath-360014050000000000000000000000001", "sda", "sdb");
    }

    [Fact]
    public void One_lost_path_of_two_leaves_the_gate_open_and_is_evidence()
    {
        _story.Guest(5, Mpatha()).Settle();
        Tree.SessionIs(2, "FREE", "failed", "transport-offline");
        Assert.Contains("mpatha has 1 of 2 paths", _story.Wait(1).Open(5).Evidence, StringComparison.Ordinal);
        Assert.Contains("sdb is transport-offline", _story.View(5).LastFault!.Text, StringComparison.Ordinal);
        TimeSpan lostAt = _story.Now;
        _story.Wait(300);
        Assert.IsType<StorageGate.Open>(_story.View(5).Gate);
        Assert.Equal(lostAt, _story.View(5).LastFault!.At);
        Assert.Equal([$"iscsi {Target}"], _story.View(5).LunGroups);
    }

    [Fact]
    public void Words_of_the_kernel_on_one_path_do_not_begin_the_count_anew_but_those_on_the_map_do()
    {
        _story.Guest(5, Mpatha()).Settle();
        _story.Kernel("connection2:0: detected conn error (1020)");
        _story.Kernel("device-mapper: multipath: 253:0: Failing path 8:16.");
        Assert.Empty(_story.Wait(1).Affected());
        Assert.Contains("Failing path 8:16", _story.View(5).LastFault!.Text, StringComparison.Ordinal);
        _story.Kernel("I/O error, dev dm-0, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2");
        Assert.Equal([5], _story.Wait(1).Affected());
    }

    [Fact]
    public void All_paths_lost_closes_the_gate_of_every_guest_on_the_map()
    {
        DeviceNumber map = Mpatha();
        DeviceNumber root = Tree.Map(1, "vg-g5", "LVM-abc1", "dm-0");
        DeviceNumber other = Tree.Map(2, "vg-g6", "LVM-abc2", "dm-0");
        _story.Guest(4, map).Guest(5, root).Guest(6, other).Guest(7, Tree.LocalDisk("sdc", 32)).Settle();
        Assert.Empty(_story.Affected());
        Tree.SessionIs(1, "FAILED", "bound", "blocked");
        Tree.SessionIs(2, "FAILED", "bound", "blocked");
        Assert.Equal([4, 5, 6], _story.Wait(1).Affected());
        Assert.Contains("dm-1 (253:1): mpatha has no active path of 2", _story.Closed(5), StringComparison.Ordinal);
    }

    [Fact]
    public void A_map_without_paths_and_a_suspended_map_close_the_gate()
    {
        DeviceNumber map = Tree.Map(0, "mpatha", "mpath-1");
        DeviceNumber suspended = Tree.Map(1, "vg-a", "LVM-1", [.. Slaves("sdq")]);
        Tree.Write(SysfsTree.Of(suspended, "dm/suspended"), "1");
        _story.Guest(5, map).Guest(6, suspended).Settle();
        Assert.Contains("mpatha has no active path of 0", _story.Closed(5), StringComparison.Ordinal);
        Assert.Contains("vg-a is suspended", _story.Closed(6), StringComparison.Ordinal);
        Assert.Null(_story.View(6).LastFault);
    }

    [Fact]
    public void Paths_that_lead_to_different_disks_close_the_gate()
    {
        DeviceNumber map = Mpatha();
        _story.Guest(5, map).Settle();
        Tree.Write(SysfsTree.Of(new DeviceNumber(8, 16), "device/wwid"), "naa.6001405ffffffff");
        Assert.Contains("the paths of mpatha lead to different disks", _story.Wait(1).Closed(5), StringComparison.Ordinal);
    }

    [Fact]
    public void What_multipathd_calls_failed_is_no_path_to_count_on()
    {
        _story.Guest(5, Mpatha()).Settle();
        _story.Multipathd = MultipathMaps.Parse("""
            {"major_version":0,"minor_version":1,"maps":[{"name":"mpatha","uuid":"360014050000000000000000000000001",
             "sysfs":"dm-0","queueing":"on","paths":2,"dm_st":"active","path_groups":[{"selector":"service-time 0",
             "dm_st":"active","group":1,"paths":[
             {"dev":"sda","dev_t":"8:0","dm_st":"failed","dev_st":"running","chk_st":"faulty","pri":1},
             {"dev":"sdb","dev_t":"8:16","dm_st":"active","dev_st":"running","chk_st":"ready","pri":1}]}]}]}
            """u8)!;
        Assert.Contains("mpatha has 1 of 2 paths", _story.Wait(1).Open(5).Evidence, StringComparison.Ordinal);
        Assert.Contains("sda is failed in its multipath map (checker: faulty)", _story.View(5).LastFault!.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_partition_lives_and_dies_with_its_disk()
    {
        Tree.Session(1, Target);
        Tree.IscsiDisk("sda", 0, session: 1);
        DeviceNumber partition = Tree.Partition("sda2", 8, 2, "sda");
        _story.Guest(5, partition).Settle();
        Assert.IsType<StorageGate.Open>(_story.View(5).Gate);
        Assert.Equal("sda2 on naa.600140500000000 of 2097152 sectors", _story.Of(partition).Identity);
        Assert.Equal(2_097_152 * 512, _story.Of(partition).SizeBytes);
        Tree.SessionIs(1, "FAILED", "failed", "blocked");
        Assert.Contains("sda is blocked", _story.Wait(1).Closed(5), StringComparison.Ordinal);
    }

    [Fact]
    public void A_partition_of_a_multipath_map_is_followed_to_its_paths()
    {
        Mpatha();
        DeviceNumber partition = Tree.Map(3, "mpatha-part1", "part1-mpath-360014050000000000000000000000001", "dm-0");
        _story.Guest(5, partition).Settle();
        Assert.Contains("mpatha has 2 of 2 paths", _story.Open(5).Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_loop_device_that_was_given_another_file_leaves_its_faults_behind()
    {
        Tree.Mount(Tree.LocalDisk("sda", 0), "/srv/images", "ext4");
        DeviceNumber loop = Tree.Loop(3, "/srv/images/g5.img");
        _story.Kernel("I/O error, dev loop3, sector 8");
        _story.Kernel("loop3: detected capacity change from 0 to 1638400");
        _story.Guest(5, loop).Settle();
        Assert.Null(_story.View(5).LastFault);
    }

    [Fact]
    public void A_file_on_a_local_filesystem_stands_on_that_filesystems_disk_which_is_what_is_read()
    {
        Tree.Session(1, Target);
        DeviceNumber carrier = Tree.IscsiDisk("sda", 0, session: 1);
        Tree.Mount(carrier, "/srv/images", "ext4");
        DeviceNumber loop = Tree.Loop(3, "/srv/images/g5.img");
        _story.Guest(5, loop).Settle();
        Assert.IsType<StorageGate.Open>(_story.View(5).Gate);
        Assert.Equal([carrier], _story.WasRead.Distinct());
        Tree.SessionIs(1, "FAILED", "failed", "blocked");
        Assert.Contains("sda is blocked", _story.Wait(1).Closed(5), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ro")]
    [InlineData("rw,errors=remount-ro,emergency_ro")]
    [InlineData("rw,shutdown")]
    public void A_file_on_a_filesystem_that_takes_no_writes_closes_the_gate(string options)
    {
        DeviceNumber carrier = Tree.LocalDisk("sda", 0);
        Tree.Mount(carrier, "/srv/images", "ext4", options);
        _story.Guest(5, Tree.Loop(3, "/srv/images/g5.img")).Settle();
        Assert.Contains("the ext4 filesystem that carries loop3 takes no writes", _story.Closed(5), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nfs4", "loop3 is a file on nfs4, which cannot be looked at")]
    [InlineData("tmpfs", "loop3 is a file on tmpfs, which cannot be looked at")]
    public void A_file_on_what_has_no_device_closes_the_gate_unless_somebody_vouches_for_it(string type, string reason)
    {
        Tree.Mount(new DeviceNumber(0, 44), "/srv/images", type);
        DeviceNumber loop = Tree.Loop(3, "/srv/images/g5.img");
        _story.Guest(5, loop).Settle();
        Assert.Contains(reason, _story.Closed(5), StringComparison.Ordinal);
        _story.Vouch(loop);
        _story.Settle();
        Assert.Equal("7:3 assumed operational by configuration", _story.Open(5).Evidence);
    }

    [Fact]
    public void Nobody_can_vouch_for_a_disk_that_is_seen_to_be_at_fault()
    {
        Tree.Session(1, Target, state: "FAILED");
        DeviceNumber disk = Tree.IscsiDisk("sda", 0, session: 1);
        _story.Vouch(disk);
        _story.Guest(5, disk).Settle();
        Assert.Contains("FAILED", _story.Closed(5), StringComparison.Ordinal);
    }

    [Fact]
    public void A_loop_device_without_a_file_and_kinds_that_nobody_knows_close_the_gate()
    {
        _story.Guest(5, Tree.Loop(3, null)).Guest(6, Tree.Device("virtual/block/drbd0", new DeviceNumber(147, 0))).Settle();
        Assert.Contains("loop3 has no file attached", _story.Closed(5), StringComparison.Ordinal);
        Assert.Contains("does not know how to look at this kind of device", _story.Closed(6), StringComparison.Ordinal);
    }

    [Fact]
    public void A_disk_of_virtio_tells_nothing_and_stands_on_its_direct_read_alone()
    {
        DeviceNumber disk = Tree.VirtioDisk("vda", 254, 0);
        _story.Guest(5, disk).Settle();
        Assert.IsType<StorageGate.Open>(_story.View(5).Gate);
        _story.Answers[disk] = "EIO";
        Assert.Contains("failed (EIO)", _story.Wait(36).Closed(5), StringComparison.Ordinal);
    }

    [Fact]
    public void A_disk_that_is_read_only_here_closes_the_gates_of_those_who_write_to_it_alone()
    {
        DeviceNumber carrier = Tree.LocalDisk("sda", 0);
        Tree.Mount(carrier, "/srv/iso", "ext4");
        DeviceNumber image = Tree.Loop(3, "/srv/iso/install.iso");
        Tree.Write(SysfsTree.Of(image, "ro"), "1");
        _story.GuestThatReads(5, [image], carrier).Guest(6, image).Settle();
        Assert.Equal([6], _story.Affected());
        Assert.Equal("loop3 (7:3): loop3 is read-only", _story.Closed(6));
        // Another CD in the same drive is no reason to close; write protection that is taken away begins the count anew.
        Tree.Write("sys/devices/virtual/block/loop3/loop/backing_file", "/srv/iso/other.iso");
        Assert.Equal([6], _story.Wait(1).Affected());
        Tree.Write("sys/devices/virtual/block/loop3/loop/backing_file", "/srv/iso/install.iso");
        Tree.Write(SysfsTree.Of(image, "ro"), "0");
        Assert.Contains("less than 30 s", _story.Wait(10).Closed(6), StringComparison.Ordinal);
        Assert.Empty(_story.Wait(31).Affected());
        // What carries the image counts for the reader too.
        _story.Answers[carrier] = "EIO";
        Assert.Equal([5, 6], _story.Wait(36).Affected());
    }

    [Fact]
    public void A_multipath_map_whose_paths_are_all_read_only_is_for_readers()
    {
        DeviceNumber map = Mpatha();
        _story.GuestThatReads(5, [map]).Guest(6, map).Settle();
        Tree.Write(SysfsTree.Of(new DeviceNumber(8, 0), "ro"), "1");
        Assert.Empty(_story.Wait(1).Affected());
        Tree.Write(SysfsTree.Of(new DeviceNumber(8, 16), "ro"), "1");
        Assert.Equal([6], _story.Wait(1).Affected());
        Assert.Equal("dm-0 (253:0): every path of mpatha is read-only", _story.Closed(6));
    }

    [Fact]
    public void A_fibre_channel_port_that_is_not_online_closes_the_gate()
    {
        Tree.Port("rport-0:0-1");
        DeviceNumber disk = Tree.FibreChannelDisk("sda", 0, "rport-0:0-1");
        _story.Guest(5, disk).Settle();
        Assert.Equal(["fc 0x50060160bb20d1f2"], _story.View(5).LunGroups);
        Assert.IsType<StorageGate.Open>(_story.View(5).Gate);
        Tree.Port("rport-0:0-1", "Blocked");
        Assert.Contains("rport-0:0-1 to 0x50060160bb20d1f2 is Blocked", _story.Wait(1).Closed(5), StringComparison.Ordinal);
        Tree.Port("rport-0:0-1");
        _story.Settle().Kernel(" rport-0:0-1: blocked FC remote port time out: removing target and saving binding");
        Assert.Equal([5], _story.Wait(1).Affected());
    }

    [Fact]
    public void An_nvme_namespace_is_open_as_long_as_one_controller_is_live()
    {
        DeviceNumber disk = Tree.NvmeDisk(0, 259, 0, ("nvme0", "live", "optimized"), ("nvme1", "live", "non-optimized"));
        _story.Guest(5, disk).Settle();
        Assert.Contains("nvme0n1 has 2 of 2 paths", _story.Open(5).Evidence, StringComparison.Ordinal);
        Assert.Equal(["nvme nqn.2014-08.org.example:array1"], _story.View(5).LunGroups);
        Tree.NvmeController("nvme0", "connecting");
        Assert.Contains("nvme0n1 has 1 of 2 paths", _story.Wait(1).Open(5).Evidence, StringComparison.Ordinal);
        Assert.Contains("nvme0 is connecting", _story.View(5).LastFault!.Text, StringComparison.Ordinal);
        Tree.Write("sys/class/nvme/nvme1/nvme0c1n1/ana_state", "inaccessible");
        Assert.Contains("nvme0n1 has no live path of 2 (nvme0 is connecting, nvme1 is inaccessible)",
            _story.Wait(1).Closed(5), StringComparison.Ordinal);
    }

    [Fact]
    public void An_nvme_namespace_without_native_multipath_has_one_controller()
    {
        Tree.NvmeController("nvme3", "live");
        _story.Guest(5, Tree.PlainNvmeDisk("nvme3", 259, 3)).Settle();
        Assert.IsType<StorageGate.Open>(_story.View(5).Gate);
        _story.Kernel("nvme nvme3: starting error recovery");
        Assert.Equal([5], _story.Wait(1).Affected());
        Tree.NvmeController("nvme3", "connecting");
        Assert.Contains("nvme3 is connecting", _story.Wait(1).Closed(5), StringComparison.Ordinal);
    }

    private IEnumerable<string> Slaves(string name)
    {
        Tree.LocalDisk(name, 240);
        yield return name;
    }
}
