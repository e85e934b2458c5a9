using System.Globalization;
using Protocol.Health;
using Spectre.Console;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Xenstore;

namespace Testbed.Soak;

/// <summary>
/// Hard but ordinary work on real filesystems of every kind, under the published agent at its default intervals. All it
/// may say is that they write, that one is full, and that one is slow when a probe really took that long: whatever else
/// it says is a false alarm.
/// </summary>
internal sealed class SoakRun(string folder)
{
    private static readonly TimeSpan SlowAfter = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan FirstReport = TimeSpan.FromSeconds(60);

    private readonly List<SoakLoad> _loads = [];
    private readonly List<string> _falseAlarms = [];

    /// <summary>Runs for so long and prints what was said; false when there was a false alarm.</summary>
    public async Task<bool> RunAsync(TimeSpan duration, CancellationToken cancellation)
    {
        await using var xenstore =
            new EmbeddedXenstore(Directory.CreateDirectory(Path.Combine(folder, "store")).FullName);
        string trace = Path.Combine(folder, "trace");
        try
        {
            await SoakLoad.CreateAllAsync(folder, _loads);
            await using WatchingAgent agent = WatchingAgent.StartIn(
                ProbeTrace.Command(trace), xenstore, 1, Path.Combine(folder, "agent"));
            await AgentProcess.WaitAsync(
                () => _loads.TrueForAll(load => agent.SaidOf(load.Filesystem.Path).Count > 0), () => "the first report",
                FirstReport);
            _loads.ForEach(load => load.Start());
            Console.WriteLine($"{_loads.Count} filesystems are worked on for {duration.TotalMinutes:0.#} minutes");
            await Task.Delay(duration, cancellation);
            await Task.WhenAll(_loads.Select(load => load.StopAsync()));
            await agent.Process.StopAsync();
            Print(agent, ProbeTrace.Read(trace));
        }
        finally
        {
            foreach (SoakLoad load in _loads)
            {
                await load.DisposeAsync();
            }
        }

        _falseAlarms.ForEach(Console.WriteLine);
        Console.WriteLine($"{_falseAlarms.Count} false alarms");
        return _falseAlarms.Count == 0;
    }

    private void Print(WatchingAgent agent, ProbeTrace trace)
    {
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns(
            "filesystem", "probes", "median, ms", "slowest, ms", "2 s or more", "verdict changes", "verdicts");
        foreach (SoakLoad load in _loads)
        {
            TimeSpan[] probes = [.. trace.Of(load.Filesystem.Path).Order()];
            FilesystemHealth[] said = [.. agent.SaidOf(load.Filesystem.Path).Select(one => one.Line.Health)];
            FilesystemHealth[] changes = [.. said.Where((one, i) => i == 0 || one.Verdict != said[i - 1].Verdict)];
            Judge(load, said, changes, probes);
            table.AddRow(
                load.Name, $"{probes.Length}", Milliseconds(probes[probes.Length / 2]), Milliseconds(probes[^1]),
                $"{probes.Count(IsSlow)}", $"{changes.Length - 1}",
                string.Join(' ', changes.Select(one => one.Verdict.ToName()).Distinct()));
        }

        AnsiConsole.Profile.Width = 160;
        AnsiConsole.Write(table);
    }

    private void Judge(
        SoakLoad load, FilesystemHealth[] said, FilesystemHealth[] changes, TimeSpan[] probes)
    {
        foreach (FilesystemHealth health in said)
        {
            bool isAllowed = health.Verdict is Verdict.Writable or Verdict.Full or Verdict.Slow && !health.Hidden;
            if (!isAllowed)
            {
                string evidence = string.Join(' ', health.Evidence.Select(Expectation.TextOf));
                _falseAlarms.Add(
                    $"false alarm: {load.Name}: {health.Verdict.ToName()} since {health.Since:O}: {evidence}");
            }
        }

        int slowVerdicts = changes.Count(one => one.Verdict == Verdict.Slow);
        int slowProbes = probes.Count(IsSlow);
        if (slowVerdicts > slowProbes)
        {
            _falseAlarms.Add($"false alarm: {load.Name}: {slowVerdicts} times slow, but {slowProbes} probes took 2 s");
        }
    }

    private static bool IsSlow(TimeSpan duration) => duration >= SlowAfter;

    private static string Milliseconds(TimeSpan duration)
        => duration.TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture);
}
