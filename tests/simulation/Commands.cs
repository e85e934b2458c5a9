using System.Diagnostics;
using System.Globalization;
using HostBridge.Recovery;
using Simulation.Rules;
using Simulation.World;

namespace Simulation;

/// <summary>What can be asked of this program.</summary>
internal static class Commands
{
    private const int Workers = 2;

    /// <summary>Runs one command; the exit code of the program.</summary>
    public static int Run(string[] args) => args switch
    {
        ["seeds", var count] => RunSeeds(ulong.Parse(count, CultureInfo.InvariantCulture)),
        ["seed", var seed] => RunSeed(ulong.Parse(seed, CultureInfo.InvariantCulture), Safeguards.All),
        ["seed", var seed, "without", var safeguard] => RunSeed(
            ulong.Parse(seed, CultureInfo.InvariantCulture), Safeguards.All & ~Enum.Parse<Safeguards>(safeguard)),
        _ => Usage(),
    };

    private static int Usage()
    {
        Console.Error.WriteLine("simulation seeds COUNT | seed SEED [without SAFEGUARD]");
        return 2;
    }

    private static int RunSeed(ulong seed, Safeguards safeguards)
    {
        var world = new SimulatedWorld(seed, safeguards, isKept: true);
        world.Run();
        foreach (string line in world.Trace.Lines)
        {
            Console.WriteLine(line);
        }

        Console.WriteLine($"seed {seed}: {world.Agenda.Count} events, hash {world.Trace.Hash:x16}, {world.Witness.Breaches.Count} broken");
        return world.Witness.Breaches.Count == 0 ? 0 : 1;
    }

    private static int RunSeeds(ulong count)
    {
        long broken = 0;
        long next = 0;
        long began = Stopwatch.GetTimestamp();
        var rules = new int[20];
        Thread[] threads = [.. Enumerable.Range(0, Workers).Select(_ => new Thread(() =>
        {
            while ((ulong)Interlocked.Increment(ref next) is var seed && seed <= count)
            {
                var world = new SimulatedWorld(seed, Safeguards.All, isKept: false);
                world.Run();
                if (world.Witness.Breaches.Count > 0)
                {
                    Interlocked.Increment(ref broken);
                    Interlocked.Increment(ref rules[(int)world.Witness.Breaches[0].Rule]);
                    if (Interlocked.Read(ref broken) < 20) Console.WriteLine($"seed {seed}: {world.Witness.Breaches[0].Rule.Number()} {world.Witness.Breaches[0].Text}");
                }
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        TimeSpan took = Stopwatch.GetElapsedTime(began);
        for (int i = 0; i < rules.Length; i++) if (rules[i] > 0) Console.WriteLine($"{((Rule)i).Number()}: {rules[i]}");
        Console.WriteLine($"{took.TotalMilliseconds * Workers / count:0.00} ms of a core a seed");
        Console.WriteLine($"simulate: {count} seeds, {broken} broken");
        return 0;
    }
}
