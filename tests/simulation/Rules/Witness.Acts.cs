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
                NoteIntent(guest, intent.Intent);
                if (intent.Facts.Rung == Rung.Reboot)
                {
                    CheckRoot(guest);
                }

                CheckCaps(guest);
                CheckBudget(guest);
                CheckHostEvidence(guest, intent.Facts.Rung);
                _hearings[guest].InFlightSince = Now;
                _hearings[guest].InFlightFaultSince = _hearings[guest].FaultSince ?? Now;
                UseOrder(guest);
                break;
            case RecoveryAction.ArmForcedFsck:
                CheckConsent(guest, "arming");
                CheckStorage(guest);
                break;
            case RecoveryAction.Destroy:
                // Nobody but the policy has a domain destroyed.
                _orderInFlight.Remove(guest);
                CheckConsent(guest, "a destruction");
                CheckStorage(guest);
                if (guest.Whereabouts != Whereabouts.DestroyedByBridge)
                {
                    // Else the toolstack is only asked what its own hand did under this intent.
                    CheckHostEvidence(guest, Rung.Recreate);
                }

                break;
            case RecoveryAction.CheckOffline:
                CheckConsent(guest, "an offline check");
                CheckStorage(guest);
                break;
            case RecoveryAction.Create:
                CheckConsent(guest, "a creation");
                CheckStorage(guest);
                break;
            case RecoveryAction.SendRequest { Request: var request }:
                // What was begun is proved, also in a pause; a bridge that observes sends nothing that nobody ordered.
                if (request.Action != RequestAction.Probe
                    || (ModeOf(guest) == BridgeMode.Observe && !IsOrdered(guest)))
                {
                    CheckConsent(guest, "a request");
                }

                if (request.Action != RequestAction.Probe)
                {
                    CheckOpen(guest, request.Id, "request");
                    CheckStorage(guest);
                    CheckWords(guest, request);
                    CheckDisk(guest, request);
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
        bool isOrdered = IsOrdered(guest);
        string? why = ModeOf(guest) == BridgeMode.Observe && !isOrdered ? "the mode is observe"
            : IsPaused(Guid.Empty) ? "the host is paused"
            : IsPaused(guest.Identity.Uuid) ? "it is paused"
            : !isOrdered && Policy.MaintenanceWindows.Any(window => window is MaintenanceWindow.Once once
                && once.Begins <= WallNow && WallNow < once.Ends)
                ? "this is a maintenance window"
                : null;
        if (why is not null)
        {
            Break(Rule.Consent, $"{what} for {guest.Identity.Name} while {why}");
        }
    }

    private BridgeMode ModeOf(SimulatedGuest guest) => Policy.Of(guest.Identity).Mode ?? Policy.Mode;

    private bool IsPaused(Guid what) => _world.Pauses.TryGetValue(what, out TimeSpan until) && _world.WallNow < until;

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

    /// <summary>What this host does not serve is not touched on the word of its gate.</summary>
    private void CheckDisk(SimulatedGuest guest, GuestRequest request)
    {
        if (request.Action is RequestAction.Repair or RequestAction.Remount
            && guest.Filesystems.Any(one => one.IsOwn && one.Mount == request.Filesystem))
        {
            Break(Rule.StableStorage, $"a {request.Action} of {request.Filesystem} of {guest.Identity.Name}, whose disk is its own");
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

        // Which of its boots a hostile guest means nobody can tell.
        bool isOtherBoot = guest.Character != Character.Hostile && hearing.HeardBoot != newest.BootId;
        if (isOtherBoot || Now - hearing.HeardAt >= Policy.SilentAfter)
        {
            Break(Rule.FreshEvidence, $"an act on {name}, which was not heard alive");
        }

        if (guest.Character == Character.Hostile)
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

        if (request.Action == RequestAction.Reboot)
        {
            CheckRoot(guest);
        }
    }

    private void CheckRoot(SimulatedGuest guest)
    {
        Hearing hearing = _hearings[guest];
        bool isForData = Policy.Of(guest.Identity).RebootForData
            && hearing.Report?.Filesystems.Any(one => one.Verdict is Verdict.JournalAborted or Verdict.ShutDown or Verdict.RemountedReadOnly) == true;
        if (guest.Root.IsReadOnlySubvolume)
        {
            Break(Rule.DeadRootOnly, $"a restart of {guest.Identity.Name}, whose root is read-only by design");
        }

        if (!isForData && guest.Character != Character.Hostile
            && hearing.RootVerdict is not (Verdict.JournalAborted or Verdict.ShutDown or Verdict.RemountedReadOnly))
        {
            Break(Rule.DeadRootOnly, $"a restart of {guest.Identity.Name}, whose root is {hearing.RootVerdict}");
        }
    }

    private void CheckHostEvidence(SimulatedGuest guest, Rung? rung)
    {
        bool mayDoWithout = Policy.Of(guest.Identity).ActWithoutHostEvidence ?? Policy.ActWithoutHostEvidence;
        Hearing hearing = _hearings[guest];
        TimeSpan began = hearing.InFlightFaultSince ?? hearing.FaultSince ?? Now;
        if (rung is Rung.Reboot or Rung.Recreate && !mayDoWithout && !IsOrdered(guest)
            && !guest.Disks.Any(disk => disk.FaultSeenAt is { } seen && began - seen <= Policy.HostEvidenceWindow))
        {
            Break(Rule.HostEvidence, $"a restart of {guest.Identity.Name}, whose disks had no fault that this host saw");
        }
    }

    /// <summary>Whose words were forged does not matter here: a double is none of the guest.</summary>
    public void SaidByDouble(SimulatedGuest guest) => _ = _hearings[guest];
}
