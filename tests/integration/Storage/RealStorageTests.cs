using System.Diagnostics;
using HostBridge.Recovery;
using HostBridge.Storage;
using HostBridge.Storage.Judging;
using HostBridge.Storage.Parsing;
using Testbed.Domains;
using Testbed.Linux;
using Testbed.Xenstore;
using Tests.Integration.Testbed;
using Xunit;
using KernelLog = HostBridge.Storage.KernelLog;

namespace Tests.Integration.Storage;

/// <summary>
/// The machine's own /sys, its loop devices, its uevents and its kernel log, and the published program that reads
/// devices. What this kernel has no driver for is skipped; the Xen lab has it.
/// </summary>
public sealed class RealStorageTests : IAsyncLifetime
{
    private const int ImageBytes = 8 * 1024 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);

    private readonly HostFiles _files = new("/");
    private string _folder = string.Empty;
    private LoopDevice? _loop;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static string Program { get; } = Path.Combine(RepositoryRoot(), "out/publish/host-bridge/host-bridge");

    private DeviceNumber Number => new(_loop!.Major, _loop.Minor);

    public ValueTask InitializeAsync()
    {
        TestbedFixture.SkipUnlessPossible();
        // Beside the program, not in the temporary folder, which is memory: under the file there is to be a device.
        _folder = Path.Combine(AppContext.BaseDirectory, $"storage-{Guid.NewGuid():N}");
        Directory.CreateDirectory(_folder);
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _loop?.Dispose();
        if (_folder.Length > 0)
        {
            Directory.Delete(_folder, recursive: true);
        }

        return ValueTask.CompletedTask;
    }

    [Fact]
    public void A_loop_device_is_followed_through_its_file_to_the_disk_of_the_filesystem()
    {
        Attach();
        var loop = Assert.IsType<BlockDevice.Loop>(new BlockStackReader(_files).Read(Number));
        Assert.Equal(Path.Combine(_folder, "image"), loop.BackingFile);
        Assert.Equal((ImageBytes / 512, false), (loop.SizeSectors, loop.IsReadOnly));
        BlockDevice carrier = Carrier(loop);
        Assert.NotEqual(loop.Number, carrier.Number);
        Assert.True(StackJudge.Judge(loop, MultipathView.None).IsClean);
        Assert.NotNull(StackNames.IdentityOf(loop));
    }

    [Fact]
    public async Task A_partition_of_a_real_disk_stands_on_that_disk()
    {
        Attach(LoopFlags.Partitions);
        // Told to the kernel, as this one may know no format of tables.
        await Tool.RequireAsync("addpart", _loop!.Path, "1", "2048", "4096");
        string name = $"{_loop.Name}p1";
        var partition = Assert.IsType<BlockDevice.Partition>(new BlockStackReader(_files).Read(NumberOf(name)));
        Assert.Equal((name, 4096L), (partition.Name, partition.SizeSectors));
        Assert.Equal(Number, Assert.Single(partition.Below).Number);
    }

    [Fact]
    public void A_device_that_is_detached_closes_the_gate()
    {
        Attach();
        _loop!.Dispose();
        BlockDevice device = new BlockStackReader(_files).Read(Number);
        Assert.False(StackJudge.Judge(device, MultipathView.None).IsClean);
    }

    [Fact]
    public async Task A_device_that_is_write_protected_says_so()
    {
        Attach();
        await Tool.RequireAsync("blockdev", "--setro", _loop!.Path);
        bool? isReadOnly = new BlockStackReader(_files).Read(Number).IsReadOnly;
        // The protection would stay with the loop device when another file is attached to it.
        await Tool.RequireAsync("blockdev", "--setrw", _loop.Path);
        Assert.True(isReadOnly);
        Assert.False(new BlockStackReader(_files).Read(Number).IsReadOnly);
    }

    [Fact]
    public async Task A_coming_device_is_heard_by_its_uevent()
    {
        using UeventSocket? uevents = UeventSocket.TryOpen();
        Assert.NotNull(uevents);
        Attach();
        string name = $"/{_loop!.Name}";
        await UntilAsync(() => uevents.Read().Any(line
            => line.Kind == StorageLineKind.Change && line.Text.EndsWith(name, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task What_a_program_writes_into_the_kernels_log_is_read_and_is_no_evidence()
    {
        using KernelLog? log = KernelLog.TryOpen();
        Assert.NotNull(log);
        string mark = $"I/O error, dev sda, sector {Random.Shared.Next()}";
        KernelRecord found = default;
        await UntilAsync(() =>
        {
            // Again and again: where other tests break disks the kernel's ring is full of newer lines within moments.
            File.WriteAllText("/dev/kmsg", mark);
            return (found = log.Read().FirstOrDefault(record => record.Text == mark)) != default;
        });
        Assert.NotEqual(0, found.Facility);
        Assert.Null(StorageLines.Understand(found));
    }

    [Fact]
    public async Task The_reading_child_reads_a_device_past_the_page_cache_and_names_what_it_cannot_read()
    {
        Attach();
        using var wake = new WakeUp();
        using var reader = new ReaderProcess(Program, wake);
        var book = new ReadBook();
        var absent = new DeviceNumber(8, 255);
        book.Want(Number, _loop!.Name, "here", TimeSpan.Zero);
        book.Want(absent, "no-such-device", "here", TimeSpan.Zero);
        // The node of one device under the number of another.
        var wrong = new DeviceNumber(7, 1_000_000);
        book.Want(wrong, _loop.Name, "here", TimeSpan.Zero);
        await UntilAsync(() =>
        {
            reader.Turn(book, TimeSpan.Zero);
            return new[] { Number, absent, wrong }.All(device => book.Of(device).Last is not null);
        });
        Assert.Equal(ReadResult.Read, book.Of(Number).Last!.Result);
        Assert.Equal(ReadResult.NotMade, book.Of(absent).Last!.Result);
        Assert.Equal("/dev/no-such-device: ENOENT", book.Of(absent).Last!.Reason);
        Assert.Equal(ReadResult.NotMade, book.Of(wrong).Last!.Result);
        Assert.Equal($"/dev/{_loop.Name} is another device", book.Of(wrong).Last!.Reason);
    }

    [Fact]
    public async Task The_bridge_finds_the_disk_of_a_guest_operational_by_itself()
    {
        // The read goes through the loop device to the disk below, which a sandbox may forbid to open.
        Attach(LoopFlags.DirectIo);
        // A socket's path is short.
        DirectoryInfo sockets = Directory.CreateTempSubdirectory("xs-");
        await using var store = new EmbeddedXenstore(sockets.FullName);
        store.IntroduceDomain(5, "web", Guid.NewGuid().ToString("D"));
        store.Write("/local/domain/0/backend/vbd/5/51712/physical-device", $"{_loop!.Major:x}:{_loop.Minor:x}");
        string log = Path.Combine(_folder, "log");
        string state = Directory.CreateDirectory(Path.Combine(_folder, "state")).FullName;
        using Process bridge = Tool.Start(new ProcessStartInfo(
            "/bin/sh",
            [
                "-c", "exec \"$0\" \"$@\" >\"$OUTPUT\" 2>&1", Program,
                "--xenstore", store.SocketPath, "--state-directory", state, "--admin-socket", "none",
            ])
        {
            Environment = { ["OUTPUT"] = log },
        });
        try
        {
            await UntilAsync(() => File.Exists(log)
                && File.ReadAllText(log).Contains("storage: 1 disks are operational", StringComparison.Ordinal));
        }
        finally
        {
            bridge.Kill();
            await bridge.WaitForExitAsync(CancellationToken.None);
        }

        Assert.Contains($"the first: {_loop.Name} ({Number})", File.ReadAllText(log), StringComparison.Ordinal);
        Assert.Contains("read in", File.ReadAllText(log), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_disk_of_this_machine_can_be_judged()
    {
        foreach (string name in HostFiles.Names("/sys/block"))
        {
            BlockDevice device = new BlockStackReader(_files).Read(NumberOf(name));
            Assert.Equal((NumberOf(name), name), (device.Number, device.Name));
            StackFinding finding = StackJudge.Judge(device, MultipathView.None);
            Assert.NotEqual(finding.IsClean, finding.Faults.Count + finding.Doubts.Count > 0);
        }
    }

    [Fact]
    public void Every_session_of_this_machine_tells_its_state()
    {
        Assert.SkipUnless(
            Directory.Exists("/sys/class/iscsi_session"),
            "this kernel has no iSCSI initiator (no /sys/class/iscsi_session): sessions that fail and come back are shown "
                + "by the scenarios A, B and G of the Xen lab (make test-xen)");
        Assert.All(new TransportReader(_files).Sessions(), session => Assert.NotNull(session.State));
    }

    [Fact]
    public void Every_map_of_this_machine_tells_what_it_stands_on()
    {
        Assert.SkipUnless(
            File.ReadAllText("/proc/devices").Contains(" device-mapper\n", StringComparison.Ordinal),
            "this kernel has no device-mapper (not in /proc/devices): multipath that loses one path and all of them is "
                + "shown by scenario G of the Xen lab (make test-xen)");
        string[] maps = Directory.GetFileSystemEntries("/sys/class/block", "dm-*");
        Assert.SkipWhen(maps.Length == 0, "this machine has no map of the device-mapper; scenario G of the Xen lab has");
        foreach (string map in maps)
        {
            BlockDevice device = new BlockStackReader(_files).Read(NumberOf(Path.GetFileName(map)));
            Assert.IsNotType<BlockDevice.Unknown>(device);
        }
    }

    private static BlockDevice Carrier(BlockDevice.Loop loop)
    {
        if (loop.Below is not [var carrier])
        {
            Assert.Skip($"the tests lie on {loop.FilesystemType}, under which there is no device to look at");
            throw new InvalidOperationException("a skipped test goes no further");
        }

        return carrier;
    }

    /// <summary>The numbers of a device; one that was detached this moment has none.</summary>
    private DeviceNumber NumberOf(string name)
        => DeviceNumber.TryParse(HostFiles.TryRead(_files.Sys($"class/block/{name}/dev")) ?? string.Empty, out var number)
            ? number
            : default;

    private void Attach(LoopFlags flags = LoopFlags.None)
    {
        string image = Path.Combine(_folder, "image");
        File.WriteAllBytes(image, new byte[ImageBytes]);
        _loop = LoopDevice.Attach(image, flags);
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(Patience);
        while (!isSo())
        {
            await Task.Delay(LookAgain, limit.Token);
        }
    }

    private static string RepositoryRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "GuestAgent.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("GuestAgent.sln is in no folder above the tests");
    }
}
