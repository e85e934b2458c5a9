using System.Diagnostics;
using System.Globalization;
using HostBridge.Recovery;
using Simulation.Makespan;
using Simulation.Rules;
using Simulation.World;

namespace Simulation.Campaign;

/// <summary>Everything that is proved here, in one run; the last line is the sum.</summary>
internal static class FullRun
{
    private const ulong RepeatedSeeds = 50;
    private const int MaxTimelines = 1;

    /// <summary>Runs it; the exit code of the program.</summary>
    public static int Run(ulong seeds)
    {
        int failures = 0;
        failures += Check("the kept seeds hold", KeptSeeds());
        failures += Check($"a seed gives the same run, {RepeatedSeeds} seeds twice", Repeat());
        failures += CheckMakespan();
        int caught = Mutants.Hunt();
        failures += Check("every mutant is caught", caught == Mutants.All.Count ? null : $"{Mutants.All.Count - caught} are not");

        failures += RunSeeds(1, seeds, out long broken);
        Console.WriteLine($"simulate: {seeds} seeds, {broken} broken, mutants {caught}/{Mutants.All.Count} caught");
        return failures == 0 ? 0 : 1;
    }

    /// <summary>Compares the healing after a failover with a list schedule; the exit code of the program.</summary>
    public static int CheckMakespan()
    {
        string? failure = Failover.Run(out string figures);
        return Check($"failover: {figures}", failure);
    }

    /// <summary>Runs seeds alone; the exit code of the program.</summary>
    public static int RunSeeds(ulong first, ulong last)
    {
        int exitCode = RunSeeds(first, last, out long broken);
        Console.WriteLine($"simulate: seeds {first} to {last}, {broken} broken");
        return exitCode;
    }

    private static int RunSeeds(ulong first, ulong last, out long broken)
    {
        ulong count = last + 1 - first;
        TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
        broken = SeedRunner.Run(first, count, out IReadOnlyList<BrokenSeed> kept);
        TimeSpan took = Process.GetCurrentProcess().TotalProcessorTime - before;
        Tell(broken, kept);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"time: {took.TotalMilliseconds / Math.Max(1, count):0.00} ms of a core a seed"));
        return Check($"{count} seeds hold", broken == 0 ? null : $"{broken} do not");
    }

    private static int Check(string what, string? failure)
    {
        Console.WriteLine(failure is null ? $"ok      {what}" : $"FAILED  {what}: {failure}");
        return failure is null ? 0 : 1;
    }

    private static void Tell(long broken, IReadOnlyList<BrokenSeed> kept)
    {
        foreach (BrokenSeed one in kept)
        {
            Console.WriteLine($"broken: {one.Breach.Rule.Number()} {one.Breach.Text}; replay it: make simulate SEED={one.Seed}");
        }

        foreach (BrokenSeed one in kept.Take(MaxTimelines))
        {
            _ = Replay.Print(one.Seed, Safeguards.All);
        }

        if (broken > 0)
        {
            Console.WriteLine(string.Join(", ", kept.GroupBy(one => one.Breach.Rule)
                .Select(rule => $"{rule.Key.Number()} in {rule.Count()} seeds")));
        }
    }

    private static string? KeptSeeds()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "seeds.txt");
        foreach (string line in File.ReadLines(path).Where(line => line.Length > 0 && line[0] != '#'))
        {
            ulong seed = ulong.Parse(line.Split(' ')[0], CultureInfo.InvariantCulture);
            if (SeedRunner.FirstBreach(seed, Safeguards.All, rule: null) is { } breach)
            {
                return $"seed {seed}: {breach.Rule.Number()} {breach.Text}; replay it: make simulate SEED={seed}";
            }
        }

        return null;
    }

    private static string? Repeat()
    {
        for (ulong seed = 1; seed <= RepeatedSeeds; seed++)
        {
            if (HashOf(seed) is var first && HashOf(seed) is var second && first != second)
            {
                return $"seed {seed} gave {first:x16} and {second:x16}";
            }
        }

        return null;
    }

    private static ulong HashOf(ulong seed)
    {
        var world = new SimulatedWorld(seed, Safeguards.All, isKept: false);
        world.Run();
        return world.Trace.Hash;
    }
}
