using System.Diagnostics;

namespace Testbed.Linux;

/// <summary>How a program ended.</summary>
/// <param name="ExitCode">Its exit code; 128 and more: ended by that signal.</param>
/// <param name="Output">What it wrote to standard output, then to standard error.</param>
public sealed record ToolResult(int ExitCode, string Output);

/// <summary>Runs programs of the machine (mount, mke2fs, …) to their end, within a limit.</summary>
public static class Tool
{
    /// <summary>Where programs are looked for, also when a user's PATH lacks the administrator's folders.</summary>
    public const string SearchPath = "/usr/sbin:/usr/bin:/sbin:/bin";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Held while a process is started, because between fork and exec the child has a copy of every descriptor:
    /// whoever opens a device for a moment, and must not be found with it later, holds this too.
    /// </summary>
    internal static Lock StartGate { get; } = new();

    /// <summary>Starts a program.</summary>
    public static Process Start(ProcessStartInfo start)
    {
        lock (StartGate)
        {
            return Process.Start(start)!;
        }
    }

    /// <summary>Runs a program and returns how it ended.</summary>
    /// <exception cref="TimeoutException">It did not end in time and was killed.</exception>
    public static async Task<ToolResult> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo("/usr/bin/env", [program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = SearchPath;
        start.Environment["LC_ALL"] = "C";
        using Process process = Start(start);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        try
        {
            await process.WaitForExitAsync().WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)}: no end after {Limit.TotalSeconds} s");
        }

        return new ToolResult(process.ExitCode, await output + await errors);
    }

    /// <summary>Runs a program that must succeed, and returns its output.</summary>
    /// <exception cref="IOException">Its exit code was not 0.</exception>
    public static async Task<string> RequireAsync(string program, params string[] arguments)
    {
        ToolResult result = await RunAsync(program, arguments);
        return result.ExitCode == 0
            ? result.Output
            : throw new IOException(
                $"{program} {string.Join(' ', arguments)}: exit code {result.ExitCode}: {result.Output.Trim()}");
    }
}
