using System.Globalization;
using HostBridge.Recovery;
using Simulation.Engine;
using Simulation.Rules;
using Simulation.World;

namespace Simulation.Makespan;

/// <summary>
/// A SAN fails over under 500 guests on 10 LUN groups, and every root aborts its journal. The bridge must heal them
/// nearly as fast as a greedy list schedule could with the same caps, if it knew before how long each takes.
/// </summary>
internal static class Failover
{
    private const int Guests = 500;
    private const int LunGroups = 10;
    private const double Allowed = 1.10;

    private static readonly TimeSpan FailsAt = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan AwayFor = TimeSpan.FromSeconds(100);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(24);

    /// <summary>Runs it; null when it held, otherwise what did not. The figures are in the text.</summary>
    public static string? Run(out string figures)
    {
        var world = new SimulatedWorld(seed: 1, _ => Draw(), isKept: false);
        Populate(world);
        world.Begin();
        world.Agenda.In(FailsAt, () => Set(world, isUp: false));
        world.Agenda.In(FailsAt + AwayFor, () => Set(world, isUp: true));
        world.Agenda.RunUntil(Longest, () => world.Agenda.Now > FailsAt + AwayFor + world.Policy.StableFor && AreHealed(world));

        TimeSpan first = world.Guests.Min(guest => guest.AskedAt);
        TimeSpan took = world.Agenda.Now - first;
        List<HealingJob> jobs =
        [
            .. world.Guests.OrderBy(guest => guest.AskedAt).Select(guest
                => new HealingJob(guest.Number % LunGroups, guest.MendedAt - guest.AskedAt)),
        ];
        TimeSpan least = ListSchedule.Makespan(jobs, world.Policy.MaxPerHost, world.Policy.MaxPerLunGroup);
        figures = string.Create(
            CultureInfo.InvariantCulture,
            $"{Guests} guests healed in {took.TotalSeconds:0} s, list schedule {least.TotalSeconds:0} s "
                + $"({took / least:0.000} of it)");
        int notHealed = world.Guests.Count(guest => !guest.IsWell);
        return world.Witness.Breaches is [var breach, ..] ? $"{breach.Rule.Number()} {breach.Text}"
            : notHealed > 0 ? $"{notHealed} guests are not healed; the first is left as {StateOfFirst(world)}"
            : took > least * Allowed ? "it took too long"
            : null;
    }

    private static RecoveryState StateOfFirst(SimulatedWorld world)
        => world.Bridge.Guests.First(guest => !world.GuestOf(guest.Identity).IsWell).State;

    private static Scenario Draw() => new()
    {
        Guests = Guests,
        LunGroups = LunGroups,
        FaultsFor = Longest,
        TurnInterval = TimeSpan.FromSeconds(5),
        ReplacementTimeout = TimeSpan.FromSeconds(30),
        LinkFaults = 0,
        Crashes = 0,
        FaultInterval = Longest,
        IsKind = true,
        Policy = new RecoveryPolicy { Mode = BridgeMode.Recover, MaxPerHost = 16, MaxPerLunGroup = 2 },
    };

    private static void Populate(SimulatedWorld world)
    {
        for (int number = 0; number < Guests; number++)
        {
            var disk = new SimulatedDisk(number + 1, $"target-{number % LunGroups}");
            world.Disks.Add(disk);
            world.Add(new SimulatedGuest(number, Character.Cooperative, [new SimulatedFilesystem("/", "ext4", disk)])
            {
                ListedDisks = new GuestDisks([disk.Device], []),
                CheckTime = world.Chance.Seconds(20, 500),
            });
        }
    }

    private static void Set(SimulatedWorld world, bool isUp)
    {
        foreach (SimulatedGuest guest in world.Guests)
        {
            SimulatedDisk disk = guest.Root.Disk;
            if (isUp)
            {
                disk.Return(world.Agenda.Now);
            }
            else
            {
                disk.Fail(world.Agenda.Now);
            }

            world.LifeOf(guest).DiskChanged(disk);
        }
    }

    /// <summary>Healed is what the bridge has proved: nothing is under way any more, and nothing waits.</summary>
    private static bool AreHealed(SimulatedWorld world)
        => world.Bridge.Guests.All(guest => guest.State is RecoveryState.Healthy or RecoveryState.NeedsOperator);
}
