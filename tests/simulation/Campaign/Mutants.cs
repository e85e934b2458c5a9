using HostBridge.Recovery;
using Simulation.Rules;

namespace Simulation.Campaign;

/// <summary>
/// The bridge without one of its safeguards: some seed must break the rule that the safeguard holds, or the simulation
/// could not fail.
/// </summary>
internal static class Mutants
{
    /// <summary>After so many seeds a mutant counts as one that is not caught.</summary>
    private const ulong MaxSeeds = 3_000;

    /// <summary>Every safeguard.</summary>
    public static IReadOnlyList<Safeguards> All { get; } =
        [.. Enum.GetValues<Safeguards>().Where(one => one is not (Safeguards.None or Safeguards.All))];

    /// <summary>Hunts every mutant, and prints a line for each; how many were caught.</summary>
    public static int Hunt()
    {
        int caught = 0;
        foreach (Safeguards off in All)
        {
            Rule rule = RuleNames.RuleOf(off);
            if (SmallestSeed(off, rule) is { } found)
            {
                caught++;
                Console.WriteLine($"mutant without {off}: breaks {rule.Number()} in seed {found.Seed}: {found.Breach.Text}");
            }
            else
            {
                Console.WriteLine($"mutant without {off}: breaks {rule.Number()} in none of {MaxSeeds} seeds");
            }
        }

        return caught;
    }

    private static BrokenSeed? SmallestSeed(Safeguards off, Rule rule)
    {
        BrokenSeed? smallest = null;
        var gate = new Lock();
        SeedRunner.InParallel(MaxSeeds, index =>
        {
            Breach? breach = SeedRunner.FirstBreach(index + 1, Safeguards.All & ~off, rule);
            if (breach is not null)
            {
                lock (gate)
                {
                    smallest = smallest is null || index + 1 < smallest.Seed ? new BrokenSeed(index + 1, breach) : smallest;
                }
            }

            return breach is null;
        });
        return smallest;
    }
}
