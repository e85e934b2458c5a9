using HostBridge.Recovery;
using Protocol.Health;
using Simulation.World;

namespace Simulation.Rules;

/// <summary>The part that counts: what is in flight, what is durable, what was done already, what was told.</summary>
internal sealed partial class Witness
{
    private readonly HashSet<(RequestId Intent, int Life, string Act)> _done = [];

    /// <summary>
    /// A request is written where the guest reads it. On its way the intent may have ended, by a boot that a hostile guest
    /// claims: it is open when the request is decided, and the request is bound to the old boot.
    /// </summary>
    public void Written(SimulatedGuest guest, RecoveryAction.SendRequest send)
    {
        if (send.Request.Action != RequestAction.Probe)
        {
            CheckOnce(guest, send.Request.Id, "request");
        }
    }

    /// <summary>The toolstack is asked to have the next boot checked.</summary>
    public void Armed(SimulatedGuest guest, RecoveryAction.ArmForcedFsck arm)
        => CheckOpenAndOnce(guest, arm.Intent, "arm");

    private void CheckOpenAndOnce(SimulatedGuest guest, RequestId intent, string act)
    {
        CheckOpen(guest, intent, act);
        CheckOnce(guest, intent, act);
    }

    private void CheckOpen(SimulatedGuest guest, RequestId intent, string act)
    {
        bool isOpen = false;
        foreach (StoreEntry entry in _world.Store.Entries)
        {
            if (entry.Guest == guest && entry.Facts.RequestId == intent)
            {
                isOpen = (isOpen || entry.Kind == TellKind.Intent) && !entry.EndsIntent;
            }
        }

        if (!isOpen)
        {
            Break(Rule.DurableIntent, $"{act} for {guest.Identity.Name} without a durable intent {intent} that is open");
        }
    }

    private void CheckOnce(SimulatedGuest guest, RequestId intent, string act)
    {
        if (!_done.Add((intent, _world.Bridge.Life, act)))
        {
            Break(Rule.DurableIntent, $"{act} for {guest.Identity.Name} is done a second time under {intent}");
        }
    }

    private void CheckCaps(SimulatedGuest guest)
    {
        int onHost = 1;
        var inGroup = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach ((SimulatedGuest other, Hearing hearing) in _hearings)
        {
            if (hearing.InFlightSince is not { } since)
            {
                continue;
            }

            if (other == guest)
            {
                Break(Rule.Caps, $"a second recovery of {guest.Identity.Name} while one is in flight");
            }
            else if (Now - since < Policy.SlotHeldFor)
            {
                onHost++;
                foreach (string group in other.Disks.Select(disk => disk.LunGroup).Distinct())
                {
                    inGroup[group] = inGroup.GetValueOrDefault(group) + 1;
                }
            }
        }

        if (onHost > Policy.MaxPerHost)
        {
            Break(Rule.Caps, $"{onHost} recoveries at once, the most is {Policy.MaxPerHost} a host");
        }

        foreach (string group in guest.Disks.Select(disk => disk.LunGroup).Distinct())
        {
            if (inGroup.GetValueOrDefault(group) >= Policy.MaxPerLunGroup)
            {
                Break(Rule.Caps, $"more than {Policy.MaxPerLunGroup} recoveries at once on {group}");
            }
        }
    }

    private void CheckBudget(SimulatedGuest guest)
    {
        int recent = _world.Store.Entries.Count(entry
            => entry.Guest == guest && entry.Kind == TellKind.Intent && AgeOf(entry) < Policy.BudgetWindow);
        if (recent >= Policy.MaxPerGuest && !MayExceedBudget(guest))
        {
            Break(Rule.Budget, $"recovery {recent + 1} of {guest.Identity.Name} in its window, the most is {Policy.MaxPerGuest}");
        }
    }

    private void CheckTold(SimulatedGuest guest, RecoveryAction.Tell tell)
    {
        Hearing hearing = _hearings[guest];
        if (tell.EndsIntent)
        {
            (hearing.InFlightSince, hearing.InFlightFaultSince) = (null, null);
            _orderInFlight.Remove(guest);
        }

        if (tell is { Kind: TellKind.Proof, EndsIntent: true, Facts.Filesystem: { } filesystem } && guest.Character != Character.Hostile
            && hearing.VerdictOf(filesystem.MountPoint) != Verdict.Writable)
        {
            Break(Rule.TrueProof, $"{guest.Identity.Name} is called well, and never said that {filesystem.MountPoint} writes");
        }
    }
}
