using System.Diagnostics;
using System.Globalization;
using Testbed.Linux;
using Testbed.Xenstore;

namespace Benchmarks.Bridge;

/// <summary>
/// What a person waits for: <c>host-bridge status</c>, the published command, at the published bridge that hears a
/// thousand guests whose roots are all slow; beside it the same program that only prints its version.
/// </summary>
internal static class StatusCommandBenchmark
{
    private const int Guests = 1000;
    private const int Rounds = 30;
    private const string Program = "out/publish/host-bridge/host-bridge";

    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan HearingLimit = TimeSpan.FromSeconds(60);

    /// <summary>Measures and says so; 0 when the median keeps the limit.</summary>
    public static async Task<int> RunAsync()
    {
        string folder = Directory.CreateTempSubdirectory("status-").FullName;
        try
        {
            await using var daemon = new EmbeddedXenstore(folder);
            using var fleet = new GuestFleet(daemon.SocketPath, Guests);
            string socket = Path.Combine(folder, "admin", "socket");
            await using var bridge = Testbed.Demo.HostBridge.Start(
                Program,
                [
                    "--xenstore", daemon.SocketPath, "--state-directory", Path.Combine(folder, "state"),
                    "--admin-socket", socket, "--channel", "none",
                ],
                Path.Combine(folder, "log"));
            await fleet.ChangeAsync(changes: 1, TimeSpan.FromSeconds(1));
            string[] status = ["status", "--all", "--admin-socket", socket];
            await UntilAllAreHeardAsync(status);
            (List<double> asked, string output) = await TimeAsync(status);
            (List<double> started, _) = await TimeAsync(["--version"]);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"status: the command at a bridge with {Guests} slow guests, {output.Count(letter => letter == '\n')} lines: "
                    + $"p50 {asked[Rounds / 2]:0} ms, worst of {Rounds} {asked[^1]:0} ms (limit "
                    + $"{Limit.TotalMilliseconds:0} ms); of that the start of the program p50 {started[Rounds / 2]:0} ms"));
            return asked[Rounds / 2] <= Limit.TotalMilliseconds ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task UntilAllAreHeardAsync(string[] status)
    {
        var waited = Stopwatch.StartNew();
        while (await Tool.RunAsync(Path.GetFullPath(Program), status) is var result
            && result.Output.Split('\n').Count(line => line.Contains(" slow ", StringComparison.Ordinal)) < Guests)
        {
            if (waited.Elapsed > HearingLimit)
            {
                throw new TimeoutException($"{Guests} guests were not heard within {HearingLimit.TotalSeconds:0} s: {result.Output}");
            }

            await Task.Delay(500);
        }
    }

    private static async Task<(List<double> Milliseconds, string Output)> TimeAsync(string[] arguments)
    {
        var times = new List<double>();
        string output = string.Empty;
        for (int round = 0; round < Rounds; round++)
        {
            long began = Stopwatch.GetTimestamp();
            output = await Tool.RequireAsync(Path.GetFullPath(Program), arguments);
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        times.Sort();
        return (times, output);
    }
}
