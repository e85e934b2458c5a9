using System.Globalization;
using Protocol.Xenstore;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Linux;
using Testbed.Xenstore;
using Tests.Integration.Testbed;
using Xunit;

namespace Tests.Integration.Agent;

/// <summary>The published agent on a real filesystem, in company that does not behave.</summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class AgentTests : IAsyncLifetime
{
    private const int DomainId = 7;
    private const int UsageExitCode = 64;
    private const string BootId = $"/local/domain/7/{GuestKeys.BootId}";
    private const string State = $"/local/domain/7/{GuestKeys.State}";

    private readonly string _folder = Directory.CreateTempSubdirectory("agent-").FullName;
    private Disk? _disk;
    private EmbeddedXenstore? _xenstore;

    private string MountPoint => Path.Combine(_folder, "data");

    private string Output => Path.Combine(_folder, "output");

    private string ProbeFile => Path.Combine(MountPoint, ".guest-agent-probe");

    public async ValueTask InitializeAsync()
    {
        TestbedFixture.SkipUnlessPossible();
        _disk = await Disk.CreateAsync(
            new DiskDefinition(DiskDefinition.Xvdb, "ext4", "/data"), Path.Combine(_folder, "storage"));
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

    [Fact]
    public async Task With_a_full_pipe_and_a_silent_xenstore_it_goes_on_judging_and_ends_when_told()
    {
        string pipe = Path.Combine(_folder, "full-pipe");
        await Tool.RequireAsync("mkfifo", pipe);
        using FileStream reader = FillPipe(pipe);
        _xenstore!.Freeze();

        await using AgentProcess agent = Start(pipe);
        await agent.WaitForStatusAsync($"{MountPoint} writable");
        await AbortJournalAsync();
        await agent.WaitForStatusAsync($"{MountPoint} journal-aborted (hidden: mount says rw)");
        TimeSpan took = await agent.StopAsync();

        Assert.Equal(0, agent.ExitCode);
        TestContext.Current.SendDiagnosticMessage("SIGTERM to end: {0} ms", took.TotalMilliseconds);
        Assert.True(took < TimeSpan.FromSeconds(1), $"SIGTERM took {took}");
    }

    [Fact]
    public async Task A_xenstore_that_thaws_gets_one_report_and_it_is_the_newest()
    {
        _xenstore!.Freeze();
        await using AgentProcess agent = Start(Output);
        await agent.WaitForStatusAsync("writable");
        await AbortJournalAsync();
        await agent.WaitForStatusAsync("journal-aborted");
        _xenstore.Thaw();
        await WaitForStateAsync("critical journal-aborted hidden");
        Assert.Equal(File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(), _xenstore.Read(BootId));
    }

    [Fact]
    public async Task A_xenstore_that_comes_later_and_one_that_drops_the_link_get_everything()
    {
        string socket = _xenstore!.DomainSocketPath(DomainId);
        File.Move(socket, socket + ".away");
        await using AgentProcess agent = Start(Output);
        await agent.WaitForStatusAsync("cannot be opened (ENOENT)");
        File.Move(socket + ".away", socket);
        await WaitForStateAsync("ok writable");

        _xenstore.Remove($"/local/domain/{DomainId}/{GuestKeys.Report}");
        _xenstore.DropConnections();
        await WaitForStateAsync("ok writable");
        await agent.WaitForStatusAsync("xenstore answers");
    }

    [Fact]
    public async Task When_the_probe_process_is_killed_the_spare_takes_over()
    {
        await using AgentProcess agent = Start(Output, "--data-interval", "1");
        await agent.WaitForStatusAsync("writable");
        IReadOnlyList<int> before = agent.ProbeProcesses();
        Assert.Equal(2, before.Count);

        await Tool.RequireAsync("kill", "-KILL", $"{before[0]}");
        await AbortJournalAsync();

        await agent.WaitForStatusAsync("journal-aborted");
        await AgentProcess.WaitAsync(() => agent.ProbeProcesses().Count == 2, () => "a new spare");
        Assert.DoesNotContain(before[0], agent.ProbeProcesses());
        Assert.Contains(before[1], agent.ProbeProcesses());
    }

    // An inherited nice value is none that anybody chose for the agent; a service manager's is.
    [Theory]
    [InlineData(0, false, -10)]
    [InlineData(10, false, -10)]
    [InlineData(19, false, -10)]
    [InlineData(0, true, -10)]
    [InlineData(5, true, 5)]
    [InlineData(-5, false, -5)]
    public async Task It_and_its_probe_processes_go_before_others_on_the_processor(
        int nice, bool hasServiceManager, int expected)
    {
        const int niceness = 18; // proc(5), field 19
        int own = int.Parse(Field("self", niceness), CultureInfo.InvariantCulture);
        await using AgentProcess agent = StartIn(
            [.. hasServiceManager ? (string[])[$"NOTIFY_SOCKET={_folder}/notify"] : [], "nice", "-n", $"{nice - own}"]);
        await agent.WaitForStatusAsync("writable");
        int[] processes = [agent.Id, .. agent.ProbeProcesses()];
        Assert.Equal(3, processes.Length);
        Assert.All(processes, process => Assert.Equal($"{expected}", Field($"{process}", niceness)));

        static string Field(string process, int field) => File.ReadAllText($"/proc/{process}/stat").Split(' ')[field];
    }

    [Fact]
    public async Task Only_one_probe_file_is_made_and_nothing_keeps_the_mount_busy()
    {
        await using AgentProcess agent = Start(Output, "--data-interval", "1");
        await agent.WaitForStatusAsync("writable");
        var file = new FileInfo(ProbeFile);
        Assert.Equal(4096, file.Length);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, file.UnixFileMode);
        File.Delete(ProbeFile);
        await AgentProcess.WaitAsync(() => File.Exists(ProbeFile), () => "the probe file to be made again");

        // A probe that is under way keeps it busy for a moment.
        await AgentProcess.WaitAsync(
            () => Tool.RunAsync("umount", MountPoint).Result.ExitCode == 0, () => $"{MountPoint} to be unmounted");
        await AgentProcess.WaitAsync(
            () => !agent.Status.Contains(MountPoint, StringComparison.Ordinal), () => "the filesystem to be forgotten");
        await Tool.RequireAsync("mount", _disk!.Loop.Path, MountPoint);
        await agent.WaitForStatusAsync($"{MountPoint} writable");
    }

    [Theory]
    [InlineData("ln -s /etc/shadow \"$1\"")]
    [InlineData("mkfifo \"$1\"")]
    [InlineData("mkdir \"$1\"")]
    [InlineData("echo precious >\"$1.other\"; ln \"$1.other\" \"$1\"")]
    [InlineData("echo precious >\"$1\"; chown 12345 \"$1\"")]
    [InlineData("head -c 4096 /etc/services >\"$1\"; chmod 600 \"$1\"")]
    [InlineData("head -c 4096 /dev/zero >\"$1\"; chmod 640 \"$1\"")]
    [InlineData("head -c 100 /dev/zero >\"$1\"; chmod 600 \"$1\"")]
    public async Task A_probe_file_that_is_not_its_own_is_refused_and_not_written_through(string plant)
    {
        await Tool.RequireAsync("sh", "-c", plant, "sh", ProbeFile);
        string before = await ListAsync();
        await using AgentProcess agent = Start(Output);
        await agent.WaitForStatusAsync($"{MountPoint} unknown");
        await agent.WaitForStatusAsync("probe-refused");
        Assert.Equal(before, await ListAsync());

        Task<string> ListAsync() => Tool.RequireAsync(
            "sh", "-c",
            "ls -ln --time-style=full-iso \"$1\"; find \"$1\" -maxdepth 1 -type f -exec md5sum {} +; cat \"$1\"/.guest*other 2>/dev/null; true", "sh", MountPoint);
    }

    [Fact]
    public async Task A_probe_file_that_is_immutable_says_nothing_of_the_filesystem()
    {
        await Tool.RequireAsync("sh", "-c", "head -c 4096 /dev/zero >\"$1\"; chmod 600 \"$1\"", "sh", ProbeFile);
        await Tool.RequireAsync("chattr", "+i", ProbeFile);
        // Nor can the folder of its own be made, in which the agent would try it next.
        await Tool.RequireAsync("sh", "-c", "echo taken >\"$1\"; chattr +i \"$1\"", "sh", $"{MountPoint}/.guest-agent");
        await using AgentProcess agent = Start(Output);
        await agent.WaitForStatusAsync($"{MountPoint} unknown");
        await agent.WaitForStatusAsync("probe-refused:");
    }

    [Fact]
    public async Task Beside_a_probe_file_that_is_immutable_a_folder_of_its_own_is_used()
    {
        await Tool.RequireAsync("sh", "-c", "head -c 4096 /dev/zero >\"$1\"; chmod 600 \"$1\"", "sh", ProbeFile);
        await Tool.RequireAsync("chattr", "+i", ProbeFile);
        await using AgentProcess agent = Start(Output);
        await agent.WaitForStatusAsync($"{MountPoint} writable");
    }

    [Theory]
    [InlineData("--frobnicate", "'--frobnicate'")]
    [InlineData("--config /nowhere/agent.conf", "/nowhere/agent.conf")]
    [InlineData("--config /proc", "/proc")]
    [InlineData("--root-interval soon", "--root-interval: \"soon\"")]
    [InlineData("--data-interval 0", "--data-interval: \"0\"")]
    public async Task A_mistake_on_the_command_line_is_one_line_that_names_it(string line, string names)
    {
        ToolResult result = await AgentProcess.RunAsync(line.Split(' '));
        Assert.Equal(UsageExitCode, result.ExitCode);
        Assert.StartsWith("guest-agent: ", result.Output, StringComparison.Ordinal);
        Assert.Contains(names, result.Output, StringComparison.Ordinal);
        Assert.Single(result.Output.TrimEnd('\n').Split('\n'));
    }

    [Theory]
    [InlineData("frequency = 5\n", "agent.conf:1: frequency: no such key")]
    [InlineData("root-interval = -1\n", "agent.conf:1: root-interval: \"-1\"")]
    [InlineData("no equals sign here\n", "agent.conf:1: \"no equals sign here\" is no setting")]
    public async Task A_mistake_in_the_file_is_one_line_that_names_it(string content, string names)
    {
        string file = Path.Combine(_folder, "agent.conf");
        await File.WriteAllTextAsync(file, content, TestContext.Current.CancellationToken);
        ToolResult result = await AgentProcess.RunAsync("--config", file);
        Assert.Equal(UsageExitCode, result.ExitCode);
        Assert.Contains(names, result.Output, StringComparison.Ordinal);
        Assert.Single(result.Output.TrimEnd('\n').Split('\n'));
    }

    // The second is how nohup(1) starts it.
    [Theory]
    [InlineData("")]
    [InlineData("HUP")]
    public async Task On_SIGHUP_it_takes_what_it_can_and_with_a_mistake_it_goes_on_as_before(string ignored)
    {
        string file = Path.Combine(_folder, "agent.conf");
        string dropIn = Path.Combine(Directory.CreateDirectory(file + ".d").FullName, "50-own.conf");
        await File.WriteAllTextAsync(file, "root-interval = 20s\n", TestContext.Current.CancellationToken);
        await using AgentProcess agent = StartIn(IgnoringSignals(ignored), "--config", file);
        await agent.WaitForStatusAsync($"{MountPoint} writable");

        await File.WriteAllTextAsync(
            dropIn, "data-interval = 1s\nchannel = none\n", TestContext.Current.CancellationToken);
        await Tool.RequireAsync("kill", "-HUP", $"{agent.Id}");
        await SaidAsync("channel = none takes effect at the next start; until then it is org.guest-agent.1");
        await SaidAsync("the configuration was read again and is in force");

        await File.WriteAllTextAsync(dropIn, "data-interval = never\n", TestContext.Current.CancellationToken);
        await Tool.RequireAsync("kill", "-HUP", $"{agent.Id}");
        await SaidAsync("50-own.conf:1: data-interval: \"never\" is not allowed");
        await SaidAsync("what was in force stays in force");

        await AbortJournalAsync();
        await agent.WaitForStatusAsync($"{MountPoint} journal-aborted");
        await agent.StopAsync();
        Assert.Equal(0, agent.ExitCode);
    }

    [Fact]
    public async Task It_ends_on_SIGTERM_also_where_that_was_ignored_when_it_was_started()
    {
        await using AgentProcess agent = StartIn(IgnoringSignals("TERM"));
        await agent.WaitForStatusAsync($"{MountPoint} writable");
        await agent.StopAsync();
        Assert.Equal(0, agent.ExitCode);
    }

    private Task SaidAsync(string text)
        => AgentProcess.WaitAsync(
            () => File.ReadAllText(Output).Contains(text, StringComparison.Ordinal),
            () => $"\"{text}\"; it says: {File.ReadAllText(Output)}");

    private AgentProcess Start(string output, params string[] options)
        => AgentProcess.Start(_xenstore!.DomainSocketPath(DomainId), Path.Combine(_folder, "run"), output, options);

    private AgentProcess StartIn(string[] environment, params string[] options) => AgentProcess.StartIn(
        environment, _xenstore!.DomainSocketPath(DomainId), Path.Combine(_folder, "run"), Output, options);

    /// <summary>What executes a program so that it inherits these signals as ignored; none for an empty text.</summary>
    private static string[] IgnoringSignals(string names)
        => names.Length == 0 ? [] : ["sh", "-c", $"trap '' {names}; exec \"$@\"", "sh"];

    private Task WaitForStateAsync(string state)
        => AgentProcess.WaitAsync(() => _xenstore!.Read(State) == state, () => $"{state}; it is {_xenstore!.Read(State)}");

    /// <summary>Real I/O errors: the storage takes no new block, and a program writes until it sees it fail.</summary>
    private async Task AbortJournalAsync()
    {
        await _disk!.FailStorageAsync();
        await Tool.RunAsync(
            "sh", "-c", "for i in 1 2 3; do dd if=/dev/zero of=\"$1/victim\" bs=1M count=8 conv=fsync; sync -f \"$1\"; done",
            "sh", MountPoint);
    }

    private static FileStream FillPipe(string pipe)
    {
        // Opened for both so that neither end waits for the other; nobody ever reads it.
        var stream = new FileStream(pipe, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        const int pipeSizeBytes = 64 * 1024; // pipe(7), the default capacity
        stream.Write(new byte[pipeSizeBytes]);
        return stream;
    }
}
