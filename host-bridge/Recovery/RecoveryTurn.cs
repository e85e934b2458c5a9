using Protocol.Health;
using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Recovery;

/// <summary>
/// One step of <see cref="RecoveryMachine"/> while it is made: the guest as it becomes, and the actions so far.
/// This part takes inputs in; the others judge, act, destroy and create, take up again, and prove.
/// </summary>
internal sealed partial class RecoveryTurn(
    RecoveryPolicy policy, Consent consent, GuestRecord guest, Moment now)
{
    private readonly GuestPolicy _terms = policy.Of(guest.Identity);
    private readonly List<RecoveryAction> _actions = [];

    private readonly GuestRecord _before = guest;
    private GuestRecord _guest = guest;

    /// <summary>What the step leads to.</summary>
    public RecoveryStep Result => new(_guest, _actions);

    /// <summary>Takes one input in.</summary>
    public void Take(RecoveryInput input)
    {
        LapseOrder();
        Follow(input);
        SettleOrder();
        RememberFaulty();
    }

    private void Follow(RecoveryInput input)
    {
        switch (input)
        {
            case RecoveryInput.DomainAppeared appeared:
                EnterDomain(appeared.Domain);
                break;
            case RecoveryInput.DomainGone:
                LoseDomain();
                break;
            case RecoveryInput.TwinSeen seen:
                TakeTwin(seen.Domain);
                break;
            case RecoveryInput.TwinGone gone when _guest.Twin == gone.Domain:
                _guest = _guest with { TwinGoneAt = now.Elapsed };
                Tell(TellKind.Decision, $"domain {gone.Domain}, which had the same uuid, is gone", IncidentFacts.None);
                ResumeAfterTwin();
                GoOn();
                break;
            case RecoveryInput.ReportReceived received:
                TakeReport(received.Report, received.IsNew);
                break;
            case RecoveryInput.OutcomeReceived received:
                TakeOutcome(received.Outcome);
                break;
            case RecoveryInput.ConsoleSaid said:
                TakeConsoleSign(said.Sign);
                break;
            case RecoveryInput.StorageJudged judged:
                _guest = _guest with { Storage = judged.Storage };
                GoOn();
                break;
            case RecoveryInput.SlotGranted:
                Begin();
                break;
            case RecoveryInput.IntentRecorded recorded:
                ActOnIntent(recorded.Intent);
                break;
            case RecoveryInput.IntentFailed failed:
                GiveUpIntent(failed.Intent, failed.Reason);
                break;
            case RecoveryInput.StepRecorded recorded:
                TakeStepRecorded(recorded);
                break;
            case RecoveryInput.StepNotRecorded failed:
                GiveUpStep(failed);
                break;
            case RecoveryInput.CreatableConfirmed confirmed:
                TakeConfirmation(confirmed);
                break;
            case RecoveryInput.StepTaken taken:
                TakeStepTaken(taken);
                break;
            case RecoveryInput.OfflineChecked check:
                TakeOfflineCheck(check);
                break;
            case RecoveryInput.BackendSeen seen:
                TakeBackend(seen.Requests);
                break;
            case RecoveryInput.FsckArmed armed:
                ActOnArming(armed);
                break;
            case RecoveryInput.FsckResultRead read:
                TakeFsckResult(read);
                break;
            case RecoveryInput.RequestNotSent failed:
                Tell(TellKind.Action, $"request {failed.Request} could not be written: {failed.Reason}", Facts());
                break;
            case RecoveryInput.HoldReleased or RecoveryInput.Acknowledged
                when _guest.State is NeedsOperator { Release: not OperatorRelease.WhenReasonEnds }:
                _guest = _guest with { LastSeenFaulty = [], OutOfSightUntil = null };
                Enter(new Unknown(), TellKind.Decision, "a person acknowledged; it is judged by its reports again");
                Judge();
                break;
            case RecoveryInput.HoldReleased or RecoveryInput.Acknowledged:
                // It came too late to count, and what was remembered went with it all the same.
                _remembersAnew = true;
                break;
            case RecoveryInput.Ordered:
                TakeOrder();
                break;
            case RecoveryInput.Tick:
                EndOverdue();
                GoOn();
                break;
            default:
                break;
        }
    }

    /// <summary>What time or the storage may have changed: what waits goes on, or it is judged anew.</summary>
    private void GoOn()
    {
        switch (_guest.State)
        {
            case Resuming resuming:
                Resume(resuming);
                break;
            case Recovering { Phase: RecoveryPhase.Recreating, Recreation.Work: RecreationWork.Waiting } act
                when now.Elapsed >= act.Recreation.NotBefore:
                TakeStep(act);
                break;
            case Recovering { Phase: RecoveryPhase.AwaitingNewBoot, OldBootEnded: false } act
                when now.Elapsed >= act.OldBootLimit:
                ReplaceOldBoot(act, "it accepted the restart, and its old boot is still there");
                break;
            default:
                Judge();
                break;
        }
    }

    private TriageTerms TermsOfTriage(bool storageOpen)
        => new(
            storageOpen,
            _guest.RemountTriedOn,
            _guest.RepairTriedOn,
            _terms.RebootForData || !policy.Holds(Safeguards.DeadRootOnly),
            ProviderOf);

    private DiskProvider ProviderOf(FilesystemHealth filesystem)
        => policy.Holds(Safeguards.ServedDisksOnly) ? DiskProviders.Of(filesystem, _guest.Disks) : DiskProvider.Host;

    private bool StorageIsOpen
        => _guest.Storage.Gate is StorageGate.Open || !policy.Holds(Safeguards.StableStorage);

    private void TakeReport(GuestReport report, bool isNew)
    {
        GuestReport? before = _guest.Report;
        bool sameBoot = report.BootId == _guest.CurrentBoot;
        if (policy.Holds(Safeguards.FreshEvidence)
            && (_guest.PastBoots.Contains(report.BootId)
                || (sameBoot && before is not null && report.Sequence < before.Sequence)))
        {
            // An older boot, or an older report of this one: no evidence, and not even a sign of life.
            return;
        }

        BootId previousBoot = _guest.CurrentBoot;
        NoteFaulty(report, sameBoot);
        _guest = _guest with { Report = report };
        GiveTimeOutOfSight(sameBoot);
        if (!sameBoot)
        {
            _guest = _guest with
            {
                CurrentBoot = report.BootId,
                PastBoots = previousBoot.IsNone
                    ? _guest.PastBoots
                    : [.. _guest.PastBoots.Append(previousBoot).TakeLast(GuestRecord.MaxPastBoots)],
                Fault = null,
                Spent = null,
                RemountTriedOn = null,
                RepairTriedOn = null,
            };
        }

        if (!sameBoot || before is null || before.State != report.State)
        {
            FilesystemHealth? worst = report.Filesystems.Count > 0 ? report.Filesystems[0] : null;
            string said = isNew ? "it reports" : "it last reported";
            string text = worst is null ? $"{said} no filesystem" : $"{said}: {Triage.Describe(worst)}";
            Tell(TellKind.Report, text, new IncidentFacts { Filesystem = worst, BootId = report.BootId });
        }

        if (isNew)
        {
            HearAlive();
        }

        if (!sameBoot || IsAwaited(report.BootId))
        {
            TakeNewBoot();
        }

        ProveByReport();
        GoOn();
        BringWord();
    }

    private bool IsRestarting => _guest.State is Recovering { Restarts: true, Phase: >= RecoveryPhase.AwaitingAnswer }
        or Verifying { Act.Restarts: true }
        or Resuming { Open.Rung: Rung.Reboot or Rung.Recreate };

    /// <summary>
    /// A boot that was heard before the bridge was started anew may be the very one that is waited for.
    /// </summary>
    private bool IsAwaited(BootId boot)
        => _guest.State is Recovering { Phase: RecoveryPhase.AwaitingNewBoot } act && boot != act.Fault.BootId;

    /// <summary>Ends what is in flight without proof and without blame.</summary>
    private void EndIncident(string text)
    {
        Tell(TellKind.Outcome, text, Facts(), endsIntent: true);
        RemoveRequest();
        _guest = _guest with { State = new Unknown() };
    }

    private void CallOperator(string reason, OperatorRelease release)
        => CallOperator(new NeedsOperator(reason, release, AtStake(Facts())));

    private void CallOperator(NeedsOperator state)
    {
        (string reason, OperatorRelease release) = (state.Reason, state.Release);
        IncidentFacts facts = Facts();
        if (_guest.State == state)
        {
            return;
        }

        bool inFlight = _guest.State.IsInFlight;
        bool isAsked = inFlight
            && _guest.State is not Recovering { Phase: RecoveryPhase.RecordingIntent or RecoveryPhase.ArmingFsck };
        RemoveRequest();
        _actions.Add(new RecoveryAction.Tell(TellKind.Operator, reason, facts)
        {
            EndsIntent = inFlight,
            Standing = release != OperatorRelease.WhenReasonEnds,
        });
        _guest = _guest with { State = state };
        if (isAsked)
        {
            LeaveWord(RecoveryEnd.Operator, reason, facts);
        }
    }

    private MountPoint? AtStake(IncidentFacts facts)
        => _guest.State is Resuming { Open: var open } && AtStakeIn(open) is { } at ? at : facts.Filesystem?.MountPoint;

    private void Enter(RecoveryState state, TellKind kind, string text)
    {
        if (_guest.State != state)
        {
            _guest = _guest with { State = state };
            Tell(kind, text, Facts());
        }
    }

    private void Tell(TellKind kind, string text, IncidentFacts facts, bool endsIntent = false)
        => _actions.Add(new RecoveryAction.Tell(kind, text, facts) { EndsIntent = endsIntent });

    /// <summary>The facts of what is in flight, or of the fault at hand.</summary>
    private IncidentFacts Facts() => _guest.State switch
    {
        Recovering act => FactsOf(act),
        Resuming { Open: var open } => new IncidentFacts
        {
            RequestId = open.Intent, BootId = open.BootId, Rung = open.Rung,
        },
        Verifying proof => FactsOf(proof.Act) with { BootId = proof.BootId, FsckExitCode = proof.FsckExitCode },
        Queued queued => FactsOf(_guest.Fault) with { Rung = queued.Rung },
        _ => FactsOf(_guest.Fault),
    };

    private static IncidentFacts FactsOf(Recovering act)
        => FactsOf(act.Fault) with { Rung = act.Rung, RequestId = act.RequestId };

    private static IncidentFacts FactsOf(Fault? fault)
        => fault is null
            ? IncidentFacts.None
            : new IncidentFacts { Filesystem = fault.Filesystem, BootId = fault.BootId };
}
