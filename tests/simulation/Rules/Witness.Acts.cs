using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Simulation.World;

namespace Simulation.Rules;

/// <summary>The part that holds what the bridge decides against what it may do.</summary>
internal sealed partial class Witness
{
    /// <summary>The bridge decided for an effect.</summary>
    public void Decided(BridgeEffect effect)
    {
        SimulatedGuest guest = _world.GuestOf(effect.Guest);
        switch (effect.Action)
        {
            case RecoveryAction.RecordIntent intent:
                CheckConsent(guest, "an intent");
                CheckCaps(guest);
                CheckBudget(guest);
                CheckHostEvidence(guest, intent.Facts.Rung);
                _hearings[guest].InFlightSince = Now;
                break;
            case RecoveryAction.ArmForcedFsck:
                CheckConsent(guest, "arming");
                CheckStorage(guest);
                break;
            case RecoveryAction.SendRequest { Request: var request }:
                CheckConsent(guest, "a request");
                if (request.Action != RequestAction.Probe)
                {
                    CheckStorage(guest);
                    CheckWords(guest, request);
                }

                break;
            case RecoveryAction.Tell tell:
                CheckTold(guest, tell);
                break;
            default:
                break;
        }
    }

    private void CheckConsent(SimulatedGuest guest, string what)
    {
        if (Policy.Mode == BridgeMode.Observe)
        {
            Break(Rule.Consent, $"{what} for {guest.Identity.Name} while the mode is observe");
        }
    }

    private void CheckStorage(SimulatedGuest guest)
    {
        string? why = guest.ListedDisks.Unmappable.Count > 0 ? "a disk of it cannot be mapped" : null;
        if (_lookedAt is not { } lookedAt || Now - lookedAt >= Policy.DiskCheckValidFor)
        {
            why ??= "nobody looked at its disks lately";
        }

        foreach (SimulatedDisk disk in guest.Disks)
        {
            if (!_looks.TryGetValue(disk.Device, out (string Identity, bool LooksUp) look) || !look.LooksUp)
            {
                why ??= $"{disk.Identity} is down";
            }
            else if (disk.NoticedOutageEndedAt is { } ended && Now - ended < Policy.StableFor && ended <= _lookedAt)
            {
                why ??= $"{disk.Identity} is back for {(Now - ended).TotalSeconds:0.0} s only";
            }
            else if (_hearings[guest].Identities.GetValueOrDefault(disk.Device, look.Identity) != look.Identity)
            {
                why ??= $"{disk.Identity} is another disk than it was";
            }
        }

        if (why is not null)
        {
            Break(Rule.StableStorage, $"an act on {guest.Identity.Name}: {why}");
        }
    }

    private void CheckWords(SimulatedGuest guest, GuestRequest request)
    {
        Hearing hearing = _hearings[guest];
        string name = guest.Identity.Name;
        if (hearing.Report is not { } newest)
        {
            Break(Rule.OwnWordsOnly, $"an act on {name}, which said nothing");
            return;
        }

        if (hearing.HeardBoot != newest.BootId || Now - hearing.HeardAt >= Policy.SilentAfter)
        {
            Break(Rule.FreshEvidence, $"an act on {name}, which was not heard alive");
        }

        if (guest.IsHostile)
        {
            return;
        }

        if (request.BootId != newest.BootId || request.ReportSequence < newest.Sequence)
        {
            Break(Rule.FreshEvidence,
                $"an act on {name} by report {request.ReportSequence} of {request.BootId}; the newest is {newest.Sequence} of {newest.BootId}");
        }
        else if (request.ReportSequence > newest.Sequence
            || hearing.VerdictOf(request.Filesystem) is Verdict.Writable or Verdict.Unknown)
        {
            Break(Rule.OwnWordsOnly, $"an act on {name}, which never said that {request.Filesystem} is faulty");
        }

        if (request.Action == RequestAction.Reboot
            && hearing.RootVerdict is not (Verdict.JournalAborted or Verdict.ShutDown or Verdict.RemountedReadOnly))
        {
            Break(Rule.DeadRootOnly, $"a restart of {name}, whose root is {hearing.RootVerdict}");
        }
    }

    private void CheckHostEvidence(SimulatedGuest guest, Rung? rung)
    {
        bool isRestart = rung is Rung.Reboot;
        if (isRestart && !Policy.ActWithoutHostEvidence
            && !guest.Disks.Any(disk => disk.FaultSeenAt is { } seen && Now - seen <= Policy.HostEvidenceWindow))
        {
            Break(Rule.HostEvidence, $"a restart of {guest.Identity.Name}, whose disks had no fault that this host saw");
        }
    }

    /// <summary>Whose words were forged does not matter here: a double is none of the guest.</summary>
    public void SaidByDouble(SimulatedGuest guest) => _ = _hearings[guest];
}
