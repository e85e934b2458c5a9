using System.Diagnostics;
using System.Text;
using Testbed.Agents;

namespace Tests.Integration.Bridge;

/// <summary>What a run of the published bridge came to.</summary>
internal sealed record BridgeRun(int ExitCode, string Output, string Errors, TimeSpan Took);

/// <summary>The native bridge that <c>make publish</c> made, run as an administrator runs its commands.</summary>
internal static class BridgeProgram
{
    /// <summary>The program.</summary>
    public static readonly string Program =
        Path.Combine(Path.GetDirectoryName(AgentProcess.Program)!, "../host-bridge/host-bridge");

    /// <summary>Runs it to its end.</summary>
    /// <param name="folder">The folder it runs in.</param>
    /// <param name="programs">A folder whose programs come before the machine's; null for none.</param>
    /// <param name="arguments">Its arguments.</param>
    public static async Task<BridgeRun> RunAsync(string folder, string? programs, params string[] arguments)
    {
        long began = Stopwatch.GetTimestamp();
        var start = new ProcessStartInfo(Program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
            StandardOutputEncoding = Encoding.UTF8,
        };
        start.Environment["PATH"] = $"{programs}:{Environment.GetEnvironmentVariable("PATH")}";
        using Process process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token);
        Task<string> errors = process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return new BridgeRun(process.ExitCode, await output, await errors, Stopwatch.GetElapsedTime(began));
    }
}
