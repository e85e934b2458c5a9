using HostBridge.Recovery;
using Protocol.Health;
using Simulation.World;

namespace Simulation.Rules;

/// <summary>Once the faults are over: waits until every guest came to its end, and demands it (L1, L2).</summary>
internal sealed class Settling(SimulatedWorld world)
{
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(10);

    /// <summary>How long everything must have been at its end: a heartbeat and the relapse of a guest fit in.</summary>
    private static readonly TimeSpan StaysFor = TimeSpan.FromSeconds(100);

    private TimeSpan _nextCheck;
    private TimeSpan? _settledSince;

    /// <summary>How long it may take at most.</summary>
    public static TimeSpan Limit(RecoveryPolicy policy)
        => (policy.RebootDeadline * (policy.MaxPerGuest + 1) * 3) + policy.HungPatience + TimeSpan.FromHours(1)
            + ((policy.LongestCheck + policy.BreakerCoolDown + policy.DownDeadline) * 3);

    /// <summary>Whether everything is at its end, and stays so.</summary>
    public bool IsReached()
    {
        if (world.Agenda.Now < _nextCheck)
        {
            return false;
        }

        _nextCheck = world.Agenda.Now + CheckInterval;
        _settledSince = Unsettled() is null ? _settledSince ?? world.Agenda.Now : null;
        return world.Agenda.Now - _settledSince >= StaysFor && world.Agenda.Now - world.Witness.OperatorToldAt >= CheckInterval;
    }

    /// <summary>Demands that the end was reached, and that people know of it.</summary>
    public void Demand()
    {
        if (Unsettled() is { } why)
        {
            world.Witness.Break(Rule.ComesToAnEnd, why);
            return;
        }

        if (world.Witness.Owed is { } owed)
        {
            world.Witness.Break(Rule.IsTold, $"nobody was told of {owed}");
        }

        DemandEnds();
        foreach (GuestRecord record in world.Bridge.Guests)
        {
            if (record.State is RecoveryState.NeedsOperator { Reason: var reason })
            {
                DemandTold(world.GuestOf(record.Identity), reason);
            }
        }
    }

    /// <summary>Every recovery that was begun durably has a durable end.</summary>
    private void DemandEnds()
    {
        HashSet<RequestId> ended = [.. world.Store.Entries.Where(entry => entry.EndsIntent).Select(entry => entry.Facts.RequestId)];
        StoreEntry? open = world.Store.Entries.Find(entry => entry.Kind == TellKind.Intent
            && !ended.Contains(entry.Facts.RequestId) && !world.Store.Refused.Contains(entry.Guest));
        if (open is not null)
        {
            world.Witness.Break(Rule.IsTold, $"of the end of {open.Facts.RequestId} of {open.Guest.Identity.Name} nobody was told");
        }
    }

    private void DemandTold(SimulatedGuest guest, string reason)
    {
        StoreEntry? last = world.Store.Entries.FindLast(entry
            => entry.Guest == guest && entry.Kind is TellKind.Operator or TellKind.Proof);
        if (last is not { Kind: TellKind.Operator } && !world.Store.Refused.Contains(guest))
        {
            world.Witness.Break(Rule.IsTold, $"{guest.Identity.Name} needs an operator, and nobody was told: {reason}");
        }
    }

    /// <summary>The first guest that is not at its end, and why; null when all are.</summary>
    private string? Unsettled()
    {
        if (!world.Bridge.Runs)
        {
            return "the bridge does not run";
        }

        Dictionary<Guid, GuestRecord> records = world.Bridge.Guests.ToDictionary(one => one.Identity.Uuid);
        foreach (SimulatedGuest guest in world.Guests)
        {
            GuestRecord? record = records.GetValueOrDefault(guest.Identity.Uuid);
            if (!IsAtItsEnd(guest, record))
            {
                return $"{guest.Identity.Name} ({guest.Character}, {guest.Whereabouts}) is left as {record?.State}";
            }
        }

        return null;
    }

    private bool IsAtItsEnd(SimulatedGuest guest, GuestRecord? record) => record?.State switch
    {
        null or RecoveryState.Unknown => guest.Whereabouts is not (Whereabouts.Here or Whereabouts.Restarting),
        RecoveryState.NeedsOperator => guest.Whereabouts != Whereabouts.Restarting,
        RecoveryState.Healthy => guest.Whereabouts == Whereabouts.Here
            && (guest.IsWell || (guest.IsAcknowledged && guest.Root.Truth == FilesystemTruth.Well)),
        // Of a guest whose agent is dead nobody knows whether its words still hold: no operator is called on them.
        RecoveryState.AwaitingStorage => guest.ListedDisks.Unmappable.Count > 0 && !guest.AgentRuns,
        // The real agent does not call it well, nor a fault: it is left as it is.
        RecoveryState.Suspect when guest.Root.IsReadOnlySubvolume => true,
        // Observing and silence are told as suspect; nothing more is done by design.
        RecoveryState.Suspect => (world.Policy.Of(guest.Identity).Mode ?? world.Policy.Mode) == BridgeMode.Observe || !guest.AgentRuns,
        _ => false,
    };
}
