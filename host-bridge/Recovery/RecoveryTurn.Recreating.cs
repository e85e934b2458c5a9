using System.Globalization;
using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Recovery;

/// <summary>
/// The part for an old boot that refuses to end: its domain is destroyed, its disks are checked where the policy says
/// so, and it is created again. Each step is durable before and after it is taken, and everything that allows it is
/// looked at right before it.
/// </summary>
internal sealed partial class RecoveryTurn
{
    private const string NoHostEvidence = "this host saw no fault on its disks";

    /// <summary>
    /// The old boot did not end. What speaks against destroying it for now is waited for, as long as a new boot is;
    /// anything else calls an operator.
    /// </summary>
    /// <param name="act">The restart that did not happen.</param>
    /// <param name="what">What it did instead, for a person.</param>
    /// <param name="detail">The guest's own words, marked as such; empty for none.</param>
    private void ReplaceOldBoot(Recovering act, string what, string detail = "")
    {
        if (WhyNeverDestroyed(act) is { } objection)
        {
            CallOperator(
                $"{act.Fault.Filesystem.MountPoint}: {what}; it is not destroyed: {objection}; recover it by hand{detail}",
                OperatorRelease.WhenHealthy);
        }
        else if (WhyNotActed() is { } passing)
        {
            if (act.Phase != RecoveryPhase.AwaitingNewBoot)
            {
                AwaitNewBoot(act with { OldBootLimit = now.Elapsed }, $"{what}; it is not destroyed yet: {passing}");
            }
        }
        else
        {
            BeginRecreating(act, what);
        }
    }

    private void BeginRecreating(Recovering act, string what)
    {
        RemoveRequest();
        Recovering next = act with
        {
            Rung = Rung.Recreate,
            Phase = RecoveryPhase.Recreating,
            Deadline = now.Elapsed + policy.StepDeadline,
            Recreation = new Recreation(OfflineStep.Destroying, RecreationWork.Confirming),
        };
        _guest = _guest with { State = next };
        Tell(TellKind.Outcome, $"{what}; next: {Verb(Rung.Recreate)}", FactsOf(next));
        _actions.Add(new RecoveryAction.ConfirmCreatable(act.RequestId, act.Domain!.Value));
    }

    /// <summary>What forbids to destroy the domain for good, for a person; null when nothing does.</summary>
    private string? WhyNeverDestroyed(Recovering act)
    {
        if (!_terms.AllowDestroy)
        {
            return "its policy does not allow that (allow-destroy)";
        }

        if (_terms.ExclusiveStorage != ExclusiveStorage.Yes && policy.Holds(Safeguards.DiskUnused))
        {
            return "nobody says that no other host uses its disks (exclusive-storage)";
        }

        if (act.Domain is null || _guest.Report is not { } report || report.BootId != act.Fault.BootId
            || _guest.Domain != act.Domain || act.OldBootEnded)
        {
            return "a new boot may have begun";
        }

        if (RecentRecoveries() > policy.MaxPerGuest && policy.Holds(Safeguards.Budget))
        {
            return $"it was recovered {policy.MaxPerGuest} times within {policy.BudgetWindow.TotalHours:0.#} h";
        }

        return WhyNoLongerCalledFor(act, report) ?? (HasHostEvidence(act.BeganAt) ? null : NoHostEvidence);
    }

    private void TakeConfirmation(RecoveryInput.CreatableConfirmed confirmed)
    {
        if (Recreating(confirmed.Intent, OfflineStep.Destroying, RecreationWork.Confirming) is not { } act)
        {
            return;
        }

        if (confirmed.Answer.Result != StepResult.Done)
        {
            CallOperator(
                $"{act.Fault.Filesystem.MountPoint}: it could not be created again if it were destroyed, so nothing was "
                    + $"touched: {confirmed.Answer.Reason}; recover it by hand",
                OperatorRelease.WhenHealthy);
        }
        else
        {
            Record(act, OfflineStep.Destroying, $"about to destroy domain {act.Domain}, whose boot refuses to end");
        }
    }

    /// <summary>Makes a step durable. What follows from it waits until it is.</summary>
    private void Record(Recovering act, OfflineStep step, string text)
    {
        Recovering recording = act with
        {
            Deadline = now.Elapsed + policy.IntentDeadline,
            Recreation = act.Recreation! with
            {
                Step = step, Work = RecreationWork.Recording, Attempts = 0, NotBefore = default,
            },
        };
        _guest = _guest with { State = recording };
        IncidentFacts facts = FactsOf(recording) with
        {
            Step = step, Disks = _guest.Disks, FsckExitCode = recording.Recreation.CheckExitCode,
        };
        _actions.Add(new RecoveryAction.RecordStep(act.RequestId, step, text, facts));
        if (!policy.Holds(Safeguards.DurableIntent))
        {
            TakeStepRecorded(new RecoveryInput.StepRecorded(act.RequestId, step));
        }
    }

    private void TakeStepRecorded(RecoveryInput.StepRecorded recorded)
    {
        if (Recreating(recorded.Intent, recorded.Step, RecreationWork.Recording) is not { } act)
        {
            return;
        }

        switch (recorded.Step)
        {
            case OfflineStep.Destroyed when _terms.OfflineCheck && IsChecked(act.Fault):
                Record(act, OfflineStep.Checking, "about to check its disks from Dom0");
                break;
            case OfflineStep.Destroyed or OfflineStep.Checked:
                Record(act, OfflineStep.Creating, "about to create it again");
                break;
            case OfflineStep.Created:
                AwaitNewBoot(act with { OldBootEnded = true }, "it was created again");
                break;
            default:
                Recovering due = act with
                {
                    Deadline = now.Elapsed + policy.DownDeadline,
                    Recreation = act.Recreation! with { Work = RecreationWork.Waiting },
                };
                _guest = _guest with { State = due };
                TakeStep(due);
                break;
        }
    }

    private void GiveUpStep(RecoveryInput.StepNotRecorded failed)
    {
        if (Recreating(failed.Intent, failed.Step, RecreationWork.Recording) is { } act)
        {
            CallOperator(
                $"{act.Fault.Filesystem.MountPoint}: {Down(act)}nothing more is done without a durable record of it, and "
                    + $"that failed: {failed.Reason}; mend the state directory and recover the guest by hand",
                OperatorRelease.WhenHealthy);
        }
    }

    /// <summary>Takes the step that is durable, if everything that allows it still holds.</summary>
    private void TakeStep(Recovering act)
    {
        switch (act.Recreation!.Step)
        {
            case OfflineStep.Destroying:
                TakeDestroyingStep(act);
                break;
            case OfflineStep.Checking or OfflineStep.Creating when _guest.Domain is not null:
                AwaitNewBoot(act with { OldBootEnded = true }, "it runs in a new domain already");
                break;
            case OfflineStep.Checking when WhyNotActed() is null && HasHostEvidence(act.BeganAt):
                Work(act, policy.LongestCheck, new RecoveryAction.CheckOffline(act.RequestId, _guest.Disks));
                break;
            case OfflineStep.Creating when WhyNotActed() is null:
                Work(act, policy.StepDeadline, new RecoveryAction.Create(act.RequestId));
                break;
            default:
                // It waits where it is, with the limit that was set when it began to.
                break;
        }
    }

    private void TakeDestroyingStep(Recovering act)
    {
        // A first attempt that was told as failed may have done it: the toolstack knows its own hand, and is asked.
        bool mayBeDone = act.Recreation!.Attempts > 0 && _guest.Domain is null;
        bool vanished = _guest.Domain is null && !policy.Holds(Safeguards.OwnHandOnly);
        string? objection = mayBeDone || vanished ? null : WhyNeverDestroyed(act);
        if ((objection ?? WhyNotActed()) is not { } reason)
        {
            Work(act, policy.StepDeadline, new RecoveryAction.Destroy(act.RequestId, act.Domain!.Value));
        }
        else if (!mayBeDone)
        {
            EndIncident($"nothing was destroyed after all: {reason}");
            Judge();
        }
    }

    private void Work(Recovering act, TimeSpan limit, RecoveryAction action)
    {
        _guest = _guest with
        {
            State = act with
            {
                Deadline = now.Elapsed + limit,
                Recreation = act.Recreation! with
                {
                    Work = RecreationWork.Working, Attempts = act.Recreation!.Attempts + 1,
                },
            },
        };
        _actions.Add(action);
    }

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

    /// <summary>Waits and tries a step again that failed, a few times; a guest that is down is told of at once.</summary>
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
                ?? (HasHostEvidence(act.BeganAt) ? "it waited for too long" : NoHostEvidence),
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

    private Recovering? Recreating(Protocol.Health.RequestId intent, OfflineStep step, RecreationWork work)
        => _guest.State is Recovering { Phase: RecoveryPhase.Recreating, Recreation: { } recreation } act
            && act.RequestId == intent && recreation.Step == step && recreation.Work == work
                ? act
                : null;
}
