using HostBridge.Recovery;
using Simulation.Engine;

namespace Simulation.World;

/// <summary>Draws the disks and guests of a run.</summary>
internal static class WorldDraw
{
    /// <summary>A number that no disk of the host has.</summary>
    private const int OwnDisk = 1000;

    private static readonly string[] Types = ["ext4", "ext3", "ext4", "ext2", "xfs", "btrfs", "f2fs"];

    /// <summary>Fills a world.</summary>
    public static void Populate(SimulatedWorld world)
    {
        Prng chance = world.Chance;
        for (int number = 0; number < world.Scenario.Guests; number++)
        {
            // Now and then two guests are configured on one disk, as nobody should.
            SimulatedDisk root = number > 0 && chance.Chance(30) ? chance.Of<SimulatedDisk>(world.Disks.ToArray()) : AddDisk(world);
            SimulatedDisk data = chance.Chance(500) ? root
                : number > 0 && chance.Chance(100) ? chance.Of<SimulatedDisk>(world.Disks.ToArray())
                : AddDisk(world);
            var filesystems = new List<SimulatedFilesystem> { new("/", chance.Chance(800) ? "ext4" : chance.Of<string>(Types), root) };
            if (chance.Chance(600))
            {
                filesystems.Add(new("/srv", chance.Chance(700) ? "ext4" : chance.Of<string>(Types), data)
                {
                    IsBusy = chance.Chance(150),
                });
            }

            Character character = DrawCharacter(chance);
            IReadOnlyList<DeviceNumber> devices = [.. filesystems.Select(one => one.Disk.Device).Distinct()];
            bool isExt = filesystems.TrueForAll(one => one.Type is "ext3" or "ext4");
            world.Add(new SimulatedGuest(number, character, filesystems)
            {
                RunsRealAgent = isExt && character is not (Character.Stuck or Character.Hostile) && chance.Chance(20),
                ListedDisks = new GuestDisks(devices, chance.Chance(40) ? ["xvdc (qdisk)"] : []),
                RelapsesLeft = character is Character.Relapsing or Character.RebootingMidCommand
                    ? chance.Between(1, 5)
                    : 0,
                CheckTime = character == Character.LongCheck
                    ? world.Policy.RebootDeadline * (chance.Between(3, 14) / 10.0)
                    : chance.Seconds(2, 120),
            });
        }
    }

    /// <summary>
    /// Adds the guests of which Dom0 knows too little, by a chance of their own: the seeds without them stay as they are.
    /// </summary>
    public static void AddStrangers(SimulatedWorld world, ulong seed)
    {
        var chance = new Prng(~seed);
        if (chance.Chance(80))
        {
            AddOwnSession(world, chance);
        }

        if (chance.Chance(80))
        {
            var root = new SimulatedFilesystem("/", "btrfs", AddDisk(world))
            {
                IsReadOnlySubvolume = true, IsToldOfSubvolume = chance.Chance(500),
            };
            Add(world, Character.ReadOnlySubvolume, [root], runsRealAgent: true);
        }
    }

    private static void AddOwnSession(SimulatedWorld world, Prng chance)
    {
        // None of the host's disks: nobody looks at it, and no fault of the SAN reaches it.
        var own = new SimulatedDisk(OwnDisk, "own");
        SimulatedGuest guest = Add(
            world,
            Character.OwnSession,
            [new("/", "ext4", AddDisk(world)), new("/srv", "ext4", own) { IsOwn = true }],
            runsRealAgent: chance.Chance(500));
        TimeSpan at = TimeSpan.Zero;
        for (int times = chance.Between(1, 4); times > 0; times--)
        {
            at += chance.Seconds(60, 400);
            world.Agenda.In(at, () =>
            {
                if (guest.Domain is not null && !world.FaultsAreOver)
                {
                    world.LifeOf(guest).Break(guest.Filesystems[1], FilesystemTruth.Aborted);
                }
            });
        }
    }

    private static SimulatedGuest Add(
        SimulatedWorld world, Character character, IReadOnlyList<SimulatedFilesystem> filesystems, bool runsRealAgent)
    {
        var guest = new SimulatedGuest(world.Guests.Count, character, filesystems)
        {
            RunsRealAgent = runsRealAgent,
            ListedDisks = new GuestDisks([filesystems[0].Disk.Device], []),
            CheckTime = TimeSpan.FromSeconds(20),
        };
        world.Add(guest);
        return guest;
    }

    private static SimulatedDisk AddDisk(SimulatedWorld world)
    {
        var disk = new SimulatedDisk(world.Disks.Count + 1, $"target-{world.Chance.Below(world.Scenario.LunGroups)}");
        world.Disks.Add(disk);
        return disk;
    }

    private static Character DrawCharacter(Prng chance)
        => chance.Chance(450) ? Character.Cooperative
            : chance.Chance(250) ? Character.RefusingToEnd
            : (Character)chance.Between(1, (int)Character.Hanging);
}
