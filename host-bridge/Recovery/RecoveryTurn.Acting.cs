using System.Globalization;
using Protocol.Health;
using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Recovery;

/// <summary>The part that climbs a rung of the running guest: intent, arming, request.</summary>
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
            queued.Rung, attempt, id, now.Elapsed + policy.IntentDeadline, RecoveryPhase.RecordingIntent, fault)
        {
            Domain = _guest.Domain,
        };
        _guest = _guest with
        {
            State = act,
            Recoveries = [.. _guest.Recoveries.TakeLast(policy.MaxPerGuest), now.Elapsed],
        };
        string count = _guest.Order is { IsBegun: false }
            ? $"recovery {attempt}, ordered by a person"
            : $"recovery {attempt} of at most {policy.MaxPerGuest}";
        _guest = _guest with { Order = _guest.Order is { } order ? order with { IsBegun = true } : null };
        string text = $"{Triage.Describe(fault.Filesystem)}; about to {ForcedCheck.Verb(queued.Rung, fault.Filesystem)} ({count})";
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

        ArmOrSend(act);
    }

    private void ArmOrSend(Recovering act)
    {
        if (act.Rung == Rung.Reboot && IsChecked(act.Fault))
        {
            _guest = _guest with
            {
                State = act with { Phase = RecoveryPhase.ArmingFsck, Deadline = now.Elapsed + policy.ArmDeadline },
            };
            _actions.Add(new RecoveryAction.ArmForcedFsck(act.RequestId));
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

        bool isArmed = armed.Result == ArmingResult.Armed;
        bool asksEarlyBoot = !isArmed && _guest is { Domain: not null, Report.HasFsckHook: true };
        if (!isArmed && !asksEarlyBoot && !_terms.AcceptUnforcedReboot)
        {
            CallOperator(
                $"a check at its next boot could not be forced: {armed.Reason}; "
                    + "restart it with a forced check by hand, or set accept-unforced-reboot",
                OperatorRelease.WhenHealthy);
        }
        else if (IsStillWarranted(act))
        {
            act = act with { AsksEarlyBoot = asksEarlyBoot };
            string except = ForcedCheck.Except(_guest.Report!, act.Fault.Filesystem);
            string text = ForcedCheck.WhyNot(act.Fault.Filesystem) is { } whyNot
                ? $"a check cannot be forced: {whyNot}; its policy accepts that"
                : isArmed
                ? $"the next boot will check its filesystems{except}"
                : asksEarlyBoot
                ? $"its own early boot is asked to check its filesystems{except}, as this host cannot set that ({armed.Reason})"
                : $"no check is forced at its next boot ({armed.Reason}); its policy accepts that";
            Tell(TellKind.Action, text, FactsOf(act));
            if (asksEarlyBoot)
            {
                _actions.Add(new RecoveryAction.AskEarlyBoot(_guest.Domain!.Value, IsWanted: true));
            }

            SendRequest(act);
        }
    }

    /// <summary>
    /// Whether the evidence still stands at the moment of the act. When it does not, the incident ends here and
    /// the guest is judged anew.
    /// </summary>
    private bool IsStillWarranted(Recovering act)
    {
        string? objection = WhyNotAsked(act);
        if (objection is null)
        {
            return true;
        }

        EndIncident($"nothing was done after all: {objection}");
        Judge();
        return false;
    }

    /// <summary>Why a guest must not be asked after all, for a person; null when it may.</summary>
    private string? WhyNotAsked(Recovering act)
        => _guest.Domain is null || _guest.Report is not { } report || report.BootId != act.Fault.BootId
            ? "the boot that told of the fault is over"
            : WhyNotActed()
                ?? (IsSilent() ? "it fell silent" : null)
                ?? WhyNoLongerCalledFor(act, report)
                ?? (act.Restarts && !IsOrdered && !HasHostEvidence(act.Fault.Since) ? NoHostEvidence : null);

    /// <summary>What forbids any act on this guest at this moment: its storage, or people.</summary>
    private string? WhyNotActed()
        => !StorageIsOpen && _guest.Storage.Gate is StorageGate.Closed closed
            ? $"its storage is not stable: {closed.Reasons}"
            : WhyNotWanted();

    /// <summary>Why nothing may be done to it however its storage is: a twin, or people; null when it may.</summary>
    private string? WhyNotWanted()
        => policy.Holds(Safeguards.OwnWordsOnly) && WhyTwin() is { } twin
            ? twin
            : consent.WhyNot(_guest.Identity, now.Wall, IsOrdered);

    /// <summary>
    /// A twin that is gone may be the guest, in the middle of a restart, and what is left its copy; null when no twin is in
    /// the way.
    /// </summary>
    private string? WhyTwin() => _guest switch
    {
        { Twin: { } twin, TwinGoneAt: null } => $"domain {twin} has the same uuid",
        { Twin: { } twin, TwinGoneAt: { } gone } when now.Elapsed - gone < policy.TwinReturnTime
            => $"domain {twin} had the same uuid {(now.Elapsed - gone).TotalSeconds:0} s ago, and may be restarting",
        _ => null,
    };

    private string? WhyNoLongerCalledFor(Recovering act, GuestReport report)
    {
        TriageResult triage = Triage.Of(report, TermsOfTriage(storageOpen: true));
        Rung rung = act.Rung == Rung.Recreate ? Rung.Reboot : act.Rung;
        return (triage.Rung == rung && triage.Filesystem?.MountPoint == act.Fault.Filesystem.MountPoint)
            || (act.Restarts && !policy.Holds(Safeguards.DeadRootOnly))
                ? null
                : "its newest report calls for something else";
    }

    private void SendRequest(Recovering act)
    {
        var sent = act with
        {
            Phase = RecoveryPhase.AwaitingAnswer,
            Deadline = now.Elapsed + policy.AnswerDeadline,
            Fault = act.Fault with { Sequence = _guest.Report!.Sequence },
            Domain = _guest.Domain,
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

    private void RemoveRequest()
    {
        if (_guest is { State: Recovering { AsksEarlyBoot: true, OldBootEnded: false }, Domain: { } asked })
        {
            _actions.Add(new RecoveryAction.AskEarlyBoot(asked, IsWanted: false));
        }

        RequestId id = _guest.State switch
        {
            Recovering { Phase: >= RecoveryPhase.AwaitingAnswer } act => act.RequestId,
            Verifying proof => proof.ProbeId,
            Resuming resuming => resuming.Open.Intent,
            _ => default,
        };
        if (!id.IsNone && _guest.Domain is { } domain)
        {
            _actions.Add(new RecoveryAction.RemoveRequest(domain, id));
        }
    }

    /// <summary>Whether a check is due: the other families have none. What is not known is to be checked.</summary>
    private static bool IsChecked(Fault fault)
        => fault.Filesystem.FilesystemType.Length == 0
            || RecoveryTable.ToFamily(fault.Filesystem.FilesystemType) == FilesystemFamily.Ext;

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
