using System.Buffers.Binary;
using System.Globalization;
using HostBridge.Doctor.Reading;
using HostBridge.Recovery;
using HostBridge.Toolstacks;
using HostBridge.Toolstacks.Steps;
using Protocol.Health;
using Testbed.Agents;
using Testbed.Linux;
using Testbed.Toolstack;
using Testbed.Xenstore;
using Tests.Integration.Testbed;
using Xunit;

namespace Tests.Integration.Toolstacks;

/// <summary>The published program checks real filesystems on real loop devices with the real e2fsck.</summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class OfflineCheckTests : IAsyncLifetime
{
    private const long ImageBytes = 64 * 1024 * 1024;
    private const int PartitionOffset = 1024 * 1024;

    private static readonly DomainId Domain = new(1);

    private readonly List<IDisposable> _holding = [];
    private string _folder = string.Empty;
    private FakeXl _xl = null!;
    private EmbeddedXenstore _store = null!;
    private LoopDevice? _loop;
    private ExclusiveStorage _exclusive = ExclusiveStorage.Yes;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static GuestIdentity Guest { get; } = new(FakeXl.Uuid, "web");

    private string Image => Path.Combine(_folder, "image");

    private StepFolder Steps => new(Path.Combine(_folder, "steps"));

    private static string Backend(int domain) => $"/local/domain/0/backend/vbd/{domain}/51712";

    private string Number => string.Create(CultureInfo.InvariantCulture, $"7:{_loop!.Minor:x}");

    public ValueTask InitializeAsync()
    {
        TestbedFixture.SkipUnlessPossible();
        // Beside the program, not in the temporary folder, which is memory: under the file there is to be a device.
        _folder = Path.Combine(AppContext.BaseDirectory, $"check-{Guid.NewGuid():N}"[..20]);
        Directory.CreateDirectory(_folder);
        string sockets = Directory.CreateTempSubdirectory("check-").FullName;
        _xl = new FakeXl(_folder);
        _xl.Run(Domain.Value);
        _store = new EmbeddedXenstore(sockets);
        _store.Write("/local/domain/0/name", "Domain-0");
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _holding.ForEach(one => one.Dispose());
        _loop?.Dispose();
        if (_folder.Length > 0)
        {
            await _store.DisposeAsync();
            Directory.Delete(_folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("ext2")]
    [InlineData("ext3")]
    [InlineData("ext4")]
    public async Task A_clean_filesystem_is_clean(string type)
    {
        await MakeAsync("mke2fs", "-q", "-t", type, Image);
        Assert.Equal((StepResult.Done, 0), await DestroyAndCheckAsync());
        Assert.Contains("e2fsck ended with 0", Remarks());
    }

    [Fact]
    public async Task What_can_be_repaired_is_repaired_and_a_second_bridge_finds_that_it_was()
    {
        await MakeAsync("mke2fs", "-q", "-t", "ext3", "-d", _xl.Configs, Image);
        await Tool.RequireAsync("debugfs", "-w", "-R", "set_inode_field <12> links_count 7", Image);
        Assert.Equal((StepResult.Done, 1), await DestroyAndCheckAsync());
        await Tool.RequireAsync("e2fsck", "-f", "-n", Image);
        Assert.Equal((StepResult.Done, 1), await CheckAsync());
    }

    [Fact]
    public async Task What_e2fsck_will_not_repair_by_itself_is_left_as_it_is()
    {
        await MakeAsync("mke2fs", "-q", "-t", "ext4", Image);
        await Tool.RequireAsync("debugfs", "-w", "-R", "clri <2>", Image);
        Assert.Equal((StepResult.Done, 4), await DestroyAndCheckAsync());
        Assert.Contains("UNEXPECTED INCONSISTENCY", Remarks());
    }

    [Fact]
    public async Task A_partition_is_checked_within_its_bounds_and_swap_beside_it_is_passed_by()
    {
        await MakeAsync("mke2fs", "-q", "-t", "ext4", "-E", $"offset={PartitionOffset}", Image, "30m");
        await WriteTableAsync((0x83, 2048, 61440), (0x82, 65536, 8192));
        await using (FileStream image = File.OpenWrite(Image))
        {
            image.Position = (65536L * 512) + 4086;
            image.Write("SWAPSPACE2"u8);
        }

        Assert.Equal((StepResult.Done, 0), await DestroyAndCheckAsync());
        Assert.Contains("partition 1", Remarks());
    }

    [Theory]
    [InlineData(0, "XFSB", "XFS")]
    [InlineData(512, "LABELONE", "LVM")]
    [InlineData(0, "LUKS", "nothing that is known")]
    [InlineData(4086, "SWAPSPACE2", "no ext filesystem")]
    [InlineData(65600, "_BHRfS_M", "Btrfs")]
    [InlineData(0, "nothing", "nothing that is known")]
    public async Task Anything_but_ext_is_an_operators_business(int offset, string magic, string words)
    {
        await MakeAsync("true");
        await using (FileStream image = File.OpenWrite(Image))
        {
            image.Position = offset;
            image.Write(System.Text.Encoding.ASCII.GetBytes(magic));
        }

        await RefusedAsync(words);
    }

    [Fact]
    public async Task A_mounted_disk_is_not_touched()
    {
        await MakeAsync("mke2fs", "-q", "-t", "ext4", Image);
        await DestroyAsync();
        string place = Path.Combine(_folder, "mounted");
        Directory.CreateDirectory(place);
        await Tool.RequireAsync("mount", _loop!.Path, place);
        try
        {
            await RefusedNowAsync("O_EXCL");
        }
        finally
        {
            await Tool.RequireAsync("umount", place);
        }

        Assert.Equal((StepResult.Done, 0), await CheckAsync());
    }

    [Fact]
    public async Task A_disk_that_somebody_claimed_is_not_touched()
    {
        await MakeAsync("mke2fs", "-q", "-t", "ext4", Image);
        await DestroyAsync();
        _holding.Add(LinuxCalls.Open(_loop!.Path, LinuxCalls.ReadOnly | LinuxCalls.Exclusive));
        await RefusedNowAsync("EBUSY");
    }

    [Fact]
    public async Task A_disk_on_which_a_loop_device_stands_is_not_touched()
    {
        await MakeAsync("mke2fs", "-q", "-t", "ext4", Image);
        await DestroyAsync();
        using LoopDevice above = LoopDevice.Attach(_loop!.Path);
        await RefusedNowAsync($"it is held: {above.Name}");
    }

    [Fact]
    public async Task A_disk_that_is_served_to_another_domain_is_not_touched()
    {
        await MakeAsync("mke2fs", "-q", "-t", "ext4", Image);
        await DestroyAsync();
        _store.Write($"{Backend(5)}/physical-device", Number);
        await RefusedNowAsync("a block backend has it: vbd 51712 of domain 5");
        _store.Remove("/local/domain/0/backend/vbd/5");
        _store.Write("/local/domain/0/backend/qdisk/6/51712/params", $"aio:{Image}");
        await RefusedNowAsync("qdisk 51712 of domain 6");
        _store.Remove("/local/domain/0/backend/qdisk/6");
        _store.Write("/local/domain/7/backend/vbd/8/51712/physical-device", "8:0");
        await RefusedNowAsync("served by domain 7");
    }

    [Fact]
    public async Task Without_a_word_on_other_hosts_no_disk_is_touched()
    {
        await MakeAsync("mke2fs", "-q", "-t", "ext4", Image);
        _exclusive = ExclusiveStorage.Unknown;
        await RefusedAsync("exclusive-storage");
    }

    [Fact]
    public async Task A_disk_is_not_touched_while_its_domain_is_listed()
    {
        await MakeAsync("mke2fs", "-q", "-t", "ext4", Image);
        await DestroyAsync();
        _xl.Run(3, name: "(null)", state: "--ps-d");
        await RefusedNowAsync("domain 3 is still dying");
    }

    [Fact]
    public async Task A_disk_that_became_another_is_not_touched()
    {
        await MakeAsync("mke2fs", "-q", "-t", "ext4", Image);
        await DestroyAsync();
        DestroyRecord record = Steps.ReadDestroyed("intent-1")!;
        Steps.WriteDestroyed(record with { Disks = [record.Disks[0] with { Identity = "another of 7 sectors" }] });
        await RefusedNowAsync("but was another of 7 sectors");
    }

    [Fact]
    public async Task e2fsck_runs_as_nobody_and_sees_no_other_device()
    {
        await MakeAsync("mke2fs", "-q", "-t", "ext4", Image);
        await DestroyAsync();
        // Where nobody may come, and what the sandbox does not hide: not under /dev, where temporary files are here.
        string programs = $"/tmp/programs-{Guid.NewGuid():N}";
        Directory.CreateDirectory(programs);
        string fake = Path.Combine(programs, "e2fsck");
        await File.WriteAllTextAsync(
            fake,
            """
            #!/bin/sh
            echo "arguments=$*" id=$(id -u):$(id -g):$(id -G) "devices=$(ls /dev)"
            grep -E "^(CapEff|CapPrm|CapBnd|NoNewPrivs):" /proc/self/status | tr "\t\n" "  "
            ulimit -v
            exec head -c 3000000 /dev/filesystem
            """,
            Cancellation);
        await Tool.RequireAsync("chmod", "755", programs, fake);
        string? path = Environment.GetEnvironmentVariable("PATH");
        Environment.SetEnvironmentVariable("PATH", $"{programs}:{path}");
        try
        {
            Assert.Equal((StepResult.Done, 0), await CheckAsync());
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
            Directory.Delete(programs, recursive: true);
        }

        string told = Remarks();
        Assert.Contains("arguments=-f -p /dev/filesystem id=65534:65534:65534 devices=filesystem", told);
        Assert.Contains("CapPrm: 0000000000000000", told);
        Assert.Contains("CapEff: 0000000000000000", told);
        Assert.Contains("NoNewPrivs: 1", told);
        Assert.Contains("524288", told);
    }

    [Fact]
    public async Task No_loop_device_stays_behind()
    {
        await MakeAsync("mke2fs", "-q", "-t", "ext4", Image);
        Assert.Equal((StepResult.Done, 0), await DestroyAndCheckAsync());
        Assert.DoesNotContain(
            Directory.EnumerateDirectories("/sys/block", "loop*"),
            loop => File.Exists($"{loop}/loop/backing_file")
                && File.ReadAllText($"{loop}/loop/backing_file").Trim() == _loop!.Path);
    }

    private async Task MakeAsync(string program, params string[] arguments)
    {
        await using (FileStream image = File.Create(Image))
        {
            image.SetLength(ImageBytes);
        }

        await Tool.RequireAsync(program, arguments);
    }

    private async Task WriteTableAsync(params (byte Type, uint Start, uint Length)[] partitions)
    {
        byte[] sector = new byte[512];
        for (int i = 0; i < partitions.Length; i++)
        {
            Span<byte> entry = sector.AsSpan(446 + (16 * i), 16);
            entry[4] = partitions[i].Type;
            BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], partitions[i].Start);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], partitions[i].Length);
        }

        (sector[510], sector[511]) = (0x55, 0xaa);
        await using FileStream image = File.OpenWrite(Image);
        await image.WriteAsync(sector, Cancellation);
    }

    private XlToolstack Bridge()
    {
        var options = new XlToolstackOptions
        {
            XlProgram = _xl.Program,
            XenstorePath = _store.SocketPath,
            LogFolder = _xl.Logs,
            ConfigFolders = [_xl.Configs],
            ExclusiveStorageOf = _ => _exclusive,
            HostBoot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(),
        };
        return new XlToolstack(
            options,
            new Xl(_xl.Program),
            new GuestConfigs(new HostTree("/"), options.ConfigFolders),
            Steps,
            new StepRunner(Steps, BridgeProgram, systemdRun: null, TimeProvider.System));
    }

    private async Task DestroyAsync()
    {
        _loop = LoopDevice.Attach(Image);
        _store.Write($"{Backend(Domain.Value)}/physical-device", Number);
        _store.Write($"{Backend(Domain.Value)}/mode", "w");
        Assert.Equal(StepAnswer.Done, await Bridge().DestroyAsync(Guest, Domain, Intent, Cancellation));
        _store.Remove($"/local/domain/0/backend/vbd/{Domain}");
    }

    private async Task<(StepResult Result, int? ExitCode)> DestroyAndCheckAsync()
    {
        await DestroyAsync();
        return await CheckAsync();
    }

    private async Task<(StepResult Result, int? ExitCode)> CheckAsync()
    {
        OfflineCheckAnswer answer = await AskAsync();
        Assert.True(answer.Result == StepResult.Done, answer.Reason);
        return (answer.Result, answer.ExitCode);
    }

    private async Task RefusedAsync(string words)
    {
        await DestroyAsync();
        await RefusedNowAsync(words);
    }

    private async Task RefusedNowAsync(string words)
    {
        OfflineCheckAnswer answer = await AskAsync();
        Assert.Equal((StepResult.Refused, null), (answer.Result, answer.ExitCode));
        Assert.Contains(words, answer.Reason);
    }

    private Task<OfflineCheckAnswer> AskAsync()
        => Bridge().CheckOfflineAsync(Guest, new GuestDisks([new DeviceNumber(7, _loop!.Minor)], []), Intent, Cancellation);

    private string Remarks() => string.Join("; ", Steps.ReadOutcome("intent-1", StepKind.Check)!.Remarks);

    private static RequestId Intent { get; }
        = RequestId.TryParse("intent-1", out RequestId intent) ? intent : throw new InvalidOperationException();

    private static string BridgeProgram { get; } = FindProgram();

    private static string FindProgram()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "GuestAgent.sln")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder!.FullName, "out/publish/host-bridge/host-bridge");
    }
}
