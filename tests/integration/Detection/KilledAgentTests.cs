using System.Diagnostics;
using Protocol.Health;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Detection;

/// <summary>An agent that is killed again and again while the disk under it fails.</summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class KilledAgentTests
{
    private const int Rounds = 20;
    private const int KillsARound = 5;
    private const int LongestLifeMs = 400;
    private const string ProbeFiles = ".guest-agent-probe*";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private static readonly FaultMode[] Faults =
        [FaultMode.FailAll, FaultMode.FailWrites, FaultMode.FailFlushes, FaultMode.BlockAll, FaultMode.BlockWrites];

    private int _domainId;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_hundred_kills_leave_one_probe_file_no_busy_mount_and_the_truth()
    {
        if (FaultDisk.WhyNot() is { } reason)
        {
            Assert.Skip(reason);
        }

        int seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        string folder = Directory.CreateTempSubdirectory("killed-").FullName;
        try
        {
            await using var xenstore =
                new EmbeddedXenstore(Directory.CreateDirectory(Path.Combine(folder, "store")).FullName);
            await using FaultyFilesystem filesystem = await FaultyFilesystem.CreateAsync(
                Path.Combine(folder, "filesystem"), "ext4", "errors=remount-ro");
            for (int round = 0; round < Rounds; round++)
            {
                FaultMode fault = Faults[round % Faults.Length];
                await KillManyAsync(xenstore, filesystem, fault, random, folder);
                await TellTheTruthAsync(xenstore, filesystem, ExpectedOf(fault), folder);
                await filesystem.RepairAsync();
                Assert.InRange(Directory.GetFiles(filesystem.Path, ProbeFiles).Length, 0, 1);
                await TellTheTruthAsync(xenstore, filesystem, Expectation.Healthy, folder);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task KillManyAsync(
        EmbeddedXenstore xenstore, FaultyFilesystem filesystem, FaultMode fault, Random random, string folder)
    {
        Task failing = Task.CompletedTask;
        for (int kill = 0; kill < KillsARound; kill++)
        {
            await using WatchingAgent agent = Start(xenstore, folder);
            if (kill == 0)
            {
                failing = FailAfterAsync(filesystem, fault, random.Next(LongestLifeMs));
            }

            await Task.Delay(random.Next(LongestLifeMs), Cancellation);
            await agent.Process.KillAsync();
        }

        await failing;
    }

    private static async Task FailAfterAsync(FaultyFilesystem filesystem, FaultMode fault, int delayMs)
    {
        await Task.Delay(delayMs, Cancellation);
        await filesystem.Disk.SetModeAsync(fault);
    }

    private async Task TellTheTruthAsync(
        EmbeddedXenstore xenstore, FaultyFilesystem filesystem, Expectation expected, string folder)
    {
        await using WatchingAgent agent = Start(xenstore, folder);
        Sighting sighting = await agent.WatchAsync(filesystem.Path, expected, Stopwatch.GetTimestamp(), Limit);
        Assert.True(sighting.IsAsExpected, $"expected {expected}; the agent says {sighting}");
        await agent.Process.StopAsync();
    }

    /// <summary>All are one guest with the same folder in /run; each sees a xenstore without a trace of the others.</summary>
    private WatchingAgent Start(EmbeddedXenstore xenstore, string folder)
        => WatchingAgent.Start(xenstore, ++_domainId, Path.Combine(folder, "agent"), "--data-interval", "1");

    private static Expectation ExpectedOf(FaultMode fault)
        => fault is FaultMode.BlockAll or FaultMode.BlockWrites
            ? new(Verdict.Hung, Hidden: true, "probe-outstanding", "inflight")
            : new(Verdict.JournalAborted, Hidden: true);
}
