using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Linux;
using Tests.Integration.Testbed;
using Xunit;

namespace Tests.Integration.Survival;

/// <summary>Those who ask the published agent, and those whom it tells, whether they listen or not.</summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class StatusTests : IAsyncLifetime
{
    private const int MaxClients = 4;

    private static readonly TimeSpan ClientPatience = TimeSpan.FromSeconds(3);

    private readonly string _folder = Directory.CreateTempSubdirectory("status-").FullName;
    private Disk? _disk;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string MountPoint => Path.Combine(_folder, "data");

    private string Run => Path.Combine(_folder, "run");

    private string SocketPath => Path.Combine(Run, "socket");

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

    [Fact]
    public async Task Status_and_probe_print_a_table_or_json_and_end_with_the_code_of_the_worst()
    {
        await using AgentProcess agent = Start();
        await agent.WaitForStatusAsync("writable");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, new FileInfo(SocketPath).UnixFileMode);

        ToolResult table = await AskAsync("status");
        Assert.Equal(0, table.ExitCode);
        Assert.StartsWith("ok: 1 filesystem", table.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', table.Output);

        await AbortJournalAsync();
        ToolResult probed = await AskAsync("probe", MountPoint + "/", "--json");
        Assert.Equal(2, probed.ExitCode);
        using JsonDocument json = JsonDocument.Parse(probed.Output);
        Assert.Equal(1, json.RootElement.GetProperty("schema").GetInt32());
        JsonElement one = Assert.Single(json.RootElement.GetProperty("filesystems").EnumerateArray());
        Assert.Equal("journal-aborted", one.GetProperty("verdict").GetString());
        Assert.True(one.GetProperty("hidden").GetBoolean());
        Assert.True(one.GetProperty("probe").GetProperty("fresh").GetBoolean());
        Assert.Equal("EROFS", one.GetProperty("probe").GetProperty("result").GetString());
    }

    [Fact]
    public async Task Without_an_agent_the_code_is_unknown_and_the_last_words_are_marked_as_such()
    {
        ToolResult nobody = await AskAsync("status");
        Assert.Equal(3, nobody.ExitCode);
        Assert.Contains("the agent does not run", nobody.Output, StringComparison.Ordinal);

        await using AgentProcess agent = Start();
        await agent.WaitForStatusAsync("writable");
        await Tool.RequireAsync("kill", "-KILL", $"{agent.Id}");
        await AgentProcess.WaitAsync(() => agent.HasEnded, () => "its end");
        ToolResult killed = await AskAsync("status");
        Assert.Equal(3, killed.ExitCode);
        Assert.StartsWith("unknown: what the agent wrote last follows", killed.Output, StringComparison.Ordinal);

        // The socket that the killed one left is no hindrance; the stopped one leaves neither socket nor file.
        await using AgentProcess next = Start();
        await AgentProcess.WaitAsync(() => AskAsync("status").Result.ExitCode == 0, () => "an answer of the next agent");
        await next.StopAsync();
        // A probe that was away at that moment may stay written down for the agent that comes next, and the copy of the
        // configuration does, for one that starts while the disk is dead.
        Assert.DoesNotContain(
            Directory.GetFileSystemEntries(Run), left => Path.GetFileName(left) is not ("probes" or "configuration"));
    }

    [Fact]
    public async Task Clients_that_say_nothing_or_read_nothing_are_dropped_and_the_next_is_answered()
    {
        await using AgentProcess agent = Start();
        await agent.WaitForStatusAsync("writable");
        Socket[] silent = [.. Enumerable.Range(0, MaxClients).Select(_ => Connect())];
        silent[0].Send("no end of a line"u8);
        using Socket fifth = Connect();
        await AgentProcess.WaitAsync(() => IsClosed(fifth), () => "a fifth to be turned away");
        await AgentProcess.WaitAsync(
            () => silent.All(IsClosed), () => "the silent to be dropped", ClientPatience + ClientPatience);
        ToolResult answered = await AskAsync("status");
        Assert.True(answered.ExitCode == 0, $"exit code {answered.ExitCode}: {answered.Output}");

        using Socket endless = Connect();
        endless.Send(new byte[4096]);
        await AgentProcess.WaitAsync(() => IsClosed(endless), () => "a line without end to be refused");
    }

    [Fact]
    public async Task With_peers_that_never_read_it_judges_as_fast_as_ever_and_ends_within_a_second()
    {
        string notify = Path.Combine(_folder, "notify");
        using Socket manager = BindManager(notify);
        Fill(notify);
        await using AgentProcess agent = StartWith($"NOTIFY_SOCKET={notify}", "WATCHDOG_USEC=200000");
        await agent.WaitForStatusAsync("writable");
        Socket[] silent = [.. Enumerable.Range(0, MaxClients).Select(_ => Connect())];
        long start = Stopwatch.GetTimestamp();
        await AbortJournalAsync();
        await agent.WaitForStatusAsync("journal-aborted (hidden: mount says rw)");
        TimeSpan judged = Stopwatch.GetElapsedTime(start);
        TimeSpan took = await agent.StopAsync();

        TestContext.Current.SendDiagnosticMessage(
            "abort to status file: {0:0} ms, SIGTERM to end: {1:0} ms",
            judged.TotalMilliseconds, took.TotalMilliseconds);
        Assert.Equal(0, agent.ExitCode);
        Assert.True(took < TimeSpan.FromSeconds(1), $"SIGTERM took {took}");
        Array.ForEach(silent, one => one.Dispose());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_service_manager_hears_ready_the_state_signs_of_life_and_the_end(bool isAbstract)
    {
        string name = isAbstract ? $"@guest-agent-{Guid.NewGuid():N}" : Path.Combine(_folder, "notify");
        using Socket manager = BindManager(name);
        await using AgentProcess agent = StartWith($"NOTIFY_SOCKET={name}", "WATCHDOG_USEC=600000");
        var heard = new List<string>();
        await HearUntilAsync(manager, heard, () => heard.Count(one => one == "WATCHDOG=1") >= 3);
        Assert.Equal("READY=1", heard[0]);
        await AgentProcess.WaitAsync(() => agent.Status.Length > 0, () => "a status");
        await HearUntilAsync(manager, heard, () => heard.Exists(
            one => one.StartsWith("STATUS=ok writable since", StringComparison.Ordinal)));

        // A loop that is stuck feeds no watchdog: nothing but the loop does.
        await Tool.RequireAsync("kill", "-STOP", $"{agent.Id}");
        Drain(manager);
        await Task.Delay(TimeSpan.FromSeconds(1), Cancellation);
        Assert.Equal(0, manager.Available);
        await Tool.RequireAsync("kill", "-CONT", $"{agent.Id}");

        await agent.StopAsync();
        await HearUntilAsync(manager, heard, () => heard[^1] == "STOPPING=1");
    }

    private AgentProcess Start() => StartWith();

    private AgentProcess StartWith(params string[] environment) => AgentProcess.StartIn(
        environment, Path.Combine(_folder, "no-xenstore"), Run, Path.Combine(_folder, "output"), "--data-interval", "1");

    private Task<ToolResult> AskAsync(params string[] question)
        => AgentProcess.RunAsync([.. question, "--status-directory", Run]);

    private async Task AbortJournalAsync()
    {
        await _disk!.FailStorageAsync();
        await Tool.RunAsync(
            "sh", "-c",
            "for i in 1 2 3; do dd if=/dev/zero of=\"$1/victim\" bs=1M count=8 conv=fsync; sync -f \"$1\"; done",
            "sh", MountPoint);
    }

    private Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(SocketPath));
        return socket;
    }

    private static bool IsClosed(Socket socket)
    {
        try
        {
            return socket.Poll(TimeSpan.Zero, SelectMode.SelectRead) && socket.Receive(new byte[1]) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private static Socket BindManager(string name)
    {
        var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(EndPoint(name));
        return manager;
    }

    private static UnixDomainSocketEndPoint EndPoint(string name) => new(name[0] == '@' ? "\0" + name[1..] : name);

    private static void Fill(string name)
    {
        using var sender = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        sender.Blocking = false;
        try
        {
            while (true)
            {
                sender.SendTo("noise"u8, EndPoint(name));
            }
        }
        catch (SocketException full) when (full.SocketErrorCode == SocketError.WouldBlock)
        {
            // That is what is wanted.
        }
    }

    private static void Drain(Socket manager)
    {
        var message = new byte[1024];
        while (manager.Available > 0)
        {
            manager.Receive(message);
        }
    }

    private static async Task HearUntilAsync(Socket manager, List<string> heard, Func<bool> enough)
    {
        var message = new byte[1024];
        while (!enough())
        {
            int size = await manager.ReceiveAsync(message, Cancellation).AsTask().WaitAsync(TimeSpan.FromSeconds(10));
            heard.AddRange(Encoding.UTF8.GetString(message, 0, size).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }
    }
}
