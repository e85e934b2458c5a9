using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Linux;
using Testbed.Xenstore;
using Tests.Integration.Testbed;
using Xunit;

namespace Tests.Integration.Agent;

/// <summary>
/// The published agent where calls fail without a word, as on Linux 2.6.32: no CLOCK_BOOTTIME, a /dev/kmsg that opens,
/// polls readable and reads EINVAL, no fanotify, no counters in sysfs. And where it runs out of descriptors, or its clock
/// stands still.
/// </summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class OldKernelTests : IAsyncLifetime
{
    private const int DomainId = 9;

    // A device with neither read nor poll (drivers/block/loop.c), as /dev/kmsg was (drivers/char/mem.c, kmsg_fops).
    private const string Unreadable = "/dev/loop-control";
    private const string Linux2632 = "OLD_KERNEL_SYSCALLS=299"; // its last system call, perf_event_open is 298
    private const string AnyCall = "OLD_KERNEL_SYSCALLS=100000";
    private const int IntervalSeconds = 4;
    private const int ShareLimitPercent = 5;

    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(4);

    private readonly string _folder = Directory.CreateTempSubdirectory("old-kernel-").FullName;
    private Disk? _disk;
    private EmbeddedXenstore? _xenstore;

    private string MountPoint => Path.Combine(_folder, "data");

    private string Output => Path.Combine(_folder, "output");

    private string Run => Path.Combine(_folder, "run");

    private string Library => Path.Combine(_folder, "old-kernel.so");

    private string Said => File.ReadAllText(Output);

    public async ValueTask InitializeAsync()
    {
        TestbedFixture.SkipUnlessPossible();
        string source = Path.Combine(AppContext.BaseDirectory, "Agent", "old-kernel.c");
        await Tool.RequireAsync("gcc", "-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o", Library, source);
        _disk = await Disk.CreateAsync(
            new DiskDefinition(DiskDefinition.Xvdb, "ext3", "/data"), Path.Combine(_folder, "storage"));
        await _disk.FormatAsync(Directory.CreateDirectory(MountPoint).FullName);
        await Tool.RequireAsync("mount", "-o", "errors=remount-ro", _disk.Loop.Path, MountPoint);
        _xenstore = new EmbeddedXenstore(Directory.CreateDirectory(Path.Combine(_folder, "xenstore")).FullName);
        _xenstore.IntroduceDomain(DomainId);
    }

    public async ValueTask DisposeAsync()
    {
        if (_xenstore is not null)
        {
            await _xenstore.DisposeAsync();
        }

        if (_disk is not null)
        {
            await Tool.RunAsync("umount", MountPoint);
            await _disk.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(AnyCall)]
    [InlineData(Linux2632)]
    public async Task Without_boot_time_and_kernel_log_an_abort_is_noticed_within_two_probe_intervals(string calls)
    {
        await using AgentProcess agent = StartAsOn2632(Unreadable, "OLD_KERNEL_CLOCKS=1", calls);
        await agent.WaitForStatusAsync($"{MountPoint} writable");
        await AssertItRestsAsync(agent);

        await AbortJournalAsync();
        long aborted = Stopwatch.GetTimestamp();
        await agent.WaitForStatusAsync("critical ");
        TimeSpan took = Stopwatch.GetElapsedTime(aborted);
        TestContext.Current.SendDiagnosticMessage("{0}: abort to status: {1:0} ms", calls, took.TotalMilliseconds);
        Assert.True(took < TimeSpan.FromSeconds(2 * IntervalSeconds), $"noticed after {took}");
        Assert.Equal(2, (await AgentProcess.RunAsync("status", "--status-directory", Run)).ExitCode);

        Assert.Single(Regex.Matches(Said, Regex.Escape("/dev/kmsg cannot be read (EINVAL")));
        Assert.Single(Regex.Matches(Said, Regex.Escape("no CLOCK_BOOTTIME (EINVAL")));
        await AssertItRestsAsync(agent);
        await agent.StopAsync();
        Assert.Equal(0, agent.ExitCode);
    }

    [Theory]
    [InlineData("/dev/null", "cannot be read (end of file")]
    [InlineData("/dev/zero", "cannot be read any more (no records")]
    public async Task A_kernel_log_of_a_container_that_is_another_device_costs_no_processor(string device, string why)
    {
        await using AgentProcess agent = StartAsOn2632(device);
        await agent.WaitForStatusAsync($"{MountPoint} writable");
        await AssertItRestsAsync(agent);
        Assert.Single(Regex.Matches(Said, Regex.Escape($"/dev/kmsg {why}")));
    }

    [Fact]
    public async Task While_its_clock_stands_still_it_answers_unknown_and_when_it_goes_on_what_the_probe_meets()
    {
        string stop = Path.Combine(_folder, "stop");
        await using AgentProcess agent = StartAsOn2632(Unreadable, $"OLD_KERNEL_STOP={stop}");
        await agent.WaitForStatusAsync($"{MountPoint} writable");
        await File.WriteAllTextAsync(stop, string.Empty, TestContext.Current.CancellationToken);
        await agent.WaitForStatusAsync("probe-refused:clock-stands-still");
        Assert.StartsWith("unknown unknown ", agent.Status, StringComparison.Ordinal);
        ToolResult answer = await AgentProcess.RunAsync("status", "--status-directory", Run);
        Assert.Equal(3, answer.ExitCode);
        Assert.StartsWith("unknown: ", answer.Output, StringComparison.Ordinal);
        await AssertItRestsAsync(agent);

        File.Delete(stop);
        await agent.WaitForStatusAsync($"{MountPoint} writable");
        Assert.Single(Regex.Matches(Said, Regex.Escape("the clock stands still")));
    }

    [Fact]
    public async Task A_question_that_cannot_be_taken_costs_no_processor_and_is_answered_later()
    {
        await using AgentProcess agent = StartAsOn2632(Unreadable);
        await agent.WaitForStatusAsync($"{MountPoint} writable");
        await LimitDescriptorsAsync(agent, $"{LowestFreeDescriptor(agent)}");
        using var asking = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        asking.Connect(new UnixDomainSocketEndPoint(Path.Combine(Run, "socket")));
        await AgentProcess.WaitAsync(
            () => Said.Contains("no question can be taken (EMFILE)", StringComparison.Ordinal), () => Said);
        await AssertItRestsAsync(agent);
        Assert.Single(Regex.Matches(Said, Regex.Escape("no question can be taken")));

        await LimitDescriptorsAsync(agent, "1024");
        await asking.SendAsync("status\n"u8.ToArray());
        var answer = new byte[64 * 1024];
        int size = await asking.ReceiveAsync(answer, TestContext.Current.CancellationToken).AsTask()
            .WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Contains(
            "\"probe_age_ms\":", System.Text.Encoding.UTF8.GetString(answer, 0, size), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Started_by_a_parent_that_ignores_its_children_it_still_knows_when_its_own_have_ended()
    {
        await using AgentProcess agent = AgentProcess.StartIn(
            ["--ignore-signal=CHLD"], _xenstore!.DomainSocketPath(DomainId), Run, Output);
        await agent.WaitForStatusAsync($"{MountPoint} writable");
        for (int times = 1; times <= 2; times++)
        {
            await Tool.RequireAsync("kill", "-HUP", $"{agent.Id}");
            int wanted = times;
            await AgentProcess.WaitAsync(
                () => Regex.Count(Said, "the configuration was read again") == wanted, () => $"{wanted}: {Said}");
        }
    }

    /// <summary>In a namespace of its own: another device in the place of the kernel log, and no counters of ext4.</summary>
    private AgentProcess StartAsOn2632(string kernelLog, params string[] environment)
    {
        Assert.SkipWhen(!File.Exists(kernelLog), $"{kernelLog} is not there");
        const string prepare = "mount --bind \"$0\" /dev/kmsg && { ! [ -d /sys/fs/ext4 ] || "
            + "mount -t tmpfs no-counters /sys/fs/ext4; } && exec env \"$@\"";
        return AgentProcess.StartIn(
            ["unshare", "--mount", "sh", "-c", prepare, kernelLog, $"LD_PRELOAD={Library}",
                // A C library that registers its first thread and is refused its second would end the program.
                "GLIBC_TUNABLES=glibc.pthread.rseq=0", .. environment],
            _xenstore!.DomainSocketPath(DomainId), Run, Output, "--data-interval", $"{IntervalSeconds}");
    }

    private static Task<string> LimitDescriptorsAsync(AgentProcess agent, string limit)
        => Tool.RequireAsync("prlimit", "--pid", $"{agent.Id}", $"--nofile={limit}:1024");

    private static int LowestFreeDescriptor(AgentProcess agent)
    {
        HashSet<int> open = [.. Directory.GetFileSystemEntries($"/proc/{agent.Id}/fd").Select(
            entry => int.Parse(Path.GetFileName(entry), CultureInfo.InvariantCulture))];
        return Enumerable.Range(0, open.Count + 1).First(number => !open.Contains(number));
    }

    /// <summary>The agent and its probe processes take less than a twentieth of one processor.</summary>
    private static async Task AssertItRestsAsync(AgentProcess agent)
    {
        const int ticksASecond = 100; // USER_HZ, sysconf(_SC_CLK_TCK)
        int[] processes = [agent.Id, .. agent.ProbeProcesses()];
        long start = Stopwatch.GetTimestamp();
        long before = processes.Sum(TicksOf);
        await Task.Delay(Watched, TestContext.Current.CancellationToken);
        double seconds = (processes.Sum(TicksOf) - before) / (double)ticksASecond;
        double share = 100 * seconds / Stopwatch.GetElapsedTime(start).TotalSeconds;
        TestContext.Current.SendDiagnosticMessage("processor: {0:0.0} %", share);
        Assert.True(share < ShareLimitPercent, $"it takes {share:0.0} % of a processor; it says: {agent.Status}");
    }

    /// <summary>proc(5), fields 14 and 15.</summary>
    private static long TicksOf(int process)
    {
        string stat = File.ReadAllText($"/proc/{process}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
    }

    /// <summary>Real I/O errors: the storage takes no new block, and a program writes until it sees it fail.</summary>
    private async Task AbortJournalAsync()
    {
        await _disk!.FailStorageAsync();
        await Tool.RunAsync(
            "sh", "-c", "for i in 1 2 3; do dd if=/dev/zero of=\"$1/victim\" bs=1M count=8 conv=fsync; sync -f \"$1\"; done",
            "sh", MountPoint);
    }
}
