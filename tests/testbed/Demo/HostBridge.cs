using System.Diagnostics;
using Testbed.Linux;

namespace Testbed.Demo;

/// <summary>The real host-bridge, as a process.</summary>
public sealed class HostBridge : IAsyncDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly Task _logging;

    private HostBridge(Process process, string logFile)
    {
        _process = process;
        _logging = LogAsync(process, logFile);
    }

    /// <summary>Whether it still runs.</summary>
    public bool IsRunning => !_process.HasExited;

    /// <summary>Its process id.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Starts it.</summary>
    /// <param name="program">The native program.</param>
    /// <param name="arguments">Its command line.</param>
    /// <param name="logFile">What it writes is appended here.</param>
    public static HostBridge Start(string program, IReadOnlyList<string> arguments, string logFile)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" 2>&1 </dev/null", "sh", program, .. arguments])
        {
            RedirectStandardOutput = true,
        };
        return new HostBridge(Tool.Start(start), logFile);
    }

    /// <summary>Ends it where it stands, by SIGKILL. May be called from any thread; waits for nothing.</summary>
    public void Kill() => LinuxCalls.Signal(_process.Id, LinuxCalls.SigKill);

    /// <summary>Completes when it has ended, by whatever.</summary>
    public Task WaitUntilEndedAsync() => _process.WaitForExitAsync();

    /// <summary>Stops it as systemd would, by SIGTERM, and by force when it does not end.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            LinuxCalls.Signal(_process.Id, LinuxCalls.SigTerm);
        }

        try
        {
            await _process.WaitForExitAsync().WaitAsync(StopLimit);
        }
        catch (TimeoutException)
        {
            _process.Kill(entireProcessTree: true);
        }

        await _logging;
        _process.Dispose();
    }

    private static async Task LogAsync(Process process, string logFile)
    {
        // Without a buffer: whoever waits for a line sees it at once.
        await using var log = new FileStream(logFile, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
        await process.StandardOutput.BaseStream.CopyToAsync(log);
    }
}
