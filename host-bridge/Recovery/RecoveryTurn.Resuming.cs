using Protocol.Health;
using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Recovery;

/// <summary>
/// The part that takes up again what the bridge was in the middle of when it stopped, under the same intent. A request
/// is sent again under its own id, which the guest carries out once; a step of the toolstack is asked for again under
/// its intent, which the toolstack takes once.
/// </summary>
internal sealed partial class RecoveryTurn
{
    private void Resume(Resuming resuming)
    {
        OpenIntent open = resuming.Open;
        if (HasLivingTwin)
        {
            // Which of the two the intent was about cannot be told yet.
            return;
        }

        bool isOtherDomain = _guest.Domain is { } domain && open.Domain is { } before && domain != before;
        bool isOtherBoot = _guest.Report is { } report && report.BootId != open.BootId;
        if (_guest.Report is not null && !isOtherBoot && AtStakeIn(open) is { } atStake)
        {
            KeepInSight(atStake);
        }

        bool runsNowhere = _guest.Domain is null && now.Elapsed - resuming.Since >= policy.ListingTime;
        if (open.Steps.Count > 0)
        {
            ResumeRecreating(resuming, isOtherDomain, isOtherBoot, runsNowhere);
        }
        else if (open.Rung is Rung.Reboot or Rung.Recreate)
        {
            ResumeReboot(resuming, isOtherDomain, isOtherBoot, runsNowhere);
        }
        else if (isOtherBoot || runsNowhere)
        {
            EndIncident("the bridge stopped in the middle of it, and the boot that it was about is over");
            Judge();
        }
        else
        {
            ResumeRequest(resuming);
        }
    }

    private bool HasLivingTwin => _guest.Twin is not null && _guest.TwinGoneAt is null;

    /// <summary>One of two domains of its uuid is gone: only now can be found out what became of it.</summary>
    private void ResumeAfterTwin()
    {
        if (_guest.State is Resuming resuming)
        {
            _guest = _guest with
            {
                State = resuming with { Since = now.Elapsed, Deadline = now.Elapsed + policy.ResumeDeadline },
            };
        }
    }

    private void ResumeReboot(Resuming resuming, bool isOtherDomain, bool isOtherBoot, bool runsNowhere)
    {
        Recovering act = ActOf(resuming, RecoveryPhase.AwaitingAnswer);
        if (isOtherBoot)
        {
            BeginProofByBoot(act);
        }
        else if (isOtherDomain || runsNowhere)
        {
            AwaitNewBoot(act with { OldBootEnded = true }, "the bridge was stopped meanwhile; the old boot is gone");
        }
        else
        {
            ResumeRequest(resuming);
        }
    }

    /// <summary>The same boot is still there: what was asked of it is asked again, by the same id.</summary>
    private void ResumeRequest(Resuming resuming)
    {
        if (_guest.Report is null || _guest.Storage.Gate is StorageGate.Closed)
        {
            return;
        }

        if (!CountsAsHeard)
        {
            if (AtStakeIn(resuming.Open) is { } mountPoint)
            {
                AskForSignOfLife(mountPoint);
            }

            return;
        }

        Recovering act = ActOf(resuming, RecoveryPhase.RecordingIntent);
        _guest = _guest with { State = act };
        if (IsStillWarranted(act))
        {
            Tell(TellKind.Action, $"goes on after the bridge was stopped (intent {act.RequestId})", FactsOf(act));
            ArmOrSend(act);
        }
    }

    private void ResumeRecreating(Resuming resuming, bool isOtherDomain, bool isOtherBoot, bool runsNowhere)
    {
        OpenIntent open = resuming.Open;
        OfflineStep last = open.Steps[^1];
        Recovering act = ActOf(resuming, RecoveryPhase.Recreating) with
        {
            Rung = Rung.Recreate,
            Recreation = new Recreation(last, RecreationWork.Waiting),
        };
        if (isOtherBoot)
        {
            BeginProofByBoot(act);
        }
        else if (last == OfflineStep.Created || isOtherDomain || (open.IsDestroyed && _guest.Domain is not null))
        {
            AwaitNewBoot(act with { OldBootEnded = true }, "the bridge was stopped meanwhile; it was created again");
        }
        else if (runsNowhere && open.Disks.Devices.Count > 0 && open.Domain is not null)
        {
            // The domain may be gone by our own hand before that was recorded: the toolstack knows.
            int attempts = last == OfflineStep.Destroying ? 1 : 0;
            GoOnRecreating(act with { Recreation = act.Recreation with { Attempts = attempts } }, last);
        }
        else if (last == OfflineStep.Destroying && _guest.Report is not null && StorageIsOpen)
        {
            GoOnRecreating(act, last);
        }
    }

    private void GoOnRecreating(Recovering act, OfflineStep last)
    {
        Tell(TellKind.Action, $"goes on after the bridge was stopped (intent {act.RequestId})", FactsOf(act));
        if (last == OfflineStep.Checked && HasHostEvidence(act.Fault.Since))
        {
            // How e2fsck ended stands with the toolstack alone, which is asked again: it checks once under an intent.
            act = act with { Recreation = act.Recreation! with { Step = OfflineStep.Checking } };
            _guest = _guest with { State = act };
            TakeStep(act);
        }
        else if (last is OfflineStep.Destroyed or OfflineStep.Checked)
        {
            // Recorded as done; what comes next is not.
            act = act with { Recreation = act.Recreation! with { Work = RecreationWork.Recording } };
            _guest = _guest with { State = act };
            TakeStepRecorded(new RecoveryInput.StepRecorded(act.RequestId, last));
        }
        else
        {
            _guest = _guest with { State = act };
            TakeStep(act);
        }
    }

    /// <summary>A guest answered what it was asked before the bridge stopped.</summary>
    private void TakeAnswerOfBefore(Resuming resuming, RequestOutcome outcome)
    {
        if (resuming.Open.Steps.Count == 0)
        {
            Recovering act = ActOf(resuming, RecoveryPhase.AwaitingAnswer);
            _guest = _guest with { State = act };
            TakeAnswer(act, outcome);
        }
    }

    private void GiveUpResuming(Resuming resuming)
    {
        OpenIntent open = resuming.Open;
        if (open.Steps.Count == 0 && _guest.IsHeard)
        {
            EndIncident("the bridge stopped in the middle of it, and it was not done since; it is judged anew");
            Judge();
            return;
        }

        string down = open.IsDestroyed ? "the guest is DOWN: " : string.Empty;
        CallOperator(
            $"{open.MountPoint}: {down}the bridge stopped in the middle of {open.Rung.ToString().ToLowerInvariant()} "
                + $"(intent {open.Intent}), and what became of it cannot be told; check the guest, then acknowledge",
            OperatorRelease.WhenAcknowledged);
    }

    private Recovering ActOf(Resuming resuming, RecoveryPhase phase)
    {
        OpenIntent open = resuming.Open;
        return new Recovering(
            open.Rung,
            resuming.Attempt,
            open.Intent,
            now.Elapsed + (phase == RecoveryPhase.Recreating ? policy.DownDeadline : policy.AnswerDeadline),
            phase,
            FaultOf(open, resuming.BeganAt))
        {
            Domain = open.Domain,
        };
    }

    private static MountPoint? AtStakeIn(OpenIntent open)
        => MountPoint.TryParse(open.MountPoint ?? string.Empty, out MountPoint at) ? at : null;

    /// <summary>The fault it was about: as it is reported now, or as far as the intent tells.</summary>
    private Fault FaultOf(OpenIntent open, TimeSpan since)
    {
        MountPoint at = AtStakeIn(open) ?? MountPoint.Root;
        FilesystemHealth filesystem = _guest.Report?.Filesystems.FirstOrDefault(one => one.MountPoint == at)
            ?? KnownByNameAlone(at);
        return new Fault(filesystem, open.BootId, _guest.Report?.Sequence ?? 0, since);
    }
}
