using System.Diagnostics;
using System.Globalization;
using HostBridge.Recovery;
using Simulation.Rules;
using Simulation.World;

namespace Simulation.Campaign;

/// <summary>A seed in which a rule was broken.</summary>
/// <param name="Seed">Which.</param>
/// <param name="Breach">The first breach.</param>
internal sealed record BrokenSeed(ulong Seed, Breach Breach);

/// <summary>Runs seeds on every core. Nothing is shared by two runs.</summary>
internal static class SeedRunner
{
    /// <summary>How many broken seeds are kept: more of them tell nothing new.</summary>
    private const int MaxKept = 100;

    /// <summary>After so many seeds it is told how far a run came.</summary>
    private const long ToldEvery = 20_000;

    /// <summary>Runs seeds with every safeguard on.</summary>
    /// <param name="first">The first seed.</param>
    /// <param name="count">How many.</param>
    /// <param name="broken">The broken ones, the smallest first.</param>
    /// <returns>How many were broken.</returns>
    public static long Run(ulong first, ulong count, out IReadOnlyList<BrokenSeed> broken)
    {
        var kept = new List<BrokenSeed>();
        long sum = 0;
        long done = 0;
        var clock = Stopwatch.StartNew();
        InParallel(count, index =>
        {
            if (FirstBreach(first + index, Safeguards.All, rule: null) is { } breach)
            {
                lock (kept)
                {
                    sum++;
                    kept.Add(new BrokenSeed(first + index, breach));
                    kept.Sort((one, other) => one.Seed.CompareTo(other.Seed));
                    kept.RemoveRange(Math.Min(kept.Count, MaxKept), Math.Max(0, kept.Count - MaxKept));
                }
            }

            TellProgress(Interlocked.Increment(ref done), count, clock.Elapsed);
            return true;
        });
        broken = kept;
        return sum;
    }

    /// <summary>The first breach of a run; null when none was.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="safeguards">The safeguards that hold.</param>
    /// <param name="rule">The only rule that is asked for; null for any.</param>
    public static Breach? FirstBreach(ulong seed, Safeguards safeguards, Rule? rule)
    {
        var world = new SimulatedWorld(seed, safeguards, isKept: false);
        world.Run();
        return world.Witness.Breaches.Find(breach => rule is null || breach.Rule == rule);
    }

    private static void TellProgress(long done, ulong count, TimeSpan elapsed)
    {
        if (done % ToldEvery == 0 && (ulong)done < count)
        {
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{done} of {count} seeds after {elapsed.TotalMinutes:0.0} min, "
                    + $"{elapsed.TotalMinutes * (count - (ulong)done) / done:0.0} min to go"));
        }
    }

    /// <summary>Does a work for every number below a count, on every core, until one says false.</summary>
    public static void InParallel(ulong count, Func<ulong, bool> work)
    {
        long next = -1;
        int isOver = 0;
        Thread[] threads =
        [
            .. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(() =>
            {
                while (Volatile.Read(ref isOver) == 0
                    && (ulong)Interlocked.Increment(ref next) is var index && index < count)
                {
                    if (!work(index))
                    {
                        Volatile.Write(ref isOver, 1);
                    }
                }
            })),
        ];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
    }
}
