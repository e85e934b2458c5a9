using System.Buffers.Binary;
using System.Text;
using CsCheck;
using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Probing;
using GuestAgent.Signals;
using GuestAgent.Signals.Parsing;
using Protocol.Health;
using Protocol.Kernel;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>Each source of facts, on recorded files of the machine.</summary>
public sealed class SignalTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("signals-").FullName;

    private PathRoot Paths => new(_folder);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_partition_is_known_by_its_disk_its_bus_and_its_own_sectors()
    {
        Device("devices/pci0000:00/0000:00:01.1/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1");
        Write("sys/class/block/sda1/partition", "1\n");
        Write("sys/class/block/sda1/start", "2048\n");
        Write("sys/class/block/sda1/size", "1000\n");
        IReadOnlyList<DeviceAlias> aliases = BlockDevices.AliasesOf(Paths, ["sda1"]);
        Assert.Contains(new DeviceAlias("sda1", SectorRange.All), aliases);
        Assert.Contains(new DeviceAlias("sda", new SectorRange(2048, 3048)), aliases);
        Assert.Contains(new DeviceAlias("0:0:0:0", SectorRange.All), aliases);
        Assert.Contains(new DeviceAlias("ata1", SectorRange.All), aliases);
    }

    [Fact]
    public void A_logical_volume_is_known_by_every_disk_under_it()
    {
        Device("devices/virtual/block/dm-0");
        Device("devices/vbd-51712/block/xvda/xvda2");
        Device("devices/vbd-51728/block/xvdb");
        Write("sys/class/block/xvda2/partition", "2\n");
        Directory.CreateDirectory(Path.Combine(_folder, "sys/class/block/dm-0/slaves/xvda2"));
        Directory.CreateDirectory(Path.Combine(_folder, "sys/class/block/dm-0/slaves/xvdb"));
        string[] names = [.. BlockDevices.AliasesOf(Paths, ["dm-0"]).Select(alias => alias.Name)];
        Assert.Equal(["dm-0", "vbd-51712", "vbd-51728", "xvda", "xvda2", "xvdb"], names.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_btrfs_is_watched_on_all_its_devices()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "sys/fs/btrfs/11ae/devices/xvdb"));
        Directory.CreateDirectory(Path.Combine(_folder, "sys/fs/btrfs/11ae/devices/xvdc"));
        Directory.CreateDirectory(Path.Combine(_folder, "sys/fs/btrfs/features"));
        MountEntry mount = AgentStage.Ext("/srv", 1) with { FilesystemType = "btrfs" };
        Assert.Equal(["xvdb", "xvdc"], BlockDevices.QueuesOf(Paths, mount, "xvdb").Order());
        Assert.Equal(["xvdz"], BlockDevices.QueuesOf(Paths, mount, "xvdz"));
        Queue("xvdb", "1 2", 5);
        Queue("xvdc", "0 4", 7);
        BlockActivity? activity = DeviceQueue.Read(Paths, ["xvdb", "xvdc"]);
        Assert.Equal(new BlockActivity(7, 12, IsReadOnly: false) { InflightWrites = 6 }, activity);
        Assert.Null(DeviceQueue.Read(Paths, ["xvdb", "gone"]));
    }

    [Theory]
    [InlineData("Connected\n", null)]
    [InlineData("4\n", null)]
    [InlineData("Closing\n", "Closing")]
    [InlineData(null, null)]
    public void The_state_of_a_virtual_block_device_is_told_when_it_is_not_connected(string? state, string? told)
    {
        Write("sys/bus/xen/devices/vbd-51712/state", state);
        DeviceAlias[] aliases = [new("xvda", SectorRange.All), new("vbd-51712", SectorRange.All)];
        Assert.Equal(told, VirtualBlockDevice.TroubledState(Paths, aliases));
    }

    [Fact]
    public void What_ext4_recorded_of_its_last_error_is_read_and_cleaned()
    {
        Assert.Null(ExtendedFilesystem.ReadErrorsCount(Paths, "xvda1"));
        Assert.Null(ExtendedFilesystem.ReadLastError(Paths, "xvda1"));
        Assert.True(ExtendedFilesystem.HasJournal(Paths, "xvda1", "ext4"));
        Assert.False(ExtendedFilesystem.HasJournal(Paths, "xvda1", "ext2"));
        Write("sys/fs/ext4/xvda1/errors_count", "3\n");
        Write("sys/fs/ext4/xvda1/last_error_time", "1772338000\n");
        Write("sys/fs/ext4/xvda1/last_error_func", "ext4 \"find,entry\n");
        Write("sys/fs/ext4/xvda1/journal_task", "<none>\n");
        Write("proc/fs/ext4/xvda1/options", "rw\nerrors=panic\n");
        Assert.Equal(3, ExtendedFilesystem.ReadErrorsCount(Paths, "xvda1"));
        RecordedError? last = ExtendedFilesystem.ReadLastError(Paths, "xvda1");
        Assert.Equal("ext4__find_entry", last?.Function);
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1772338000), last?.At);
        Assert.False(ExtendedFilesystem.HasJournal(Paths, "xvda1", "ext4"));
        Assert.True(ExtendedFilesystem.PanicsOnErrors(Paths, "xvda1"));
        Write("sys/fs/ext4/xvda1/last_error_time", "99999999999999\n");
        Assert.Null(ExtendedFilesystem.ReadLastError(Paths, "xvda1"));
    }

    [Fact]
    public void What_makes_the_guest_restart_itself_is_named()
    {
        Assert.Empty(SelfReset.Read(Paths));
        Directory.CreateDirectory(Path.Combine(_folder, "sys/class/watchdog/watchdog0"));
        Write("proc/sys/kernel/hung_task_panic", "1\n");
        Write("proc/sys/kernel/panic_on_oops", "0\n");
        Assert.Equal(["watchdog0", "hung_task_panic"], SelfReset.Read(Paths));
    }

    [Fact]
    public void A_probe_that_waits_for_a_thaw_is_found_by_its_threads_name()
    {
        var device = new DeviceNumber(202, 1);
        Write("proc/77/stat", "77 (guest agent) (x) Z 1 77 77 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 3 0 8812 0 0\n");
        Write("proc/77/task/78/comm", "guest-agent\n");
        Write("proc/77/task/79/comm", $"{ProbeWorkers.ThreadName(device)}\n");
        Write("proc/77/task/79/wchan", "percpu_rwsem_wait");
        var workers = new ProbeWorkers(Paths);
        var worker = new ProcessIdentity(77, 8812);
        Assert.Equal("percpu_rwsem_wait", ProbeWait.Read(workers, worker, device));
        Assert.True(workers.IsZombie(worker));
        Assert.Null(ProbeWait.Read(workers, worker, new DeviceNumber(202, 2)));
        Assert.Null(ProbeWait.Read(workers, worker with { StartTicks = 8813 }, device));
        Assert.Null(ProbeWait.Read(workers, worker with { ProcessId = 78 }, device));
    }

    [Theory]
    [InlineData("[<0>] percpu_rwsem_wait+0x15f/0x1d0\n[<0>] vfs_write+0x3f0/0x450", "percpu_rwsem_wait")]
    [InlineData("[<0>] percpu_rwsem_wait+0x1/0x2\n[<0>] __percpu_down_read+0x1/0x2\n[<0>] ext4_writepages+0x1/0x2", null)]
    [InlineData("[<0>] percpu_rwsem_wait+0x1/0x2\n[<0>] cpus_read_lock+0x1/0x2", null)]
    [InlineData("[<ffffffff8119a1f5>] __sb_start_write+0xd5/0x100\n[<ffffffff81196f8d>] vfs_write+0x1ad/0x1e0", "__sb_start_write")]
    [InlineData("[<0>] folio_wait_bit_common+0x133/0x310\n[<0>] ext4_sync_file+0xf0/0x350", null)]
    [InlineData("garbage", null)]
    public void A_stack_tells_a_thaw_from_other_locks(string stack, string? wait)
        => Assert.Equal(wait, FreezeWaitParser.Parse(stack, "percpu_rwsem_wait"));

    [Theory]
    [InlineData("percpu_rwsem_wait", "percpu_rwsem_wait")]
    [InlineData("jbd2_log_wait_commit", null)]
    [InlineData("0", null)]
    [InlineData(null, null)]
    public void Without_a_stack_the_wait_channel_tells(string? channel, string? wait)
        => Assert.Equal(wait, FreezeWaitParser.Parse(null, channel));

    [Fact]
    public void An_error_event_is_taken_apart_and_an_overflow_is_known()
    {
        byte[] fid = [1, 0, 12, 0, 7, 0, 0, 0, 9, 0, 0, 0];
        byte[] unknown = [99, 0, 8, 0, 1, 2, 3, 4];
        byte[] error = [5, 0, 12, 0, 117, 0, 0, 0, 1, 0, 0, 0];
        byte[] overflow = Event(0x4000, []);
        List<FanotifyError> events = FanotifyParser.Parse([.. Event(0x8000, [.. fid, .. unknown, .. error]), .. overflow]);
        Assert.Equal([new FanotifyError((9L << 32) | 7, 117), new FanotifyError(null, 0)], events);
    }

    [Fact]
    public void Garbage_from_fanotify_never_throws()
        => Gen.Byte.Array[0, 200].Sample(bytes => FanotifyParser.Parse(bytes).Count >= 0);

    [Fact]
    public void Garbage_in_sysfs_never_throws()
        => Gen.String.Sample(text =>
        {
            _ = BlockStatParser.WriteCompletions(text);
            _ = BlockStatParser.Inflight(text);
            _ = DevicePathParser.Names(text);
            _ = FreezeWaitParser.Parse(text, text);
            return !ExtendedOptionsParser.PanicsOnErrors(text) || text.Contains("errors=panic", StringComparison.Ordinal);
        });

    [Fact]
    public void Records_of_the_kernel_log_that_are_gone_are_counted()
    {
        string records = Path.Combine(_folder, "dev/kmsg");
        Write("dev/kmsg", "3,41,9,-;Aborting journal on device xvda-8.\n");
        using KernelLog log = KernelLog.TryOpen(Paths, out _)!;
        Assert.Single(log.Read(10));
        Assert.Equal(0, log.LostRecords);
        File.AppendAllText(records, "3,45,10,-;Aborting journal on device xvda-8.\n");
        Assert.Single(log.Read(10));
        Assert.Equal(3, log.LostRecords);
    }

    [Fact]
    public void A_filesystem_that_is_gone_between_two_readings_has_no_facts_and_makes_no_trouble()
    {
        MountEntry mount = AgentStage.Ext("/gone", 9);
        Assert.Equal("xvd9", BlockDevices.NameOf(Paths, mount));
        Assert.Equal(["xvd9"], BlockDevices.AliasesOf(Paths, ["xvd9"]).Select(alias => alias.Name));
        Assert.Null(DeviceQueue.Read(Paths, ["xvd9"]));
        Assert.Null(ExtendedFilesystem.ReadErrorsCount(Paths, "xvd9"));
        AgentStage stage = new AgentStage().With(mount).Start();
        stage.Unmount(9);
        stage.Observe(new Observation.ErrorsCountRead(mount.Device, 4));
        stage.Observe(new Observation.ActivitySampled(mount.Device, new BlockActivity(1, 2, false)));
        stage.Observe(new Observation.FreezeWaitSeen(mount.Device, "percpu_rwsem_wait"));
        stage.Observe(new Observation.FilesystemErrorTold(mount.Device, "EIO"));
        stage.Kernel(KernelLineKind.JournalAborted, 9);
        Assert.DoesNotContain(stage.Xenstore.Values, line => line.Contains("/gone", StringComparison.Ordinal));
    }

    [Fact]
    public void A_storm_of_mounts_is_read_at_most_for_a_hundredth_of_the_time()
    {
        var pace = new ReadingPace();
        var now = new Moment(TimeSpan.FromSeconds(10), DateTimeOffset.UnixEpoch);
        Assert.Null(pace.Due);
        pace.Want();
        Assert.True(pace.IsDue(now));
        pace.WasRead(now, now + TimeSpan.FromMilliseconds(6));
        Assert.False(pace.IsDue(now + TimeSpan.FromSeconds(9)));
        pace.Want();
        Assert.False(pace.IsDue(now + TimeSpan.FromMilliseconds(605)));
        Assert.True(pace.IsDue(now + TimeSpan.FromMilliseconds(606)));
        pace.WasRead(now, now);
        pace.Want();
        Assert.Equal(TimeSpan.FromMilliseconds(100), pace.Due!.Value - now);
    }

    [Fact]
    public void A_mount_behind_one_that_may_hang_by_itself_is_not_walked_to()
    {
        List<MountEntry> table = MountInfoParser.Parse(Encoding.ASCII.GetBytes("""
            22 1 202:1 / / rw - ext4 /dev/xvda1 rw
            23 22 0:40 / /home rw - nfs4 server:/home rw
            24 23 202:16 / /home/local rw - ext4 /dev/xvdb rw
            25 22 202:32 / /homestead rw - ext4 /dev/xvdc rw
            """));
        IReadOnlyList<MountPoint> obstacles = LocalFilesystems.Obstacles(table);
        Assert.True(LocalFilesystems.IsReachedLocally(MountPoint.Root, obstacles));
        Assert.False(LocalFilesystems.IsReachedLocally(MountPoint.FromText("/home/local"), obstacles));
        Assert.True(LocalFilesystems.IsReachedLocally(MountPoint.FromText("/homestead"), obstacles));
    }

    private static byte[] Event(ulong mask, byte[] records)
    {
        var bytes = new byte[24 + records.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, bytes.Length);
        bytes[4] = 3;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(6), 24);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), mask);
        records.CopyTo(bytes, 24);
        return bytes;
    }

    /// <summary>A device's folder, and the links to it and to its parents that sysfs keeps.</summary>
    private void Device(string path)
    {
        string folder = Path.Combine(_folder, "sys", path);
        Directory.CreateDirectory(folder);
        string links = Directory.CreateDirectory(Path.Combine(_folder, "sys/class/block")).FullName;
        Directory.CreateSymbolicLink(Path.Combine(links, Path.GetFileName(path)), $"../../{path}");
    }

    private void Queue(string device, string inflight, long writes)
    {
        Write($"sys/class/block/{device}/inflight", $"{inflight}\n");
        Write($"sys/class/block/{device}/stat", $"1 2 3 4 {writes} 6 7 8 9 10 11\n");
        Write($"sys/class/block/{device}/ro", "0\n");
    }

    private void Write(string path, string? text)
    {
        if (text is not null)
        {
            string file = Path.Combine(_folder, path);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, text);
        }
    }
}
