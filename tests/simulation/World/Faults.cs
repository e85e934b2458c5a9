using HostBridge.Recovery;
using Simulation.Engine;

namespace Simulation.World;

/// <summary>Everything that goes wrong, and what persons do meanwhile, one after another at random times.</summary>
internal sealed class Faults(SimulatedWorld world)
{
    private readonly Prng _chance = world.Chance;
    private readonly HostileWords _hostile = new(world);
    private bool _hasChangedIdentities;

    /// <summary>Begins.</summary>
    public void Begin()
    {
        GoOn();
        _hostile.Begin();
    }

    /// <summary>Stops the faults: what is broken by them is put right, what broke because of them is not.</summary>
    public void End()
    {
        foreach (SimulatedDisk disk in world.Disks)
        {
            Return(disk);
            disk.ChangeIdentity(isOther: false);
        }

        if (_hasChangedIdentities)
        {
            // The gate says so: find out who changed it, then restart host-bridge to accept it.
            world.Bridge.Crash();
        }

        world.LooksWork = true;
        if (world.Store.Mood != StoreMood.Works)
        {
            world.Store.Become(StoreMood.Works);
        }

        world.Persons.End();
        foreach (SimulatedGuest guest in world.Guests)
        {
            if (guest.IsHostile)
            {
                // Whoever forged its own boot is heard again in the next one.
                guest.IsHostile = false;
                world.LifeOf(guest).Restart();
            }
            else if (guest.Domain is not null && !world.LifeOf(guest).IsBooting)
            {
                world.LifeOf(guest).StartAgent();
                world.LifeOf(guest).Look();
            }
        }
    }

    private void GoOn()
    {
        TimeSpan pause = world.Scenario.FaultInterval * (_chance.Between(2, 18) / 10.0);
        world.Agenda.In(pause, () =>
        {
            if (!world.FaultsAreOver)
            {
                Happen();
                GoOn();
            }
        });
    }

    private void Happen()
    {
        switch (_chance.Below(25))
        {
            case < 7:
                FailGroup(_chance.Of<SimulatedDisk>(world.Disks.ToArray()).LunGroup);
                break;
            case 7 or 8:
                Fail(world.Disks[_chance.Below(world.Disks.Count)], _chance.Seconds(0.2, 90));
                break;
            case 9 or 10:
                world.Disks[_chance.Below(world.Disks.Count)].Interrupt(world.Agenda.Now);
                break;
            case 11:
                ChangeIdentity(world.Disks[_chance.Below(world.Disks.Count)]);
                break;
            case 12:
                world.LooksWork = false;
                Later(10, 150, () => world.LooksWork = true);
                break;
            case 13 or 14:
                world.Store.Become(_chance.Of<StoreMood>([StoreMood.Slow, StoreMood.Fails, StoreMood.Hangs]));
                Later(5, 200, () => world.Store.Become(StoreMood.Works));
                break;
            case 15 or 16:
                world.Bridge.Crash();
                break;
            case 17:
                BreakWithoutReason();
                break;
            case 18:
                DieForAWhile(world.Guests[_chance.Below(world.Guests.Count)]);
                break;
            case 19 when world.Guests.Find(guest => guest.Character == Character.DyingAgent) is { } dying:
                DieForAWhile(dying);
                break;
            case 20:
                SetClock();
                break;
            default:
                world.Persons.Act();
                break;
        }
    }

    private void FailGroup(string group)
    {
        TimeSpan away = _chance.Chance(300) ? _chance.Seconds(0.5, 20) : _chance.Seconds(20, 200);
        foreach (SimulatedDisk disk in world.Disks)
        {
            if (disk.LunGroup == group)
            {
                // It comes back partly: some of its disks later than others.
                Fail(disk, away + (_chance.Chance(200) ? _chance.Seconds(0, 40) : TimeSpan.Zero));
            }
        }
    }

    private void Fail(SimulatedDisk disk, TimeSpan away)
    {
        if (!disk.IsUp)
        {
            return;
        }

        disk.Fail(world.Agenda.Now);
        Changed(disk, "fails");
        if (_chance.Chance(100))
        {
            world.Agenda.In(away * 0.6, () => disk.Lie(world.Agenda.Now));
        }

        world.Agenda.In(away, () => Return(disk));
    }

    private void Return(SimulatedDisk disk)
    {
        if (!disk.IsUp)
        {
            disk.Return(world.Agenda.Now);
            Changed(disk, "is back");
        }
    }

    private void Changed(SimulatedDisk disk, string what)
    {
        world.Trace.Add(world.Agenda.Now, "disk", what, disk.Identity);
        foreach (SimulatedGuest guest in world.Guests)
        {
            if (guest.Disks.Contains(disk))
            {
                world.LifeOf(guest).DiskChanged(disk);
            }
        }
    }

    private void ChangeIdentity(SimulatedDisk disk)
    {
        _hasChangedIdentities = true;
        disk.ChangeIdentity(isOther: true);
        world.Trace.Add(world.Agenda.Now, "disk", "is another", disk.Identity);
        Later(30, 400, () => disk.ChangeIdentity(isOther: false));
    }

    /// <summary>A time server corrects Dom0's wall clock, or somebody sets it.</summary>
    private void SetClock()
    {
        TimeSpan step = _chance.Chance(500) ? _chance.Seconds(1, 600) : _chance.Seconds(600, 30_000);
        world.ClockStep += _chance.Chance(500) ? step : -step;
        world.Trace.Add(world.Agenda.Now, "clock", "is set", world.Trace.IsKept ? $"{world.ClockStep} off" : string.Empty);
    }

    private void BreakWithoutReason()
    {
        SimulatedGuest guest = world.Guests[_chance.Below(world.Guests.Count)];
        world.LifeOf(guest).Break(
            guest.Filesystems[_chance.Below(guest.Filesystems.Count)],
            _chance.Of<FilesystemTruth>([FilesystemTruth.Aborted, FilesystemTruth.Aborted, FilesystemTruth.ErrorsRecorded]));
    }

    private void DieForAWhile(SimulatedGuest guest)
    {
        if (guest.AgentRuns)
        {
            world.Tell(guest, "agent dies");
            world.LifeOf(guest).StopAgent();
            int serial = guest.BootSerial;
            Later(2, 400, () =>
            {
                if (serial == guest.BootSerial)
                {
                    world.LifeOf(guest).StartAgent();
                }
            });
        }
    }

    private void Later(double least, double most, Action act)
        => world.Agenda.In(_chance.Seconds(least, most), () =>
        {
            if (!world.FaultsAreOver)
            {
                act();
            }
        });
}
