using System.Globalization;
using Protocol.Health;
using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Recovery;

/// <summary>The part that takes a guest's answers to requests.</summary>
internal sealed partial class RecoveryTurn
{
    private void TakeOutcome(RequestOutcome outcome)
    {
        TakeSignOfLife(outcome);
        switch (_guest.State)
        {
            case Recovering { Phase: >= RecoveryPhase.AwaitingAnswer } act
                when outcome.Id == act.RequestId && outcome.BootId == act.Fault.BootId:
                TakeAnswer(act, outcome);
                break;
            case Verifying { Phase: ProofPhase.AwaitingProbe } proof
                when outcome.Id == proof.ProbeId && outcome.BootId == proof.BootId:
                TakeProbe(proof, outcome);
                break;
            case Resuming resuming
                when outcome.Id == resuming.Open.Intent && outcome.BootId == resuming.Open.BootId:
                TakeAnswerOfBefore(resuming, outcome);
                break;
            default:
                break;
        }
    }

    private void TakeAnswer(Recovering act, RequestOutcome outcome)
    {
        switch (outcome.Status)
        {
            case RequestStatus.Accepted or RequestStatus.Done when act.Restarts:
                TakeAcceptedRestart(act);
                break;
            case RequestStatus.Accepted when act.Phase == RecoveryPhase.AwaitingAnswer:
                TimeSpan limit = act.Rung == Rung.Repair
                    ? Earlier(policy.RepairDeadline + CheckTime(), policy.LongestCheck)
                    : policy.RemountDeadline;
                _guest = _guest with
                {
                    State = act with { Phase = RecoveryPhase.AwaitingCompletion, Deadline = now.Elapsed + limit },
                };
                Tell(TellKind.Outcome, "it accepted and is at work", FactsOf(act));
                break;
            case RequestStatus.Done:
                BeginProofByOutcome(act, outcome);
                break;
            case RequestStatus.Refused:
                TakeRefusal(act, outcome);
                break;
            case RequestStatus.Failed:
                TakeFailure(act, outcome);
                break;
            default:
                break;
        }
    }

    private void TakeAcceptedRestart(Recovering act)
    {
        if (act.Phase == RecoveryPhase.AwaitingAnswer)
        {
            AwaitNewBoot(act, "it accepted the restart");
        }
    }

    private void TakeRefusal(Recovering act, RequestOutcome outcome)
    {
        string reason = RequestWords.Reasons.ToName(outcome.Reason);
        if (act.Phase == RecoveryPhase.Recreating)
        {
            // It refuses what is not asked any more; what it says of itself counts by its reports.
            return;
        }

        switch (outcome.Reason)
        {
            case OutcomeReason.FaultGone or OutcomeReason.BootIdDiffers:
                _guest = _guest with { Spent = new SpentEvidence(act.Fault.Sequence, now.Elapsed) };
                EndIncident($"it refused ({reason}); nothing was done");
                Judge();
                break;
            case OutcomeReason.Expired or OutcomeReason.Busy or OutcomeReason.ProbeOutstanding:
                EndIncident($"it refused ({reason}); nothing was done, it may be asked again");
                Judge();
                break;
            default:
                TakeFailure(act, outcome);
                break;
        }
    }

    private void TakeFailure(Recovering act, RequestOutcome outcome)
    {
        string reason = RequestWords.Reasons.ToName(outcome.Reason);
        if (act.Phase == RecoveryPhase.Recreating)
        {
            return;
        }

        if (act.Rung == Rung.Remount)
        {
            // A remount that was not legitimate or did not help leads to the next rung of the same ladder.
            _guest = _guest with { RemountTriedOn = act.Fault.Filesystem.MountPoint };
            EndIncident($"the remount did not help ({reason})");
            Judge();
            return;
        }

        if (act.Rung == Rung.Repair && _terms.RebootForData && !(outcome.FsckExitCode >= FirstBadFsckExitCode))
        {
            _guest = _guest with { RepairTriedOn = act.Fault.Filesystem.MountPoint };
            EndIncident($"the repair did not help ({reason}); its policy allows a restart for it");
            Judge();
            return;
        }

        string detail = outcome.Detail.Length == 0
            ? string.Empty
            : $"; the guest says \"{outcome.Detail.Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
        string check = outcome.FsckExitCode is { } code
            ? string.Create(CultureInfo.InvariantCulture, $", e2fsck exit {code}")
            : string.Empty;
        string what = $"the {act.Rung.ToString().ToLowerInvariant()} was "
            + $"{RequestWords.Statuses.ToName(outcome.Status)} ({reason}{check})";
        if (act.Restarts && outcome.Status == RequestStatus.Failed)
        {
            ReplaceOldBoot(act, what, detail);
        }
        else
        {
            CallOperator(
                $"{act.Fault.Filesystem.MountPoint}: {what}; recover it by hand{detail}", OperatorRelease.WhenHealthy);
        }
    }
}
