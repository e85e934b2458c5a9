using HostBridge.Recovery;
using Simulation.Rules;
using Simulation.World;

namespace Simulation.Campaign;

/// <summary>One seed again, with its timeline.</summary>
internal static class Replay
{
    /// <summary>Runs it and prints what happened; the exit code of the program.</summary>
    public static int Run(ulong seed, Safeguards safeguards)
    {
        SimulatedWorld world = Print(seed, safeguards);
        return world.Witness.Breaches.Count == 0 ? 0 : 1;
    }

    /// <summary>Runs it and prints what happened.</summary>
    public static SimulatedWorld Print(ulong seed, Safeguards safeguards)
    {
        var world = new SimulatedWorld(seed, safeguards, isKept: true);
        world.Run();
        Console.WriteLine($"seed {seed}: {world.Describe()}");
        foreach (string line in world.Trace.Lines)
        {
            Console.WriteLine(line);
        }

        foreach (Breach breach in world.Witness.Breaches)
        {
            Console.WriteLine($"broken: {breach}");
        }

        Console.WriteLine($"seed {seed}: {world.Agenda.Count} events, trace {world.Trace.Hash:x16}, "
            + $"{world.Witness.Breaches.Count} times a rule was broken");
        return world;
    }
}
