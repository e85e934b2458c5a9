using HostBridge.Recovery;
using Protocol.Health;
using Simulation.World;

namespace Simulation.Rules;

/// <summary>The part that watches what is really done to domains and disks.</summary>
internal sealed partial class Witness
{
    private readonly HashSet<SimulatedGuest> _ownHand = [];

    /// <summary>A domain is destroyed at this moment.</summary>
    public void Destroys(SimulatedGuest guest, RecoveryAction.Destroy action)
    {
        CheckOpenAndOnce(guest, action.Intent, "destroy");
        CheckStep(guest, action.Intent, OfflineStep.Destroying);
        StoreEntry? intent = _world.Store.Entries.Find(entry
            => entry.Kind == TellKind.Intent && entry.Facts.RequestId == action.Intent);
        if (guest.Character != Character.Hostile && intent is not null && intent.Facts.BootId != guest.Boot)
        {
            Break(Rule.FreshEvidence, $"{guest.Identity.Name} is destroyed in boot {guest.Boot}, the fault was in {intent.Facts.BootId}");
        }

        _ownHand.Add(guest);
    }

    /// <summary>e2fsck begins on its disks at this moment.</summary>
    public void ChecksOffline(SimulatedGuest guest, RequestId intent)
    {
        CheckOpenAndOnce(guest, intent, "check");
        CheckStep(guest, intent, OfflineStep.Checking);
        string name = guest.Identity.Name;
        string? user = guest.Whereabouts switch
        {
            Whereabouts.Here or Whereabouts.Restarting => "its own domain",
            Whereabouts.OnAnotherHost => "another host",
            _ when _world.Toolstack.IsDying(guest) => "its own domain, which is still dying",
            _ when guest.Disks.Any(disk => disk.IsMountedHere) => "a mount of this host",
            _ when _world.Guests.Any(other => other != guest && other.Domain is not null && other.Disks.Any(guest.Disks.Contains))
                => "another domain",
            _ when Policy.Of(guest.Identity).ExclusiveStorage != ExclusiveStorage.Yes => "another host, for all that is known",
            _ => null,
        };
        if (user is not null)
        {
            Break(Rule.DiskUnused, $"the disks of {name} are checked while they are of use for {user}");
        }

        if (!_ownHand.Contains(guest) || guest.Whereabouts != Whereabouts.DestroyedByBridge)
        {
            Break(Rule.OwnHandOnly, $"the disks of {name} are checked, which is {guest.Whereabouts}");
        }
    }

    /// <summary>A domain is created at this moment.</summary>
    public void Creates(SimulatedGuest guest, RequestId intent)
    {
        CheckOpenAndOnce(guest, intent, "create");
        CheckStep(guest, intent, OfflineStep.Creating);
        if (!_ownHand.Contains(guest) || guest.Whereabouts != Whereabouts.DestroyedByBridge)
        {
            Break(Rule.OwnHandOnly, $"{guest.Identity.Name} is created, which is {guest.Whereabouts}");
        }

        _ownHand.Remove(guest);
    }

    private void CheckStep(SimulatedGuest guest, RequestId intent, OfflineStep step)
    {
        if (!_world.Store.Entries.Exists(entry => entry.Facts.RequestId == intent && entry.Facts.Step == step))
        {
            Break(Rule.DurableIntent, $"{step} of {guest.Identity.Name} is not durable, and is done");
        }
    }
}
