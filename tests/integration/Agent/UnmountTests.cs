using System.Diagnostics;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Linux;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Agent;

/// <summary>A watched filesystem can be unmounted: the agent keeps no descriptor on it, of whatever sort.</summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class UnmountTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("ext3")]
    [InlineData("ext4")]
    [InlineData("xfs")]
    [InlineData("btrfs")]
    public async Task A_watched_filesystem_is_unmounted_beside_the_agent(string type)
    {
        if (FaultDisk.WhyNot() is { } reason)
        {
            Assert.Skip(reason);
        }

        string folder = Directory.CreateTempSubdirectory("unmount-").FullName;
        try
        {
            await using var xenstore =
                new EmbeddedXenstore(Directory.CreateDirectory(Path.Combine(folder, "store")).FullName);
            await using FaultyFilesystem filesystem = await FaultyFilesystem.CreateAsync(
                Path.Combine(folder, "filesystem"), type, "defaults");
            // Never probed but at the start: between two probes nothing of the agent's may be there.
            await using WatchingAgent agent = WatchingAgent.Start(
                xenstore, 1, Path.Combine(folder, "agent"), "--data-interval", "3600");
            Sighting seen = await agent.WatchAsync(
                filesystem.Path, Expectation.Healthy, Stopwatch.GetTimestamp(), Limit);
            Assert.True(seen.IsAsExpected, $"{filesystem.Path}: the agent reports {seen}");
            await Tool.RequireAsync("umount", filesystem.Path);
            await Tool.RequireAsync("mount", filesystem.Disk.Loop.Path, filesystem.Path);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
