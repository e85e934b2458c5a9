using System.Globalization;
using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Recovery;

/// <summary>The part that takes the toolstack's answers to the steps of destroying, checking and creating.</summary>
internal sealed partial class RecoveryTurn
{
    private void TakeStepTaken(RecoveryInput.StepTaken taken)
    {
        if (Recreating(taken.Intent, taken.Step, RecreationWork.Working) is not { } act)
        {
            return;
        }

        bool isDestroying = taken.Step == OfflineStep.Destroying;
        switch (taken.Answer.Result)
        {
            case StepResult.Done:
                Record(
                    act,
                    isDestroying ? OfflineStep.Destroyed : OfflineStep.Created,
                    isDestroying ? $"domain {act.Domain} is destroyed" : "it is created again");
                break;
            case StepResult.Refused when isDestroying && _guest.Domain is null:
                EndVanished(act, taken.Answer.Reason);
                break;
            case StepResult.Failed:
                TryAgain(act, taken.Answer.Reason);
                break;
            default:
                CallOperator(
                    $"{act.Fault.Filesystem.MountPoint}: {Down(act)}the toolstack does not "
                        + $"{(isDestroying ? "destroy" : "create")} it: {taken.Answer.Reason}; recover it by hand",
                    OperatorRelease.WhenHealthy);
                break;
        }
    }

    private void EndVanished(Recovering act, string reason)
    {
        if (policy.Holds(Safeguards.OwnHandOnly))
        {
            EndIncident($"the domain is gone, and not by our hand: {reason}; nothing more is done");
        }
        else
        {
            Record(act, OfflineStep.Destroyed, $"domain {act.Domain} is gone");
        }
    }

    private void TakeOfflineCheck(RecoveryInput.OfflineChecked check)
    {
        if (Recreating(check.Intent, OfflineStep.Checking, RecreationWork.Working) is not { } act)
        {
            return;
        }

        switch (check.Answer)
        {
            case { Result: StepResult.Done, ExitCode: >= FirstBadFsckExitCode and var exitCode }:
                CallOperator(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{act.Fault.Filesystem.MountPoint}: {Down(act)}e2fsck left errors (exit {exitCode}); ")
                        + "run it by hand, then create the guest",
                    OperatorRelease.WhenHealthy);
                break;
            case { Result: StepResult.Done, ExitCode: { } exitCode }:
                Recovering done = act with { Recreation = act.Recreation! with { CheckExitCode = exitCode } };
                Record(
                    done,
                    OfflineStep.Checked,
                    string.Create(CultureInfo.InvariantCulture, $"its disks are checked, e2fsck exit {exitCode}"));
                break;
            default:
                CallOperator(
                    $"{act.Fault.Filesystem.MountPoint}: {Down(act)}its disks were not checked: {check.Answer.Reason}; "
                        + "check them by hand, then create the guest",
                    OperatorRelease.WhenHealthy);
                break;
        }
    }

    /// <summary>Tries a step that failed again, a few times; a guest that is down is told of at once.</summary>
    private void TryAgain(Recovering act, string reason)
    {
        Recreation recreation = act.Recreation!;
        string what = recreation.Step == OfflineStep.Creating ? "it could not be created" : "it could not be destroyed";
        if (recreation.Attempts >= policy.MaxStepAttempts)
        {
            CallOperator(
                $"{act.Fault.Filesystem.MountPoint}: {Down(act)}{what} in {recreation.Attempts} attempts: {reason}; "
                    + "recover it by hand",
                OperatorRelease.WhenHealthy);
            return;
        }

        TimeSpan wait = Backoff.After(
            recreation.Attempts, policy.StepRetryInterval, policy.LongestStepRetryInterval, act.RequestId);
        Recovering waiting = act with
        {
            Deadline = now.Elapsed + wait + policy.DownDeadline,
            Recreation = recreation with { Work = RecreationWork.Waiting, NotBefore = now.Elapsed + wait },
        };
        _guest = _guest with { State = waiting };
        Tell(
            TellKind.Action,
            $"{Down(act)}{what}: {reason}; tried again in {wait.TotalSeconds:0} s "
                + $"(attempt {recreation.Attempts} of {policy.MaxStepAttempts})",
            FactsOf(waiting));
    }

    private void GiveUpRecreating(Recovering act)
    {
        Recreation recreation = act.Recreation!;
        string what = recreation.Work switch
        {
            RecreationWork.Recording => "the incident log did not take the step in time",
            RecreationWork.Waiting => WhyNotActed()
                ?? (HasHostEvidence(act.Fault.Since) ? "it waited for too long" : NoHostEvidence),
            _ => "the toolstack did not answer in time",
        };
        CallOperator(
            $"{act.Fault.Filesystem.MountPoint}: {Down(act)}{what}; recover it by hand", OperatorRelease.WhenHealthy);
    }

    private static string Down(Recovering act)
        => act.Recreation switch
        {
            { IsDown: true } => "the guest is DOWN: ",
            { MayBeDown: true } => "the guest may be DOWN: ",
            _ => string.Empty,
        };
}
