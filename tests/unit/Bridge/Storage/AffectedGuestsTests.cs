using HostBridge.Recovery;
using HostBridge.Storage.Judging;
using HostBridge.Storage.Parsing;
using Tests.Unit.Bridge.Storage.Fixtures;
using Xunit;

namespace Tests.Unit.Bridge.Storage;

/// <summary>
/// One host with every kind of storage at once and its guests: whatever fails, from sysfs through the mapping to the
/// gates, closes the gates of exactly those guests that stand on it.
/// </summary>
public sealed class AffectedGuestsTests : IDisposable
{
    private const string Array = "iqn.2026-01.org.example:array";

    /// <summary>What no look at this host can open: a qdisk, and a driver domain with the numbers of sda.</summary>
    private static readonly int[] AlwaysClosed = [13, 14];

    private static readonly Dictionary<string, Action<StorageStory>> Faults = new()
    {
        ["nothing"] = _ => { },
        ["single path: target killed"] = story => story.Tree.SessionIs(1, "FAILED", "failed", "blocked"),
        ["single path: target killed, disk not yet blocked"] = story => story.Tree.SessionIs(1, "FAILED", "failed", "running"),
        ["single path: target stopped"] = story => story.Tree.SessionIs(1, "FAILED", "bound", "blocked"),
        ["single path: packets dropped, recovery timed out"] =
            story => story.Tree.SessionIs(1, "FREE", "failed", "transport-offline"),
        ["single path: a failover between two looks"] =
            story => story.Kernel("connection1:0: ping timeout of 5 secs expired, recv timeout 5"),
        ["single path: one LUN is read-only"] = story => story.Tree.Write("sys/dev/block/8:16/ro", "1"),
        ["single path: a read of one LUN does not return"] = story => story.Answers[new DeviceNumber(8, 16)] = "hangs",
        ["stale: the session's entry is gone, its disks stay"] =
            story => story.Tree.Remove("sys/class/iscsi_session/session1"),
        ["half removed: the state of one LUN is not there"] =
            story => story.Tree.Remove("sys/dev/block/8:16/device/state"),
        ["half removed: the device of one LUN is gone, its link stays"] =
            story => story.Tree.Remove("sys/devices/platform/host1/session1/target1:0:0/1:0:0:2/block/sdb"),
        ["logged out: the link of one LUN is gone"] = story => story.Tree.Remove("sys/dev/block/8:16"),
        ["multipath: one path lost"] = story => story.Tree.SessionIs(2, "FREE", "failed", "transport-offline"),
        ["multipath: all paths lost"] = story =>
        {
            story.Tree.SessionIs(2, "FAILED", "failed", "blocked");
            story.Tree.SessionIs(3, "FAILED", "bound", "blocked");
        },
        ["multipath: multipathd failed both paths"] = story => story.Multipathd = MultipathMaps.Parse(
            """{"maps":[{"path_groups":[{"paths":[{"dev":"sdc","dm_st":"failed"},{"dev":"sdd","dm_st":"failed"}]}]}]}"""u8)!,
        ["multipath: an I/O error of the map"] =
            story => story.Kernel("I/O error, dev dm-0, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2"),
        ["lvm on multipath: one volume suspended"] =
            story => story.Tree.Write("sys/dev/block/253:1/dm/suspended", "1"),
        ["lvm on multipath: an I/O error of one volume"] =
            story => story.Kernel("Buffer I/O error on dev dm-2, logical block 0, lost async page write"),
        ["partition: its disk is lost"] = story => story.Tree.SessionIs(4, "FAILED", "failed", "blocked"),
        ["loop: the disk under its file is lost"] = story => story.Tree.SessionIs(5, "FREE", "failed", "transport-offline"),
        ["loop: the filesystem of its file takes no writes"] =
            story => story.Tree.Mount(new DeviceNumber(8, 80), "/srv/images", "ext4", "rw,emergency_ro"),
        ["loop: detached"] = story => story.Tree.Remove("sys/devices/virtual/block/loop3/loop/backing_file"),
        ["fibre channel: port blocked"] = story => story.Tree.Port("rport-0:0-1", "Blocked"),
        ["fibre channel: port gone"] = story => story.Tree.Remove("sys/class/fc_remote_ports/rport-0:0-1"),
        ["nvme-tcp: one controller lost"] = story => story.Tree.NvmeController("nvme0", "connecting"),
        ["nvme-tcp: both controllers lost"] = story =>
        {
            story.Tree.NvmeController("nvme0", "connecting");
            story.Tree.NvmeController("nvme1", "dead");
        },
        ["nvme-tcp: one lost, the other not accessible"] = story =>
        {
            story.Tree.NvmeController("nvme0", "resetting");
            story.Tree.Write("sys/class/nvme/nvme1/nvme0c1n1/ana_state", "inaccessible");
        },
        ["local: a read fails"] = story => story.Answers[new DeviceNumber(254, 0)] = "EIO",
    };

    private readonly StorageStory _story = new();

    public AffectedGuestsTests()
    {
        SysfsTree tree = _story.Tree;
        for (int session = 1; session <= 5; session++)
        {
            // Both sessions of the multipath map lead to one array.
            tree.Session(session, $"{Array}{(session == 3 ? 2 : session)}");
        }

        DeviceNumber sda = tree.IscsiDisk("sda", 0, session: 1);
        DeviceNumber sdb = tree.IscsiDisk("sdb", 16, session: 1, lun: 2);
        tree.IscsiDisk("sdc", 32, session: 2, wwid: "naa.7");
        tree.IscsiDisk("sdd", 48, session: 3, wwid: "naa.7");
        DeviceNumber map = tree.Map(0, "mpatha", "mpath-37", "sdc", "sdd");
        DeviceNumber volume = tree.Map(1, "vg-g4", "LVM-4", "dm-0");
        DeviceNumber other = tree.Map(2, "vg-g5", "LVM-5", "dm-0");
        DeviceNumber mapPart = tree.Map(3, "mpatha-part1", "part1-mpath-37", "dm-0");
        tree.IscsiDisk("sde", 64, session: 4);
        DeviceNumber part = tree.Partition("sde1", 8, 65, "sde");
        tree.Mount(tree.IscsiDisk("sdf", 80, session: 5), "/srv/images", "ext4");
        DeviceNumber loop = tree.Loop(3, "/srv/images/g8.img");
        tree.Port("rport-0:0-1");
        DeviceNumber fibre = tree.FibreChannelDisk("sdg", 96, "rport-0:0-1");
        DeviceNumber nvme = tree.NvmeDisk(0, 259, 0, ("nvme0", "live", "optimized"), ("nvme1", "live", "optimized"));
        DeviceNumber local = tree.VirtioDisk("vda", 254, 0);
        _story.Guest(1, sda).Guest(2, sdb).Guest(3, map).Guest(4, volume).Guest(5, other).Guest(6, mapPart)
            .Guest(7, part).Guest(8, loop).Guest(9, sda, loop).Guest(10, fibre).Guest(11, nvme).Guest(12, local)
            .Guest(13, new GuestDisks([local], ["qdisk 51728"]))
            .Guest(14, new GuestDisks([], ["vbd 51712, whose backend is in another domain,"]));
    }

    public static TheoryData<string, int[]> Rows => new()
    {
        { "nothing", [] },
        { "single path: target killed", [1, 2, 9] },
        { "single path: target killed, disk not yet blocked", [1, 2, 9] },
        { "single path: target stopped", [1, 2, 9] },
        { "single path: packets dropped, recovery timed out", [1, 2, 9] },
        { "single path: a failover between two looks", [1, 2, 9] },
        { "single path: one LUN is read-only", [2] },
        { "single path: a read of one LUN does not return", [2] },
        { "stale: the session's entry is gone, its disks stay", [1, 2, 9] },
        { "half removed: the state of one LUN is not there", [2] },
        { "half removed: the device of one LUN is gone, its link stays", [2] },
        { "logged out: the link of one LUN is gone", [2] },
        { "multipath: one path lost", [] },
        { "multipath: all paths lost", [3, 4, 5, 6] },
        { "multipath: multipathd failed both paths", [3, 4, 5, 6] },
        { "multipath: an I/O error of the map", [3, 4, 5, 6] },
        { "lvm on multipath: one volume suspended", [4] },
        { "lvm on multipath: an I/O error of one volume", [5] },
        { "partition: its disk is lost", [7] },
        { "loop: the disk under its file is lost", [8, 9] },
        { "loop: the filesystem of its file takes no writes", [8, 9] },
        { "loop: detached", [8, 9] },
        { "fibre channel: port blocked", [10] },
        { "fibre channel: port gone", [10] },
        { "nvme-tcp: one controller lost", [] },
        { "nvme-tcp: both controllers lost", [11] },
        { "nvme-tcp: one lost, the other not accessible", [11] },
        { "local: a read fails", [12] },
    };

    public void Dispose() => _story.Dispose();

    [Theory]
    [MemberData(nameof(Rows))]
    public void A_fault_closes_the_gates_of_the_guests_that_stand_on_it_and_of_no_others(string fault, int[] guests)
    {
        _story.Settle();
        Assert.Equal(AlwaysClosed, _story.Affected());
        Faults[fault](_story);
        // A read is made again within 35 s, and is a fault after 5 s more; lines begin a count that is over by then.
        _story.Wait(1);
        if (fault.Contains("read", StringComparison.Ordinal) && !fault.Contains("read-only", StringComparison.Ordinal))
        {
            _story.Wait(40);
        }

        Assert.Equal(guests.Union(AlwaysClosed).Order(), _story.Affected());
        Assert.Contains("cannot be mapped to a device of this host", _story.Closed(14), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_fault_of_the_table_has_a_row()
        => Assert.Equal(Faults.Keys.Order(), Rows.Select(row => row.Data.Item1).Order());
}
