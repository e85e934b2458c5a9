using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Simulation.Engine;

namespace Simulation.World;

/// <summary>What persons, and the tools they use, do to guests while the bridge works.</summary>
internal sealed class Persons(SimulatedWorld world)
{
    private readonly Prng _chance = world.Chance;

    /// <summary>Somebody does something.</summary>
    public void Act()
    {
        SimulatedGuest guest = world.Guests.Find(one => one.Character == Character.Moved && _chance.Chance(700))
            ?? world.Guests[_chance.Below(world.Guests.Count)];
        switch (_chance.Below(10))
        {
            case 0 or 1:
                world.Tell(guest, "person", "restarts it");
                world.LifeOf(guest).Restart();
                break;
            case 2 when guest.Whereabouts == Whereabouts.Here:
                world.LifeOf(guest).End(Whereabouts.OnAnotherHost);
                ReturnLater(guest);
                break;
            case 3 when guest.Whereabouts == Whereabouts.Here:
                world.LifeOf(guest).End(Whereabouts.Stopped);
                ReturnLater(guest);
                break;
            case 4:
                Acknowledge(guest);
                break;
            case 5:
                Pause(_chance.Chance(500) ? Guid.Empty : guest.Identity.Uuid);
                break;
            case 6:
                Mount(guest.Root.Disk);
                break;
            case 8:
                Order(guest);
                break;
            case 7 when guest.Whereabouts == Whereabouts.DestroyedByBridge:
                // Somebody is quicker than the bridge.
                guest.BeginBoot();
                world.LifeOf(guest).Start(isFirst: false);
                break;
            default:
                ShowDouble(guest);
                break;
        }
    }

    /// <summary>
    /// Somebody takes a guest in hand in the very moment in which the bridge is about to, or looks into its disk.
    /// </summary>
    public void Meddle(SimulatedGuest guest)
    {
        if (world.FaultsAreOver || world.Scenario.IsKind || !_chance.Chance(120))
        {
            return;
        }

        if (guest.Whereabouts != Whereabouts.Here)
        {
            Mount(guest.Root.Disk);
            return;
        }

        world.Tell(guest, "person", "is quicker than the bridge");
        if (_chance.Chance(300))
        {
            world.LifeOf(guest).Restart();
        }
        else
        {
            world.LifeOf(guest).End(_chance.Chance(500) ? Whereabouts.OnAnotherHost : Whereabouts.Stopped);
            ReturnLater(guest);
        }
    }

    /// <summary>What they began is ended.</summary>
    public void End()
    {
        foreach (Guid paused in world.Pauses.Keys.ToList())
        {
            Resume(paused);
        }

        foreach (SimulatedGuest guest in world.Guests)
        {
            if (guest.Whereabouts is Whereabouts.Stopped or Whereabouts.OnAnotherHost && _chance.Chance(500))
            {
                Return(guest);
            }
        }
    }

    private void Pause(Guid guest)
    {
        TimeSpan until = world.WallNow + _chance.Seconds(30, 300);
        world.Pauses[guest] = until;
        world.Trace.Add(world.Agenda.Now, "person", "pauses", world.Trace.IsKept ? $"{guest} until {until}" : string.Empty);
        world.Bridge.Take(SimulatedBridge.Pause(guest, until));
        if (_chance.Chance(500))
        {
            world.Agenda.In(_chance.Seconds(5, 100), () => Resume(guest));
        }
    }

    private void Resume(Guid guest)
    {
        if (world.Pauses.Remove(guest))
        {
            world.Trace.Add(world.Agenda.Now, "person", "resumes");
            world.Bridge.Take(new BridgeInput.Resumed(guest == Guid.Empty ? null : guest));
        }
    }

    /// <summary>Somebody looks into a disk from Dom0.</summary>
    private void Mount(SimulatedDisk disk)
    {
        disk.IsMountedHere = true;
        world.Agenda.In(_chance.Seconds(20, 300), () => disk.IsMountedHere = false);
    }

    private void ReturnLater(SimulatedGuest guest)
        => world.Agenda.In(_chance.Seconds(5, 600), () =>
        {
            if (!world.FaultsAreOver)
            {
                Return(guest);
            }
        });

    private void Return(SimulatedGuest guest)
    {
        if (guest.Whereabouts is Whereabouts.Stopped or Whereabouts.OnAnotherHost)
        {
            guest.BeginBoot();
            world.LifeOf(guest).Start(isFirst: false);
        }
    }

    /// <summary>The hold is removed; the incident log notices within 5 s.</summary>
    private void Acknowledge(SimulatedGuest guest)
    {
        if (world.Bridge.Runs && world.Store.Holds.ContainsKey(guest))
        {
            world.Store.Forget(guest);
            world.Tell(guest, "person", "acknowledges");
            guest.IsAcknowledged = guest.Filesystems.Any(one => one.Truth == FilesystemTruth.NotMounted);
            world.Witness.Acknowledged(guest);
            world.Bridge.Take(new BridgeInput.Acknowledged(guest.Identity.Uuid));
        }
    }

    /// <summary>Somebody orders its recovery, which acknowledges what stands.</summary>
    private void Order(SimulatedGuest guest)
    {
        GuestRecord? record = world.Bridge.Guests.FirstOrDefault(one => one.Identity == guest.Identity);
        if (record is null || world.Bridge.OutlookOf(record).Refusal is not null)
        {
            return;
        }

        world.Tell(guest, "person", "orders its recovery");
        world.Witness.Ordered(guest, record.CurrentBoot);
        world.Bridge.Take(new BridgeInput.Ordered(guest.Identity.Uuid));
    }

    /// <summary>
    /// A second domain with the same uuid, on other disks: half a migration, or a copy that somebody made by hand.
    /// </summary>
    private void ShowDouble(SimulatedGuest guest)
    {
        if (guest.Domain is not null && world.Listener.Knows(guest))
        {
            LetDoubleSpeak(guest, isFirst: false);
        }
    }

    /// <summary>The bridge is told of a double, which then speaks for a while and ends.</summary>
    /// <param name="guest">The guest that has one.</param>
    /// <param name="isFirst">Whether the bridge is told of it before it is told of the guest.</param>
    public void LetDoubleSpeak(SimulatedGuest guest, bool isFirst)
    {
        int life = world.Bridge.Life;
        DomainId domain = world.NextDomain();
        world.Tell(guest, "double", world.Trace.IsKept ? $"domain {domain}" : string.Empty);
        world.Bridge.Take(new BridgeInput.GuestSeen(guest.Identity, domain, guest.ListedDisks));
        for (int i = 1; i <= 3; i++)
        {
            long sequence = guest.Sequence + i;
            BootId boot = guest.Boot;
            world.Agenda.In(TimeSpan.FromSeconds(i * 2), () =>
            {
                if (life == world.Bridge.Life && world.Bridge.Runs)
                {
                    world.Witness.SaidByDouble(guest);
                    world.Bridge.Take(new BridgeInput.ReportRead(
                        guest.Identity.Uuid, domain, Forgery.Aborted(guest, boot, sequence), IsNew: true));
                }
            });
        }

        world.Agenda.In(_chance.Seconds(10, 90), () =>
        {
            if (life == world.Bridge.Life && world.Bridge.Runs)
            {
                world.Bridge.Take(new BridgeInput.GuestGone(guest.Identity.Uuid, domain));
                if (isFirst)
                {
                    world.Witness.Gone(guest);
                }

                world.Listener.HearAgain(guest);
            }
        });
    }
}
