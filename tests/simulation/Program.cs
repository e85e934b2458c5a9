using System.Globalization;
using HostBridge.Recovery;
using Simulation.Campaign;

const string Usage =
    """
    simulation run --seeds COUNT            seeds 1 to COUNT, the kept seeds, every mutant; the last line is the sum
    simulation makespan                     500 guests after a failover of the SAN, beside a list schedule
    simulation seeds FROM TO                these seeds alone
    simulation replay SEED                  one seed with its timeline
    simulation replay SEED without SWITCH   the same with a safeguard off
    """;

switch (args)
{
    case ["run", "--seeds", var count] when ulong.TryParse(count, CultureInfo.InvariantCulture, out ulong seeds):
        return FullRun.Run(seeds);
    case ["makespan"]:
        return FullRun.CheckMakespan();
    case ["seeds", var from, var to]:
        return FullRun.RunSeeds(
            ulong.Parse(from, CultureInfo.InvariantCulture), ulong.Parse(to, CultureInfo.InvariantCulture));
    case ["replay", var text] when ulong.TryParse(text, CultureInfo.InvariantCulture, out ulong seed):
        return Replay.Run(seed, Safeguards.All);
    case ["replay", var text, "without", var name] when ulong.TryParse(text, CultureInfo.InvariantCulture, out ulong seed)
        && Enum.TryParse(name, out Safeguards off):
        return Replay.Run(seed, Safeguards.All & ~off);
    default:
        Console.Error.WriteLine(Usage);
        return 2;
}
