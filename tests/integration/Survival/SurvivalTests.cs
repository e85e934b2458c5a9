using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Protocol.Xenstore;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Linux;
using Testbed.Xenstore;
using Tests.Integration.Testbed;
using Xunit;

namespace Tests.Integration.Survival;

/// <summary>How a root dies.</summary>
public enum RootFault
{
    /// <summary>Its journal is aborted by real I/O errors.</summary>
    Aborted = 0,

    /// <summary>Every request to its disk ends in an I/O error, reads as well.</summary>
    Failing,

    /// <summary>No request to its disk ends: whoever writes, or reads what is not in memory, waits for ever.</summary>
    Hanging,

    /// <summary>Whoever writes waits: it is frozen, and nobody thaws it.</summary>
    Frozen,
}

/// <summary>
/// The published agent runs from a filesystem that dies under it. In its domain it is the child of a shell, as it is the
/// child of an init elsewhere.
/// </summary>
public sealed partial class SurvivalTests : IAsyncLifetime
{
    private const int DomainId = 7;
    private const string Program = "/usr/bin/guest-agent";

    // Sleeps before anything breaks: nothing can be executed afterwards.
    private const string Init =
        $"trap 'exit 0' TERM; /bin/sleep 3600 & {Program} --xenstore /dev/xen/xenbus --root-interval 1 & wait; wait";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly string _folder = Directory.CreateTempSubdirectory("survival-").FullName;
    private EmbeddedXenstore? _xenstore;
    private TestbedDomain? _domain;
    private DomainBoot? _boot;
    private bool _isFrozen;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Status => File.ReadAllText(_boot!.Inside("/run/guest-agent/status"));

    public async ValueTask InitializeAsync()
    {
        if (FaultDisk.WhyNot() is { } reason)
        {
            Assert.Skip(reason);
        }

        _xenstore = new EmbeddedXenstore(Directory.CreateDirectory(Path.Combine(_folder, "xenstore")).FullName);
        _xenstore.IntroduceDomain(DomainId);
        _domain = await TestbedDomain.CreateAsync(Definition(), Path.Combine(_folder, "domain"));
        _boot = await _domain.StartAsync(_xenstore.DomainSocketPath(DomainId));
        await WaitForStateAsync("ok writable");
    }

    public async ValueTask DisposeAsync()
    {
        await ReleaseAsync();
        if (_boot is not null)
        {
            await _boot.DisposeAsync();
        }

        if (_domain is not null)
        {
            await _domain.DisposeAsync();
        }

        if (_xenstore is not null)
        {
            await _xenstore.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(RootFault.Aborted)]
    [InlineData(RootFault.Failing)]
    [InlineData(RootFault.Hanging)]
    [InlineData(RootFault.Frozen)]
    public async Task On_a_dead_root_it_answers_loses_its_probe_process_and_ends_when_told(RootFault fault)
    {
        int agent = AgentProcessId();
        int[] probes = ProbeProcesses(agent);
        Assert.Equal(2, probes.Length);
        await StrikeAsync(fault);
        string trace = Path.Combine(_folder, "trace");
        using Process strace = await TraceAsync(trace, [agent, .. probes]);

        Assert.Contains("\"fresh\":", Ask("probe /"), StringComparison.Ordinal);
        await RequestAsync("probe");

        // Somebody wants the configuration read again, which lies on this root.
        await Tool.RequireAsync("kill", "-HUP", agent.ToString(CultureInfo.InvariantCulture));
        await Tool.RequireAsync("kill", "-KILL", probes[0].ToString(CultureInfo.InvariantCulture));
        if (fault is RootFault.Aborted or RootFault.Failing)
        {
            // What the spare met is told anew. (A process stuck in the kernel does not die of the signal.)
            await AgentProcess.WaitAsync(
                () => ProbeProcesses(agent) is [var left] && left == probes[1], () => "the spare");
            Assert.Matches("\"result\":\"(EROFS|EIO)\"", Ask("probe /"));
        }

        Assert.Contains("\"verdict\":", Ask("status"), StringComparison.Ordinal);
        long start = Stopwatch.GetTimestamp();
        await Tool.RequireAsync("kill", "-TERM", agent.ToString(CultureInfo.InvariantCulture));
        await AgentProcess.WaitAsync(() => HasEnded(agent), () => "the agent's end");
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        TestContext.Current.SendDiagnosticMessage("{0}: SIGTERM to end: {1:0} ms", fault, took.TotalMilliseconds);
        Assert.True(took < TimeSpan.FromSeconds(1), $"SIGTERM took {took}");

        await ReleaseAsync();
        await EndAsync(strace);
        string[] lines = await File.ReadAllLinesAsync(trace, Cancellation);
        Assert.Contains(lines, line => line.Contains("/proc/self/mountinfo", StringComparison.Ordinal)
            || line.Contains("errors_count", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => TouchesRoot(line, agent));
    }

    [Theory]
    [InlineData(RootFault.Aborted)]
    [InlineData(RootFault.Failing)]
    public async Task An_aborted_root_is_left_by_the_hosts_request(RootFault fault)
    {
        await StrikeAsync(fault);
        WriteRequest("reboot");
        int exitCode = await _boot!.Ended.WaitAsync(Limit, Cancellation);
        Assert.Equal(DomainBoot.RestartExitCode, exitCode);
    }

    [Theory]
    [InlineData(RootFault.Hanging)]
    [InlineData(RootFault.Frozen)]
    public async Task A_root_that_merely_blocks_is_no_reason_to_restart(RootFault fault)
    {
        await StrikeAsync(fault);
        string outcome = await RequestAsync("reboot");
        Assert.Contains("status=refused", outcome, StringComparison.Ordinal);
        Assert.False(_boot!.Ended.IsCompleted);
    }

    private static DomainDefinition Definition() => new()
    {
        Name = "survivor",
        Uuid = Guid.NewGuid(),
        Disks = [new DiskDefinition(DiskDefinition.Xvda, "ext4", "/") { IsFaultDisk = true }],
        Programs =
        [
            .. Directory.GetFiles(Path.GetDirectoryName(AgentProcess.Program)!)
                .Select(file => new ProgramFile(file, $"/usr/bin/{Path.GetFileName(file)}")),
            new ProgramFile("/bin/sh", "/bin/sh"),
            new ProgramFile("/bin/sleep", "/bin/sleep"),
        ],
        Command = ["/bin/sh", "-c", Init],
    };

    private async Task StrikeAsync(RootFault fault)
    {
        using KernelLog kernelLog = KernelLog.OpenAtEnd();
        switch (fault)
        {
            case RootFault.Aborted:
                await _domain!.Root.FailStorageAsync();
                await _boot!.WaitUntilJournalAbortedAsync(_domain.Root, kernelLog, Limit);
                await WaitForStateAsync("critical journal-aborted hidden");
                break;
            case RootFault.Failing:
                await _domain!.Root.SetModeAsync(FaultMode.FailAll);
                await WaitForStateAsync("critical journal-aborted hidden");
                break;
            case RootFault.Hanging:
                await _domain!.Root.SetModeAsync(FaultMode.BlockAll);
                await WaitForStateAsync("critical hung hidden");
                break;
            default:
                await Tool.RequireAsync("fsfreeze", "--freeze", _boot!.Inside("/"));
                _isFrozen = true;
                await AgentProcess.WaitAsync(
                    () => !Status.StartsWith("ok", StringComparison.Ordinal), () => $"the alarm; it says {Status}");
                break;
        }
    }

    /// <summary>Nobody waits for the root any more; what failed stays lost.</summary>
    private async Task ReleaseAsync()
    {
        if (_domain is not null)
        {
            await _domain.Root.HealStorageAsync();
        }

        if (_isFrozen)
        {
            await Tool.RequireAsync("fsfreeze", "--unfreeze", _boot!.Inside("/"));
            _isFrozen = false;
        }
    }

    private Task WaitForStateAsync(string state)
    {
        string path = GuestKeys.Absolute(DomainId, GuestKeys.State);
        return AgentProcess.WaitAsync(
            () => _xenstore!.Read(path) == state, () => $"{state}; it is {_xenstore!.Read(path)}");
    }

    private string WriteRequest(string action)
    {
        string id = Guid.NewGuid().ToString();
        _xenstore!.Write(
            GuestKeys.Absolute(DomainId, GuestKeys.Request),
            $"id={id} boot={_boot!.BootId} seq=1 filesystem=/ action={action} lifetime=60");
        return id;
    }

    /// <summary>Asks as the host does; the answer that ends it.</summary>
    private async Task<string> RequestAsync(string action)
    {
        string id = WriteRequest(action);
        string path = GuestKeys.Absolute(DomainId, GuestKeys.Outcome);
        await AgentProcess.WaitAsync(
            () => IsAnswer(_xenstore!.Read(path)), () => $"an outcome; it is {_xenstore!.Read(path)}");
        return _xenstore!.Read(path)!;

        bool IsAnswer(string? line) => line?.Contains($"id={id}", StringComparison.Ordinal) == true
            && !line.Contains("status=accepted", StringComparison.Ordinal);
    }

    /// <summary>Asks over the status socket, as an administrator's program does that is already in memory.</summary>
    private string Ask(string line)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.ReceiveTimeout = (int)Limit.TotalMilliseconds;
        socket.Connect(new UnixDomainSocketEndPoint(_boot!.Inside("/run/guest-agent/socket")));
        socket.Send(Encoding.ASCII.GetBytes(line + "\n"));
        using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private int AgentProcessId()
        => Children(_boot!.ProcessId)
            .Single(child => CommandLine(child).StartsWith(Program, StringComparison.Ordinal));

    private static int[] ProbeProcesses(int agent)
        => [.. Children(agent).Where(child => CommandLine(child).Contains("probe-process", StringComparison.Ordinal))];

    private static int[] Children(int processId)
        => [.. File.ReadAllText($"/proc/{processId}/task/{processId}/children")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(text => int.Parse(text, CultureInfo.InvariantCulture))];

    private static string CommandLine(int processId) => File.ReadAllText($"/proc/{processId}/cmdline");

    /// <summary>Gone, or a zombie that its parent has not yet asked about.</summary>
    private static bool HasEnded(int processId)
    {
        try
        {
            return File.ReadAllText($"/proc/{processId}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static async Task<Process> TraceAsync(string file, int[] processes)
    {
        string[] each = [.. processes.SelectMany(one => (string[])["-p", one.ToString(CultureInfo.InvariantCulture)])];
        Process strace = Tool.Start(new ProcessStartInfo(
            "/usr/bin/strace",
            ["-f", "-s", "200", "-e", "trace=open,openat,openat2,creat,execve,execveat", "-o", file, .. each]));
        await AgentProcess.WaitAsync(
            () => processes.All(one => IsTraced(one)), () => "strace to hold the agent and its probe processes");
        return strace;
    }

    private static bool IsTraced(int processId)
        => Directory.GetDirectories($"/proc/{processId}/task")
            .All(task => !File.ReadAllText($"{task}/status").Contains("TracerPid:\t0", StringComparison.Ordinal));

    /// <summary>
    /// Of a thread that was killed while it was stuck strace may wait for a stop that never comes, and hold it: then only
    /// the end of strace lets it go. Each line is in the file as soon as it is complete.
    /// </summary>
    private static async Task EndAsync(Process strace)
    {
        var patience = TimeSpan.FromSeconds(5);
        try
        {
            if (!strace.HasExited)
            {
                // It may have ended by itself meanwhile, as it does when all that it follows has ended.
                await Tool.RunAsync("kill", "-INT", strace.Id.ToString(CultureInfo.InvariantCulture));
                await strace.WaitForExitAsync(Cancellation).WaitAsync(patience, Cancellation);
            }
        }
        catch (TimeoutException)
        {
            strace.Kill();
            await strace.WaitForExitAsync(Cancellation).WaitAsync(Limit, Cancellation);
        }
    }

    /// <summary>
    /// Whether a line of the trace is an open on the root or an exec. The probe itself is none: the mount point,
    /// its top folder and the probe file in it, opened by a probe process.
    /// </summary>
    private static bool TouchesRoot(string line, int agent)
    {
        Match call = TracedCall().Match(line);
        if (!call.Success)
        {
            return false;
        }

        string path = call.Groups["path"].Value;
        bool isElsewhere = ((string[])["/proc/", "/sys/", "/dev/", "/run/"])
            .Any(folder => path.StartsWith(folder, StringComparison.Ordinal));
        bool isProbe = path is "/" or "." or ".guest-agent-probe" && call.Groups["task"].Value != $"{agent}";
        return call.Groups["call"].Value.StartsWith("exec", StringComparison.Ordinal) || !(isElsewhere || isProbe);
    }

    // "1234  openat(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY|O_CLOEXEC) = 30"
    [GeneratedRegex(
        """^(?<task>\d+)\s+(?<call>open|openat|openat2|creat|execve|execveat)\([^"]*"(?<path>[^"]*)["]""")]
    private static partial Regex TracedCall();
}
