using System.Text;
using Protocol.Xenstore;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Linux;
using Testbed.Xenstore;
using Tests.Integration.Testbed;
using Tests.Integration.Xenstore;
using Xunit;

namespace Tests.Integration.Agent;

/// <summary>The published agent where xenstore's limits end, on the embedded and on the real daemon.</summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class LimitTests : IAsyncLifetime
{
    private const int DomainId = 5;

    /// <summary>Nodes that are left for the agent: its folder, the state, and a few more.</summary>
    private const int RoomForAFew = 7;

    private readonly string _folder = Directory.CreateTempSubdirectory("limits-").FullName;
    private Disk? _disk;

    private string MountPoint => Path.Combine(_folder, "data");

    public async ValueTask InitializeAsync()
    {
        TestbedFixture.SkipUnlessPossible();
        _disk = await Disk.CreateAsync(
            new DiskDefinition(DiskDefinition.Xvdb, "ext4", "/data"), Path.Combine(_folder, "storage"));
        await _disk.FormatAsync(Directory.CreateDirectory(MountPoint).FullName);
        await Tool.RequireAsync("mount", "-o", "errors=remount-ro", _disk.Loop.Path, MountPoint);
    }

    public async ValueTask DisposeAsync()
    {
        if (_disk is not null)
        {
            await Tool.RunAsync("umount", MountPoint);
            await _disk.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(DaemonKind.Real)]
    public async Task A_daemon_that_is_frozen_for_a_minute_gets_one_report_afterwards(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        using PollLoop dom0 = stage.Poll(0);
        await using AgentProcess agent = Start(stage, "--data-interval", "1");
        await WaitForStateAsync(dom0, "ok writable");
        stage.Daemon.Freeze();
        await agent.WaitForStatusAsync("writable");
        await Task.Delay(Minutes(1), TestContext.Current.CancellationToken);
        await AbortJournalAsync();
        await agent.WaitForStatusAsync("journal-aborted");
        long threads = Directory.GetDirectories($"/proc/{agent.Id}/task").Length;
        Assert.InRange(threads, 1, 12);

        stage.Daemon.Thaw();
        await WaitForStateAsync(dom0, "critical journal-aborted hidden");
        Assert.Equal("1", Read(dom0, GuestKeys.FilesystemCount));
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task Where_control_may_not_be_read_reports_go_on(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        using PollLoop dom0 = stage.Poll(0);
        Assert.Equal(XenstoreError.None, dom0.Ask(XenstoreRequest.SetPermissions(
            $"/local/domain/{DomainId}/control", [new XenstorePermission(XenstoreAccess.None, 0)])).Error);
        await using AgentProcess agent = Start(stage);
        await WaitForStateAsync(dom0, "ok writable");
        await AbortJournalAsync();
        await WaitForStateAsync(dom0, "critical journal-aborted hidden");
    }

    [Theory]
    [InlineData(DaemonKind.Real)]
    public async Task When_other_tools_use_the_quota_up_the_state_says_so_until_there_is_room(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        using PollLoop dom0 = stage.Poll(0);
        int written = FillQuota(stage);
        RemoveOthers(dom0, written - RoomForAFew, written);
        await using AgentProcess agent = Start(stage);
        await WaitForStateAsync(dom0, "ok writable quota-exceeded");
        Assert.Null(Read(dom0, GuestKeys.Version));

        RemoveOthers(dom0, 0, written - RoomForAFew);
        await WaitForStateAsync(dom0, "ok writable");
        await AgentProcess.WaitAsync(
            () => Read(dom0, GuestKeys.Version) is not null, () => "the version is written", Minutes(3));
    }

    /// <summary>Writes nodes as another tool of the guest until the daemon refuses; how many there are.</summary>
    private static int FillQuota(ContractStage stage)
    {
        using PollLoop otherTool = stage.Poll(DomainId);
        int written = 0;
        while (otherTool.Ask(XenstoreRequest.Write(OtherNode(written), "x"u8.ToArray())).Error == XenstoreError.None)
        {
            written++;
        }

        return written;
    }

    private static void RemoveOthers(PollLoop dom0, int from, int to)
    {
        for (int index = from; index < to; index++)
        {
            Assert.Equal(XenstoreError.None, dom0.Ask(XenstoreRequest.Remove(OtherNode(index))).Error);
        }
    }

    /// <summary>Spread over folders: one whose list of children exceeds 2 KiB is refused with ENOSPC as well.</summary>
    private static string OtherNode(int index) => $"/local/domain/{DomainId}/data/other/{index / 100}/{index}";

    private AgentProcess Start(ContractStage stage, params string[] options)
        => AgentProcess.Start(
            stage.Daemon.DomainSocketPath(DomainId), Path.Combine(_folder, "run"), Path.Combine(_folder, "output"), options);

    private static string? Read(PollLoop dom0, string key)
    {
        XenstoreReply reply = dom0.Ask(XenstoreRequest.Read(GuestKeys.Absolute(DomainId, key)));
        return reply.Error == XenstoreError.None ? Encoding.ASCII.GetString(reply.Payload.Span) : null;
    }

    private static Task WaitForStateAsync(PollLoop dom0, string state)
        => AgentProcess.WaitAsync(
            () => Read(dom0, GuestKeys.State) == state, () => $"{state}; it is {Read(dom0, GuestKeys.State)}", Minutes(3));

    private async Task AbortJournalAsync()
    {
        await _disk!.FailStorageAsync();
        await Tool.RunAsync(
            "sh", "-c", "for i in 1 2 3; do dd if=/dev/zero of=\"$1/victim\" bs=1M count=8 conv=fsync; sync -f \"$1\"; done",
            "sh", MountPoint);
    }

    private static TimeSpan Minutes(int minutes) => TimeSpan.FromMinutes(minutes);
}
