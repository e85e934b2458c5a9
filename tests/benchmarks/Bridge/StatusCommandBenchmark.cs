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

    /// <summary>Only what never comes meets it: it begins again with each guest that is heard.</summary>
    private static readonly TimeSpan HearingLimit = TimeSpan.FromMinutes(5);

    /// <summary>Prints the figures, and their ratio to the start of the same program.</summary>
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
            (List<double> asked, List<double> started, string output) = await TimeInTurnsAsync(status, ["--version"]);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"status: the command at a bridge with {Guests} slow guests, {output.Count(letter => letter == '\n')} lines: "
                    + $"p50 {asked[Rounds / 2]:0} ms, worst of {Rounds} {asked[^1]:0} ms; of "
                    + $"that the start of the program p50 {started[Rounds / 2]:0} ms, ratio "
                    + $"{asked[Rounds / 2] / started[Rounds / 2]:0.0}"));
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task UntilAllAreHeardAsync(string[] status)
    {
        var waited = Stopwatch.StartNew();
        int heard = 0;
        while (await Tool.RunAsync(Path.GetFullPath(Program), status) is var result
            && result.Output.Split('\n').Count(line => line.Contains(" slow ", StringComparison.Ordinal)) is var count
            && count < Guests)
        {
            if (count > heard)
            {
                heard = count;
                waited.Restart();
            }

            if (waited.Elapsed > HearingLimit)
            {
                throw new TimeoutException(
                    $"{heard} of {Guests} guests are heard, and no other one for {HearingLimit.TotalSeconds:0} s: {result.Output}");
            }

            await Task.Delay(500);
        }
    }

    private static async Task<(List<double> Milliseconds, List<double> Beside, string Output)> TimeInTurnsAsync(
        string[] arguments, string[] besides)
    {
        var times = new List<double>();
        var others = new List<double>();
        string output = string.Empty;
        for (int round = 0; round < Rounds; round++)
        {
            long began = Stopwatch.GetTimestamp();
            output = await Tool.RequireAsync(Path.GetFullPath(Program), arguments);
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            began = Stopwatch.GetTimestamp();
            _ = await Tool.RequireAsync(Path.GetFullPath(Program), besides);
            others.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        times.Sort();
        others.Sort();
        return (times, others, output);
    }
}
