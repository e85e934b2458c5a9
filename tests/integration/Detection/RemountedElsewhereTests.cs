using System.Diagnostics;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Linux;
using Testbed.Xenstore;
using Tests.Integration.Agent;
using Xunit;

namespace Tests.Integration.Detection;

/// <summary>
/// A filesystem that is unmounted and mounted again before the agent looks: the kernel gives the mount the same id, and
/// a btrfs gets another anonymous device.
/// </summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class RemountedElsewhereTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("ext4")]
    [InlineData("btrfs")]
    public async Task What_is_mounted_again_before_the_agent_looks_is_known_where_it_is(string type)
    {
        if (FaultDisk.WhyNot() is { } reason)
        {
            Assert.Skip(reason);
        }

        string folder = Directory.CreateTempSubdirectory("elsewhere-").FullName;
        try
        {
            await FollowAsync(folder, type);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task FollowAsync(string folder, string type)
    {
        await using var xenstore =
            new EmbeddedXenstore(Directory.CreateDirectory(Path.Combine(folder, "store")).FullName);
        await using FaultyFilesystem filesystem = await FaultyFilesystem.CreateAsync(
            Path.Combine(folder, "filesystem"), type, "defaults");
        await using WatchingAgent agent = WatchingAgent.Start(
            xenstore, 1, Path.Combine(folder, "agent"), "--data-interval", "1");
        await SeeHealthyAsync(agent, filesystem.Path);
        string from = filesystem.Path;
        foreach (string name in (string[])["here", "there"])
        {
            string to = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
            await MoveAsync(agent, filesystem, from, to);
            await SeeHealthyAsync(agent, to);
            from = to;
        }

        await Tool.RequireAsync("umount", from);
    }

    private static async Task MoveAsync(WatchingAgent agent, FaultyFilesystem filesystem, string from, string to)
    {
        await Tool.RequireAsync("kill", "-STOP", $"{agent.Process.Id}");
        await Tool.RequireAsync("umount", from);
        await Tool.RequireAsync("mount", filesystem.Disk.Loop.Path, to);
        await Tool.RequireAsync("kill", "-CONT", $"{agent.Process.Id}");
    }

    private static async Task SeeHealthyAsync(WatchingAgent agent, string mountPoint)
    {
        Sighting seen = await agent.WatchAsync(mountPoint, Expectation.Healthy, Stopwatch.GetTimestamp(), Limit);
        Assert.True(seen.IsAsExpected, $"{mountPoint}: the agent says {seen}");
    }
}
