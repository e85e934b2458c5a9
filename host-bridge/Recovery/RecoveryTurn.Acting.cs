using System.Globalization;
using Protocol.Health;
using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Recovery;

/// <summary>The part that climbs a rung: intent, arming, request; and gives up what takes too long.</summary>
internal sealed partial class RecoveryTurn
{
    private void Begin()
    {
        // Everything is judged once more: the slot may have come long after the decision.
        Judge();
        if (_guest.State is not Queued queued || !SpacingHasPassed() || _guest.Fault is not { } fault)
        {
            return;
        }

        RequestId id = NewRequestId(queued.Rung.ToString().ToLowerInvariant());
        int attempt = RecentRecoveries() + 1;
        var act = new Recovering(
            queued.Rung, attempt, id, now.Elapsed + policy.IntentDeadline, RecoveryPhase.RecordingIntent, fault);
        _guest = _guest with
        {
            State = act,
            Recoveries = [.. _guest.Recoveries.TakeLast(policy.MaxPerGuest), now.Elapsed],
        };
        string text = $"{Triage.Describe(fault.Filesystem)}; about to {Verb(queued.Rung)} "
            + $"(recovery {attempt} of at most {policy.MaxPerGuest})";
        _actions.Add(new RecoveryAction.RecordIntent(id, text, FactsOf(act)));
        if (!policy.Holds(Safeguards.DurableIntent))
        {
            ActOnIntent(id);
        }
    }

    private void ActOnIntent(RequestId intent)
    {
        if (_guest.State is not Recovering { Phase: RecoveryPhase.RecordingIntent } act || act.RequestId != intent
            || !IsStillWarranted(act))
        {
            return;
        }

        if (act.Rung == Rung.Reboot && IsChecked(act.Fault))
        {
            _guest = _guest with
            {
                State = act with { Phase = RecoveryPhase.ArmingFsck, Deadline = now.Elapsed + policy.ArmDeadline },
            };
            _actions.Add(new RecoveryAction.ArmForcedFsck(intent));
        }
        else
        {
            SendRequest(act);
        }
    }

    private void GiveUpIntent(RequestId intent, string reason)
    {
        if (_guest.State is Recovering { Phase: RecoveryPhase.RecordingIntent } act && act.RequestId == intent)
        {
            CallOperator(
                $"nothing is done without a durable record of it, and that failed: {reason}; "
                    + "mend the state directory",
                OperatorRelease.WhenReasonEnds);
        }
    }

    private void ActOnArming(RecoveryInput.FsckArmed armed)
    {
        if (_guest.State is not Recovering { Phase: RecoveryPhase.ArmingFsck } act || act.RequestId != armed.Intent)
        {
            return;
        }

        if (armed.Result != ArmingResult.Armed)
        {
            CallOperator(
                $"a check at its next boot could not be forced: {armed.Reason}; "
                    + "restart it with a forced check by hand",
                OperatorRelease.WhenHealthy);
        }
        else if (IsStillWarranted(act))
        {
            Tell(TellKind.Action, "the next boot will check its filesystems", FactsOf(act));
            SendRequest(act);
        }
    }

    /// <summary>
    /// Whether the evidence still stands at the moment of the act. When it does not, the incident ends here and
    /// the guest is judged anew.
    /// </summary>
    private bool IsStillWarranted(Recovering act)
    {
        string? objection = null;
        if (_guest.Domain is null || _guest.Report is not { } report || report.BootId != act.Fault.BootId)
        {
            objection = "the boot that told of the fault is over";
        }
        else if (!StorageIsOpen && _guest.Storage.Gate is StorageGate.Closed closed)
        {
            objection = $"its storage is not stable any more: {closed.Reasons}";
        }
        else if (IsSilent())
        {
            objection = "it fell silent";
        }
        else if (Triage.Of(report, storageOpen: true, _guest.RemountTriedOn) is var triage
            && (triage.Rung != act.Rung || triage.Filesystem?.MountPoint != act.Fault.Filesystem.MountPoint))
        {
            objection = "its newest report calls for something else";
        }

        if (objection is null)
        {
            return true;
        }

        EndIncident($"nothing was done after all: {objection}");
        Judge();
        return false;
    }

    private void SendRequest(Recovering act)
    {
        var sent = act with
        {
            Phase = RecoveryPhase.AwaitingAnswer,
            Deadline = now.Elapsed + policy.AnswerDeadline,
            Fault = act.Fault with { Sequence = _guest.Report!.Sequence },
        };
        _guest = _guest with { State = sent };
        RequestAction action = act.Rung switch
        {
            Rung.Remount => RequestAction.Remount,
            Rung.Repair => RequestAction.Repair,
            _ => RequestAction.Reboot,
        };
        Send(act.RequestId, action, act.Fault.Filesystem.MountPoint, FactsOf(sent));
    }

    private void Send(RequestId id, RequestAction action, MountPoint mountPoint, IncidentFacts facts)
    {
        GuestReport report = _guest.Report!;
        var request = new GuestRequest
        {
            Id = id,
            BootId = report.BootId,
            ReportSequence = report.Sequence,
            Filesystem = mountPoint,
            Action = action,
            LifetimeSeconds = (int)policy.RequestLifetime.TotalSeconds,
        };
        _actions.Add(new RecoveryAction.SendRequest(_guest.Domain!.Value, request));
        Tell(
            TellKind.Action,
            $"asked it to {RequestWords.Actions.ToName(action)} {mountPoint} (request {id})",
            facts);
    }

    private void EndOverdue()
    {
        string? late = _guest.State switch
        {
            Recovering act when now.Elapsed >= act.Deadline => act.Phase switch
            {
                RecoveryPhase.RecordingIntent => "the incident log did not take the intent in time",
                RecoveryPhase.ArmingFsck => "the toolstack did not answer in time",
                RecoveryPhase.AwaitingAnswer => "it did not answer in time; look at its agent",
                RecoveryPhase.AwaitingCompletion => "it accepted and did not finish in time",
                _ => "its new boot did not report in time; look at its console, a check may still run there",
            },
            Verifying proof when now.Elapsed >= proof.Deadline => "it could not be proved in time that it writes again",
            _ => null,
        };
        if (late is not null)
        {
            CallOperator($"{Facts().Filesystem?.MountPoint}: {late}; recover it by hand", OperatorRelease.WhenHealthy);
        }
    }

    private void RemoveRequest()
    {
        RequestId id = _guest.State switch
        {
            Recovering { Phase: >= RecoveryPhase.AwaitingAnswer } act => act.RequestId,
            Verifying proof => proof.ProbeId,
            _ => default,
        };
        if (!id.IsNone && _guest.Domain is { } domain)
        {
            _actions.Add(new RecoveryAction.RemoveRequest(domain, id));
        }
    }

    /// <summary>Whether a check at boot is due: the other families have none.</summary>
    private static bool IsChecked(Fault fault)
        => RecoveryTable.ToFamily(fault.Filesystem.FilesystemType) == FilesystemFamily.Ext;

    /// <summary>
    /// A name that no request of this guest had before: what it is, whose, and when. Restarts of the bridge included,
    /// as the wall clock goes on.
    /// </summary>
    private RequestId NewRequestId(string what)
    {
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"{what}-{_guest.Identity.Uuid.ToString("N")[..8]}-{now.Wall.ToUnixTimeMilliseconds()}");
        return RequestId.TryParse(text, out RequestId id)
            ? id
            : throw new InvalidOperationException($"{text} is not a request id");
    }
}
