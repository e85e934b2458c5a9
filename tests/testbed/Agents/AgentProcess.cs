using System.Diagnostics;
using Testbed.Linux;

namespace Testbed.Agents;

/// <summary>The published agent as a process of its own, on a folder that is a tmpfs.</summary>
internal sealed class AgentProcess : IAsyncDisposable
{
    /// <summary>
    /// The collection of all tests with an agent or a mount of their own outside a domain: an agent watches every
    /// mount it sees, so they run one after another.
    /// </summary>
    public const string SeesEveryMount = "an agent sees every mount";

    // Only what never comes meets it, also on a busy machine.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);

    private readonly Process _process;
    private readonly string _folder;

    private AgentProcess(Process process, string folder)
    {
        _process = process;
        _folder = folder;
    }

    /// <summary>The folder of the sources, in which <c>out/</c> lies.</summary>
    public static string RepositoryRoot { get; } = FindRepositoryRoot();

    /// <summary>The native program that <c>make publish</c> made.</summary>
    public static string Program { get; } = Path.Combine(RepositoryRoot, "out/publish/guest-agent/guest-agent");

    public int Id => _process.Id;

    /// <summary>The status file's text; empty before there is one.</summary>
    public string Status
    {
        get
        {
            string file = Path.Combine(_folder, "status");
            return File.Exists(file) ? File.ReadAllText(file) : string.Empty;
        }
    }

    /// <summary>
    /// Starts it with its standard output on a pipe. The machine's own filesystems are left out: only what the
    /// test mounts is watched. Outside a DomU, as here, it refuses every remedy.
    /// </summary>
    /// <param name="xenstore">The path of the socket.</param>
    /// <param name="folder">A folder on a tmpfs for the status file.</param>
    /// <param name="output">Where standard output goes; a path.</param>
    /// <param name="options">More of the command line.</param>
    public static AgentProcess Start(string xenstore, string folder, string output, params string[] options)
        => StartIn([], xenstore, folder, output, options);

    /// <summary>As <see cref="Start"/>, in another environment: <c>NAME=VALUE</c>, or what executes it.</summary>
    public static AgentProcess StartIn(
        string[] environment, string xenstore, string folder, string output, params string[] options)
    {
        string[] arguments =
        [
            "-c", "exec env \"$@\" >\"$OUTPUT\" 2>&1", "sh", .. environment, Program,
            "--exclude", string.Join(' ', MountsOfTheMachine()), "--xenstore", xenstore, "--status-directory", folder, .. options,
        ];
        var start = new ProcessStartInfo("/bin/sh", arguments);
        start.Environment["OUTPUT"] = output;
        return new AgentProcess(Process.Start(start)!, folder);
    }

    /// <summary>Runs the program to its end.</summary>
    public static Task<ToolResult> RunAsync(params string[] arguments) => Tool.RunAsync(Program, arguments);

    /// <summary>Waits until the status file says something.</summary>
    public Task WaitForStatusAsync(string text)
        => WaitAsync(() => Status.Contains(text, StringComparison.Ordinal), () => $"\"{text}\"; it says: {Status}");

    /// <summary>Waits until something holds.</summary>
    public static async Task WaitAsync(Func<bool> holds, Func<string> what, TimeSpan? limit = null)
    {
        long start = Stopwatch.GetTimestamp();
        while (!holds())
        {
            if (Stopwatch.GetElapsedTime(start) > (limit ?? Limit))
            {
                throw new TimeoutException($"waited {(limit ?? Limit).TotalSeconds} s for {what()}");
            }

            await Task.Delay(LookAgain);
        }
    }

    /// <summary>The agent's probe processes, the spare included.</summary>
    public IReadOnlyList<int> ProbeProcesses()
        => [.. File.ReadAllText($"/proc/{Id}/task/{Id}/children")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(int.Parse)
            .Where(child => File.ReadAllText($"/proc/{child}/cmdline").Contains("probe-process", StringComparison.Ordinal))];

    /// <summary>Sends SIGTERM and waits for the end; how long that took.</summary>
    public async Task<TimeSpan> StopAsync()
    {
        long start = Stopwatch.GetTimestamp();
        await Tool.RequireAsync("kill", "-TERM", $"{Id}");
        await _process.WaitForExitAsync().WaitAsync(Limit);
        return Stopwatch.GetElapsedTime(start);
    }

    public int ExitCode => _process.ExitCode;

    public bool HasEnded => _process.HasExited;

    /// <summary>Sends SIGKILL and waits for the end.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    /// <summary>
    /// The mount points, as mountinfo has them, of all that no test has mounted: tests mount in their temporary folder,
    /// a tmpfs of <c>tests/contained.sh</c>. It hides what it can of the rest, but not <c>/</c> and what holds the
    /// sources.
    /// </summary>
    private static IEnumerable<string> MountsOfTheMachine()
    {
        const int mountPoint = 4; // proc_pid_mountinfo(5), field 5
        string own = Path.TrimEndingDirectorySeparator(Path.GetTempPath()) + '/';
        return File.ReadLines("/proc/self/mountinfo")
            .Select(line => line.Split(' ')[mountPoint])
            .Where(path => !path.StartsWith(own, StringComparison.Ordinal))
            .Distinct();
    }

    private static string FindRepositoryRoot()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "GuestAgent.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }
}
