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
            default:
                break;
        }
    }

    private void TakeAnswer(Recovering act, RequestOutcome outcome)
    {
        switch (outcome.Status)
        {
            case RequestStatus.Accepted or RequestStatus.Done when act.Rung == Rung.Reboot:
                AwaitNewBoot(act, "it accepted the restart");
                break;
            case RequestStatus.Accepted when act.Phase == RecoveryPhase.AwaitingAnswer:
                TimeSpan limit = act.Rung == Rung.Repair ? policy.RepairDeadline : policy.RemountDeadline;
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

    private void TakeRefusal(Recovering act, RequestOutcome outcome)
    {
        string reason = RequestWords.Reasons.ToName(outcome.Reason);
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
        if (act.Rung == Rung.Remount)
        {
            // A remount that was not legitimate or did not help leads to the next rung of the same ladder.
            _guest = _guest with { RemountTriedOn = act.Fault.Filesystem.MountPoint };
            EndIncident($"the remount did not help ({reason})");
            Judge();
            return;
        }

        string detail = outcome.Detail.Length == 0 ? string.Empty : $"; the guest says \"{outcome.Detail.Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
        string check = outcome.FsckExitCode is { } code
            ? string.Create(CultureInfo.InvariantCulture, $", e2fsck exit {code}")
            : string.Empty;
        CallOperator(
            $"{act.Fault.Filesystem.MountPoint}: the {act.Rung.ToString().ToLowerInvariant()} was "
                + $"{RequestWords.Statuses.ToName(outcome.Status)} ({reason}{check}); recover it by hand{detail}",
            OperatorRelease.WhenHealthy);
    }

    private void AwaitNewBoot(Recovering act, string text)
    {
        if (act.Phase != RecoveryPhase.AwaitingNewBoot)
        {
            _guest = _guest with
            {
                State = act with
                {
                    Phase = RecoveryPhase.AwaitingNewBoot,
                    Deadline = now.Elapsed + policy.RebootDeadline,
                },
            };
            Tell(TellKind.Outcome, $"{text}; waits for the new boot", FactsOf(act));
        }
    }
}
