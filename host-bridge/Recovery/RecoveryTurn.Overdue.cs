using Protocol.Health;
using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Recovery;

/// <summary>The part that gives up what takes too long: everything that waits has a limit.</summary>
internal sealed partial class RecoveryTurn
{
    private void EndOverdue()
    {
        switch (_guest.State)
        {
            case Recovering act when now.Elapsed >= act.Deadline:
                EndOverdueAct(act);
                break;
            case Verifying proof when now.Elapsed >= proof.Deadline:
                GiveUp("it could not be proved in time that it writes again");
                break;
            case Resuming resuming when now.Elapsed >= resuming.Deadline && !HasLivingTwin:
                GiveUpResuming(resuming);
                break;
            default:
                break;
        }
    }

    private void EndOverdueAct(Recovering act)
    {
        switch (act.Phase)
        {
            case RecoveryPhase.RecordingIntent:
                GiveUp("the incident log did not take the intent in time");
                break;
            case RecoveryPhase.ArmingFsck:
                GiveUp("the toolstack did not answer in time");
                break;
            case RecoveryPhase.AwaitingAnswer when act.Restarts:
                ReplaceOldBoot(act, "it did not answer in time; look at its agent");
                break;
            case RecoveryPhase.AwaitingAnswer:
                GiveUp("it did not answer in time; look at its agent");
                break;
            case RecoveryPhase.AwaitingCompletion:
                GiveUp("it accepted and did not finish in time");
                break;
            case RecoveryPhase.Recreating:
                GiveUpRecreating(act);
                break;
            case RecoveryPhase.AwaitingNewBoot when _guest.Domain is null:
                GiveUp("the guest is DOWN: its domain is gone and no new one came; create it");
                break;
            default:
                GiveUp("its new boot did not report in time; look at its console, a check may still run there");
                break;
        }
    }

    private void GiveUp(string what)
        => CallOperator($"{Facts().Filesystem?.MountPoint}: {what}; recover it by hand", OperatorRelease.WhenHealthy);
}
