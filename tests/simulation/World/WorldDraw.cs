using HostBridge.Recovery;
using Simulation.Engine;

namespace Simulation.World;

/// <summary>Draws the disks and guests of a run.</summary>
internal static class WorldDraw
{
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
