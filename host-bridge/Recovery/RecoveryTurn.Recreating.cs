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
        string? passing = WhyNotActed();
        if ((WhyNotAllowedToDestroy() ?? (passing is null ? WhyNotDestroyed(act) : null)) is { } objection)
        {
            CallOperator(
                $"{act.Fault.Filesystem.MountPoint}: {what}; it is not destroyed: {objection}; "
                    + $"recover it by hand{detail}",
                OperatorRelease.WhenHealthy);
        }
        else if (passing is not null)
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
        // Destroying is a matter of the policy alone, whoever ordered the restart that did not happen.
        _guest = _guest with { Order = null };
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

    /// <summary>What in its policy forbids to destroy the guest's domain; null when nothing does.</summary>
    private string? WhyNotAllowedToDestroy()
        => IsOrdered && consent.WhyNot(_guest.Identity, now.Wall) is { } withheld
            ? $"a person ordered the restart alone, and {withheld}"
            : !_terms.AllowDestroy ? "its policy does not allow that (allow-destroy)"
            : _terms.ExclusiveStorage != ExclusiveStorage.Yes && policy.Holds(Safeguards.DiskUnused)
                ? "nobody says that no other host uses its disks (exclusive-storage)"
                : null;

    /// <summary>What speaks for good against destroying this very domain; null when nothing does.</summary>
    private string? WhyNotDestroyed(Recovering act)
    {
        if (act.Domain is null || _guest.Report is not { } report || report.BootId != act.Fault.BootId
            || _guest.Domain != act.Domain || act.OldBootEnded)
        {
            return "a new boot may have begun";
        }

        if (RecentRecoveries() > policy.MaxPerGuest && policy.Holds(Safeguards.Budget))
        {
            return $"it was recovered {policy.MaxPerGuest} times within {policy.BudgetWindow.TotalHours:0.#} h";
        }

        return WhyNoLongerCalledFor(act, report) ?? (HasHostEvidence(act.Fault.Since) ? null : NoHostEvidence);
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
                TellWait();
                break;
        }
    }

    /// <summary>A guest that is down and has to wait is told of at once.</summary>
    private void TellWait()
    {
        if (_guest.State is Recovering { Recreation: { Work: RecreationWork.Waiting, IsDown: true } } waiting)
        {
            string reason = WhyNotActed() ?? (IsOldDomainListed(waiting) ? "its old domain is still listed" : NoHostEvidence);
            Tell(TellKind.Action, $"{Down(waiting)}it waits: {reason}", FactsOf(waiting));
        }
    }

    private bool IsOldDomainListed(Recovering act) => _guest.Domain is { } domain && domain == act.Domain;

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
            case OfflineStep.Checking or OfflineStep.Creating when IsOldDomainListed(act):
                // Destroyed, and the listener has not come round to it yet: it is no new one.
                break;
            case OfflineStep.Checking or OfflineStep.Creating when _guest.Domain is not null:
                // Durable too: should that domain leave, a bridge that starts anew must not create a second one.
                Record(act with { OldBootEnded = true }, OfflineStep.Created, "it runs in a new domain already");
                break;
            case OfflineStep.Checking when WhyNotActed() is null && HasHostEvidence(act.Fault.Since):
                Work(act, policy.OfflineCheckDeadline, new RecoveryAction.CheckOffline(act.RequestId, _guest.Disks));
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
        string? objection = mayBeDone || vanished ? null : WhyNotAllowedToDestroy() ?? WhyNotDestroyed(act);
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

    private Recovering? Recreating(Protocol.Health.RequestId intent, OfflineStep step, RecreationWork work)
        => _guest.State is Recovering { Phase: RecoveryPhase.Recreating, Recreation: { } recreation } act
            && act.RequestId == intent && recreation.Step == step && recreation.Work == work
                ? act
                : null;
}
