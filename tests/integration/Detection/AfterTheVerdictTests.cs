using System.Diagnostics;
using System.Globalization;
using Protocol.Health;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Linux;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Detection;

/// <summary>What the agent does to a filesystem that it knows to be broken: next to nothing.</summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class AfterTheVerdictTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly string _folder = Directory.CreateTempSubdirectory("verdict-").FullName;
    private readonly List<FaultyFilesystem> _filesystems = [];
    private EmbeddedXenstore? _xenstore;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        if (FaultDisk.WhyNot() is { } reason)
        {
            Assert.Skip(reason);
        }

        _xenstore = new EmbeddedXenstore(Directory.CreateDirectory(Path.Combine(_folder, "store")).FullName);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (FaultyFilesystem filesystem in _filesystems)
        {
            await filesystem.DisposeAsync();
        }

        if (_xenstore is not null)
        {
            await _xenstore.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task The_probes_of_a_filesystem_aborted_for_ten_minutes_cause_at_most_thirty_kernel_lines()
    {
        const double maxLines = 30;
        const int asked = 4;
        // One at the verdict, and one each five minutes (ProbeSchedule).
        const int probesInTenMinutes = 3;
        foreach (string filesystem in DetectionRows.ExtendedFilesystems)
        {
            await CreateAsync(filesystem.Split(' ')[0], filesystem.Split(' ')[1]);
        }

        string agentFolder = Path.Combine(_folder, "agent");
        await using WatchingAgent agent = WatchingAgent.Start(_xenstore!, 1, agentFolder);
        await SeeAsync(agent, Expectation.Healthy);
        await Task.WhenAll(_filesystems.Select(one => one.Disk.SetModeAsync(FaultMode.FailWrites)));
        await SeeAsync(agent, new Expectation(Verdict.JournalAborted, Hidden: true));
        // The disks are back, as they are after an outage: else the kernel itself goes on writing what it still holds,
        // and prints lines that no probe caused.
        await Task.WhenAll(_filesystems.Select(one => one.Disk.SetModeAsync(FaultMode.Pass)));

        using KernelLog log = KernelLog.OpenAtEnd();
        long before = ProbesAnswered(agent.Process);
        for (int probe = 0; probe < asked; probe++)
        {
            await AgentProcess.RunAsync("probe", "--status-directory", Path.Combine(agentFolder, "run"));
            await Task.Delay(TimeSpan.FromSeconds(1), Cancellation);
        }

        long probes = ProbesAnswered(agent.Process) - before;
        List<string> lines = LinesOf(log);
        Assert.InRange(probes, asked * _filesystems.Count, 3 * asked * _filesystems.Count);
        double linesPerProbe = (double)lines.Count / (asked * _filesystems.Count);
        string measured = string.Create(
            CultureInfo.InvariantCulture,
            $"{linesPerProbe:F2} lines a probe ({asked} probes of {_filesystems.Count} filesystems)");
        string report = $"{measured}:\n{string.Join('\n', lines)}";
        TestContext.Current.TestOutputHelper?.WriteLine(report);
        Assert.True(linesPerProbe * probesInTenMinutes <= maxLines, report);
    }

    [Fact]
    public async Task An_aborted_filesystem_is_left_alone_between_probes()
    {
        FaultyFilesystem filesystem = await CreateAsync("ext4", "errors=remount-ro");
        await using WatchingAgent agent = WatchingAgent.Start(_xenstore!, 1, Path.Combine(_folder, "agent"));
        await SeeAsync(agent, Expectation.Healthy);
        await filesystem.ShellAsync("echo test >\"/sys/fs/ext4/$2/trigger_fs_error\"");
        await SeeAsync(agent, new Expectation(Verdict.JournalAborted, Hidden: true));
        // The probes that the abort's own lines asked for.
        await Task.Delay(TimeSpan.FromSeconds(3), Cancellation);
        long before = ProbesAnswered(agent.Process);
        await Task.Delay(TimeSpan.FromSeconds(20), Cancellation);
        Assert.Equal(before, ProbesAnswered(agent.Process));
    }

    [Fact]
    public async Task While_a_filesystem_is_frozen_its_probe_is_neither_killed_nor_repeated()
    {
        FaultyFilesystem filesystem = await CreateAsync("ext4", "defaults");
        await using WatchingAgent agent = WatchingAgent.Start(
            _xenstore!, 1, Path.Combine(_folder, "agent"), "--data-interval", "1");
        await SeeAsync(agent, Expectation.Healthy);

        await filesystem.FreezeAsync();
        await AgentProcess.WaitAsync(() => ProbesThatWait(agent.Process) == 1, () => "a probe to wait for the thaw");
        IReadOnlyList<int> processes = agent.Process.ProbeProcesses();
        FaultCounts before = await filesystem.Disk.CountsAsync();
        await Task.Delay(TimeSpan.FromSeconds(12), Cancellation);

        Assert.Equal(1, ProbesThatWait(agent.Process));
        Assert.Equal(processes, agent.Process.ProbeProcesses());
        Assert.Equal(before, await filesystem.Disk.CountsAsync());

        await filesystem.ThawAsync();
        await SeeAsync(agent, Expectation.Healthy);
        Assert.Equal(processes, agent.Process.ProbeProcesses());
    }

    private async Task<FaultyFilesystem> CreateAsync(string type, string options)
    {
        FaultyFilesystem filesystem = await FaultyFilesystem.CreateAsync(
            Path.Combine(_folder, $"{_filesystems.Count}"), type, options);
        _filesystems.Add(filesystem);
        return filesystem;
    }

    private async Task SeeAsync(WatchingAgent agent, Expectation expected)
    {
        long start = Stopwatch.GetTimestamp();
        foreach (FaultyFilesystem filesystem in _filesystems)
        {
            Sighting sighting = await agent.WatchAsync(filesystem.Path, expected, start, Limit);
            Assert.True(sighting.IsAsExpected, $"expected {expected}; the agent says {sighting}");
        }
    }

    /// <summary>
    /// The write(2)s of the probe processes: one is the answer to each probe, and where the probe file cannot even be
    /// opened there is no other. Where it can, that counts a probe twice: never too few.
    /// </summary>
    private static long ProbesAnswered(AgentProcess agent)
    {
        const string key = "syscw: ";
        return agent.ProbeProcesses().Sum(process => File.ReadLines($"/proc/{process}/io")
            .Where(line => line.StartsWith(key, StringComparison.Ordinal))
            .Sum(line => long.Parse(line[key.Length..], CultureInfo.InvariantCulture)));
    }

    /// <summary>The threads of the probe processes that no signal ends (state D).</summary>
    private static int ProbesThatWait(AgentProcess agent)
        => agent.ProbeProcesses()
            .SelectMany(process => Directory.GetDirectories($"/proc/{process}/task"))
            .Count(task => File.ReadAllText($"{task}/stat").Split(')')[^1].StartsWith(" D", StringComparison.Ordinal));

    private List<string> LinesOf(KernelLog log)
    {
        List<string> lines = [];
        while (log.ReadLine() is { } line)
        {
            if (_filesystems.Exists(one => one.IsNamedIn(line)))
            {
                lines.Add(line);
            }
        }

        return lines;
    }
}
