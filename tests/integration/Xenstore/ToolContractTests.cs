using System.Diagnostics;
using System.Text;
using Protocol.Health;
using Protocol.Xenstore;
using Testbed.Linux;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Xenstore;

/// <summary>Debian's own clients read what a guest reports, from Dom0 and in the guest.</summary>
public sealed class ToolContractTests
{
    private const string Home = "/local/domain/5";

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task Xenstore_ls_and_xenstore_read_show_a_report(DaemonKind kind)
    {
        await using ContractStage stage = await StartAsync(kind);
        IReadOnlyList<KeyValuePair<string, string>> nodes =
            ReportCodec.ToNodes(Report(), sequenceOf: _ => 7, "seq=7 uptime=60", isQuotaExceeded: false);
        using (PollLoop guest = stage.Poll(5))
        {
            foreach ((string path, string value) in nodes)
            {
                XenstoreRequest write = XenstoreRequest.Write(path, Encoding.ASCII.GetBytes(value));
                Assert.Equal(XenstoreError.None, guest.Ask(write).Error);
            }
        }

        string listed = await RunAsync(stage, 0, "xenstore-ls", "-f", $"{Home}/data");
        foreach ((string path, string value) in nodes)
        {
            Assert.Contains($"{Home}/{path} = \"{value}\"\n", listed, StringComparison.Ordinal);
            Assert.Equal($"{value}\n", await RunAsync(stage, 0, "xenstore-read", $"{Home}/{path}"));
        }

        Assert.Equal("critical journal-aborted hidden\n", await RunAsync(stage, 5, "xenstore-read", GuestKeys.State));
        Assert.Contains("(n5)", await RunAsync(stage, 0, "xenstore-ls", "-p", $"{Home}/data"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task Xenstore_watch_sees_a_state_change(DaemonKind kind)
    {
        await using ContractStage stage = await StartAsync(kind);
        string state = $"{Home}/{GuestKeys.State}";
        var start = new ProcessStartInfo("xenstore-watch", ["-n", "2", state]) { RedirectStandardOutput = true };
        start.Environment["XENSTORED_PATH"] = stage.SocketOf(0);
        using Process watcher = Process.Start(start)!;

        Assert.Equal(state, await NextLineAsync(watcher));
        Assert.Equal("OK\0", stage.Raw(5).Ask(XenstoreOperation.Write, $"{GuestKeys.State}\0ok writable"));

        Assert.Equal(state, await NextLineAsync(watcher));
        await watcher.WaitForExitAsync(ContractStage.Cancellation)
            .WaitAsync(ContractStage.Patience, ContractStage.Cancellation);
        Assert.Equal(0, watcher.ExitCode);
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task Xenstore_write_writes_where_its_domain_may(DaemonKind kind)
    {
        await using ContractStage stage = await StartAsync(kind);

        await RunAsync(stage, 0, "xenstore-write", $"{Home}/{GuestKeys.Request}", "id=1 action=probe");

        using (RawXenstoreClient guest = stage.Raw(5))
        {
            Assert.Equal("id=1 action=probe", guest.Ask(XenstoreOperation.Read, $"{GuestKeys.Request}\0"));
        }

        await RunAsync(stage, 5, "xenstore-write", GuestKeys.State, "ok writable");
        ToolResult refused = await Tool.RunAsync(
            "env", $"XENSTORED_PATH={stage.SocketOf(5)}", "xenstore-write", GuestKeys.Request, "forged");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Equal("ok writable", stage.Raw(0).Ask(XenstoreOperation.Read, $"{Home}/{GuestKeys.State}\0"));
    }

    /// <summary>These two tools use transactions, which the embedded daemon does not know.</summary>
    [Fact]
    public async Task Xenstore_chmod_and_xenstore_rm_change_what_our_clients_see()
    {
        await using ContractStage stage = await StartAsync(DaemonKind.Real);
        string request = $"{Home}/{GuestKeys.Request}";
        RawXenstoreClient dom0 = stage.Raw(0);
        RawXenstoreClient guest = stage.Raw(5);
        dom0.Demand(XenstoreOperation.Write, $"{request}\0x");

        await RunAsync(stage, 0, "xenstore-chmod", request, "n0");
        Assert.Equal("EACCES", guest.Ask(XenstoreOperation.Read, $"{GuestKeys.Request}\0"));
        await RunAsync(stage, 0, "xenstore-chmod", request, "n0", "r5");
        Assert.Equal("x", guest.Ask(XenstoreOperation.Read, $"{GuestKeys.Request}\0"));
        await RunAsync(stage, 0, "xenstore-rm", request);
        Assert.Equal("ENOENT", dom0.Ask(XenstoreOperation.Read, $"{request}\0"));
    }

    private static Task<ContractStage> StartAsync(DaemonKind kind)
    {
        if (!File.Exists("/usr/bin/xenstore-ls"))
        {
            Assert.Skip("Debian's xenstore-utils is not installed: run tests/prepare.sh testbed");
        }

        return ContractStage.StartAsync(kind);
    }

    private static Task<string> RunAsync(ContractStage stage, int domainId, string tool, params string[] arguments)
        => Tool.RequireAsync("env", [$"XENSTORED_PATH={stage.SocketOf(domainId)}", tool, .. arguments]);

    private static async Task<string?> NextLineAsync(Process process)
        => await process.StandardOutput.ReadLineAsync(ContractStage.Cancellation)
            .AsTask()
            .WaitAsync(ContractStage.Patience, ContractStage.Cancellation);

    private static GuestReport Report()
    {
        var noon = new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
        var root = new FilesystemHealth
        {
            MountPoint = MountPoint.FromBytes("/"u8),
            Device = "xvda",
            FilesystemType = "ext3",
            Role = FilesystemRole.Root,
            Verdict = Verdict.JournalAborted,
            Since = noon,
            Claims = MountClaim.Rw,
            Hidden = true,
            Evidence = [new Evidence(EvidenceKind.Probe, "EROFS")],
        };
        Assert.True(BootId.TryParse("0f5a2b6c-1111-4222-8333-444455556666", out BootId bootId));
        return new GuestReport
        {
            BootId = bootId,
            Sequence = 7,
            AgentVersion = "1.0.0",
            State = GuestState.Of([root], noon),
            Filesystems = [root],
            FilesystemCount = 1,
        };
    }
}
