using Testbed.Agents;
using Testbed.Domains;
using Testbed.Linux;
using Tests.Integration.Testbed;
using Xunit;

namespace Tests.Integration.Agent;

/// <summary>The published agent, killed while a probe of it is stuck in the kernel.</summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class RestartTests : IAsyncLifetime
{
    private const string NoXenstore = "/nonexistent/xenbus";

    private readonly string _folder = Directory.CreateTempSubdirectory("restart-").FullName;
    private Disk? _disk;

    private string MountPoint => Path.Combine(_folder, "data");

    public async ValueTask InitializeAsync()
    {
        TestbedFixture.SkipUnlessPossible();
        _disk = await Disk.CreateAsync(
            new DiskDefinition(DiskDefinition.Xvdb, "ext4", "/data"), Path.Combine(_folder, "storage"));
        await _disk.FormatAsync(Directory.CreateDirectory(MountPoint).FullName);
        await Tool.RequireAsync("mount", _disk.Loop.Path, MountPoint);
    }

    public async ValueTask DisposeAsync()
    {
        if (_disk is not null)
        {
            await Tool.RunAsync("fsfreeze", "--unfreeze", MountPoint);
            await Tool.RunAsync("umount", MountPoint);
            await _disk.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_stuck_probe_outlives_its_agent_and_gets_no_second_beside_it()
    {
        await using (AgentProcess first = Start())
        {
            await first.WaitForStatusAsync("writable");
            await Tool.RequireAsync("fsfreeze", "--freeze", MountPoint);
            await AgentProcess.WaitAsync(() => ProbingThreads() == 1 && Record().Length > 0, () => "a stuck probe");
            await first.WaitForStatusAsync("probe-outstanding");
            await first.KillAsync();
        }

        await using AgentProcess second = Start();
        await second.WaitForStatusAsync("probe-outstanding");
        await Task.Delay(TimeSpan.FromSeconds(4), TestContext.Current.CancellationToken);
        Assert.Equal(1, ProbingThreads());

        await Tool.RequireAsync("fsfreeze", "--unfreeze", MountPoint);
        await second.WaitForStatusAsync("ok writable");
    }

    [Fact]
    public async Task A_probe_process_that_is_killed_while_stuck_is_replaced_by_its_spare()
    {
        await using AgentProcess agent = Start();
        await agent.WaitForStatusAsync("writable");
        await Tool.RequireAsync("fsfreeze", "--freeze", MountPoint);
        await agent.WaitForStatusAsync("probe-outstanding");
        int stuck = int.Parse(Record().Split("process=")[1].Split(' ')[0], null);
        await Tool.RequireAsync("kill", "-KILL", $"{stuck}");
        await AgentProcess.WaitAsync(
            () => agent.ProbeProcesses().Count == 2, () => "a probe process and a spare besides the killed one");
        Assert.Equal(1, ProbingThreads());

        await Tool.RequireAsync("fsfreeze", "--unfreeze", MountPoint);
        await agent.WaitForStatusAsync("ok writable");
    }

    private AgentProcess Start()
        => AgentProcess.Start(
            NoXenstore, Path.Combine(_folder, "run"), Path.Combine(_folder, "output"), "--data-interval", "1");

    private string Record()
    {
        string file = Path.Combine(_folder, "run", "probes");
        return File.Exists(file) ? File.ReadAllText(file) : string.Empty;
    }

    /// <summary>
    /// Threads that probe this test's filesystem, of processes living or killed, in an uninterruptible call.
    /// </summary>
    private int ProbingThreads()
        => Directory.GetDirectories("/proc", "*")
            .Where(process => int.TryParse(Path.GetFileName(process), out _))
            .SelectMany(process => Threads(process))
            .Count(stat => stat.Contains($"(probe-{_disk!.Loop.Major:x}:{_disk.Loop.Minor:x})", StringComparison.Ordinal)
                && stat.Contains(") D ", StringComparison.Ordinal));

    private static IEnumerable<string> Threads(string process)
    {
        try
        {
            return [.. Directory.GetDirectories($"{process}/task").Select(thread => File.ReadAllText($"{thread}/stat"))];
        }
        catch (IOException)
        {
            return [];
        }
    }
}
