using Protocol.Health;
using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Recovery;

/// <summary>The part that decides what to do about a guest with which nothing is under way.</summary>
internal sealed partial class RecoveryTurn
{
    private void Judge()
    {
        if (_guest.State.IsInFlight
            || _guest.State is NeedsOperator { Release: OperatorRelease.WhenAcknowledged }
            || _guest.Domain is null)
        {
            return;
        }

        if (_guest.Report is not { } report)
        {
            JudgeWithoutAgent();
            return;
        }

        if (_guest.State is NeedsOperator { Release: OperatorRelease.WhenHealthy } standing)
        {
            JudgeStanding(standing, report);
        }
        else if (Triage.IsHealthy(report) && !IsSilent())
        {
            JudgeWell(report);
        }
        else
        {
            JudgeFault(report);
        }
    }

    private void JudgeWell(GuestReport report)
    {
        if (!_guest.IsHeard)
        {
            AwaitSignOfLife($"by what it last wrote everything is well{LeftAloneText(LeftAlone(report))}");
        }
        else if (_guest.Vanished is { } vanished)
        {
            JudgeOutOfSight(vanished, report);
        }
        else
        {
            BecomeHealthy(report);
        }
    }

    private void BecomeHealthy(GuestReport report)
    {
        if (_guest is not { Fault: null, Spent: null })
        {
            _guest = _guest with { Fault = null, Spent = null };
        }

        bool recovered = _guest.State is NeedsOperator or AwaitingStorage or Queued;
        string leftAlone = LeftAlone(report);
        string well = recovered
            ? $"everything is well again by itself or by a person (boot id {report.BootId})"
            : "everything is well";
        Enter(
            new Healthy(report.BootId, leftAlone),
            recovered ? TellKind.Proof : TellKind.Decision,
            well + LeftAloneText(leftAlone));
    }

    private static string LeftAlone(GuestReport report)
        => string.Join(", ", report.Filesystems
            .Where(one => one.Verdict == Verdict.ReadOnlyByDesign)
            .Select(one => one.MountPoint.Encoded));

    private static string LeftAloneText(string leftAlone)
        => leftAlone.Length == 0 ? string.Empty : $"; read-only by design and left alone: {leftAlone}";

    private void JudgeFault(GuestReport report)
    {
        TriageResult triage = Triage.Of(report, TermsOfTriage(StorageIsOpen));
        NoteFault(triage.Filesystem, report);
        if (IsSilent())
        {
            Suspect(_guest.IsHeard
                ? "it fell silent; its last report is no evidence any more, nothing is done"
                : "nothing was heard since the bridge began to listen; its last report is no evidence, look at its agent");
            return;
        }

        if (triage.Filesystem is not { } filesystem)
        {
            if (_guest is { IsHeard: true, Vanished: { } vanished })
            {
                JudgeOutOfSight(vanished, report);
                return;
            }

            FilesystemHealth? doubtful = report.Filesystems.FirstOrDefault(one
                => one.Verdict is not (Verdict.Writable or Verdict.ReadOnlyByDesign or Verdict.Full));
            string why = doubtful?.Why is { } reason
                ? $" ({reason.ToSentence(doubtful.MountPoint, doubtful.FilesystemType)})"
                : string.Empty;
            Suspect(doubtful is not null ? $"{Triage.Describe(doubtful)}{why}; this is never acted on"
                : report.UnreadableLines > 0
                    ? "it reports a filesystem in words that are not known here; is its agent newer than this bridge?"
                : report.Filesystems.Count > 0 ? "its root is not in its report; its agent does not watch it"
                : "it reports no filesystem");
            return;
        }

        string fault = Triage.Describe(filesystem);
        switch (triage.Rung)
        {
            case Rung.Wait when CountsAsHeard && ProviderOf(filesystem) == DiskProvider.Guest:
                WaitOutForeignHang(filesystem, fault);
                break;
            case Rung.Wait when CountsAsHeard && IsStorageHidden():
                CallOperator(
                    $"{fault}, and this host will not learn how its storage is: {Unmappable()} cannot be mapped to a device "
                        + "of it; once the storage is well, restart the guest with a forced check by hand",
                    OperatorRelease.WhenReasonEnds);
                break;
            case Rung.Wait when _guest.Storage.Gate is StorageGate.Closed closed:
                TimeSpan since = _guest.State is AwaitingStorage awaiting ? awaiting.Since : now.Elapsed;
                Enter(
                    new AwaitingStorage(since, closed.Reasons),
                    TellKind.Gate,
                    $"{fault}; waits for its storage: {closed.Reasons}");
                break;
            case var rung when !CountsAsHeard:
                AwaitSignOfLife(fault);
                if (rung is Rung.Remount or Rung.Repair or Rung.Reboot)
                {
                    AskForSignOfLife(filesystem.MountPoint);
                }

                break;
            case Rung.Wait:
                WaitOutHang(fault);
                break;
            case Rung.Operator:
                JudgeForOperator(filesystem, fault);
                break;
            default:
                JudgeForAct(filesystem, fault, triage.Rung);
                break;
        }
    }

    /// <summary>A gate that is closed for good is not waited for: nobody else would tell a person of this guest.</summary>
    private bool IsStorageHidden()
        => _guest.Disks.Unmappable.Count > 0 && _guest.Fault is { } fault
            && now.Elapsed - fault.Since >= policy.HiddenStoragePatience;

    private string Unmappable() => string.Join(", ", _guest.Disks.Unmappable);

    private void WaitOutHang(string fault)
    {
        if (StableFaultAge() >= policy.HungPatience)
        {
            CallOperator(
                $"{fault}; its storage has been stable for {policy.HungPatience.TotalMinutes:0} min: "
                    + "look at the guest's console and at the backend, then restart the guest",
                OperatorRelease.WhenReasonEnds);
        }
        else
        {
            Suspect($"{fault}; its storage is stable, and a hang ends by itself: nothing is done");
        }
    }

    /// <summary>Its disk is the guest's own: no gate of this host says when the hang should end.</summary>
    private void WaitOutForeignHang(FilesystemHealth filesystem, string fault)
    {
        string why = $"{fault}; {Advice(filesystem)}";
        if (_guest.Fault is { } known && now.Elapsed - known.Since >= policy.HungPatience)
        {
            CallOperator(why, OperatorRelease.WhenReasonEnds);
        }
        else
        {
            Suspect(why);
        }
    }

    private void JudgeForOperator(FilesystemHealth filesystem, string fault)
    {
        if (filesystem.Verdict == Verdict.DeviceFailing && ProviderOf(filesystem) != DiskProvider.Guest
            && StableFaultAge() < policy.DeviceFailingPatience)
        {
            Suspect($"{fault}; its storage is stable again, it is given time to be probed anew");
            return;
        }

        CallOperator($"{fault}; {Advice(filesystem)}", OperatorRelease.WhenReasonEnds);
    }

    private string Advice(FilesystemHealth filesystem) => filesystem.Verdict switch
    {
        _ when ProviderOf(filesystem) == DiskProvider.Guest => DiskProviders.Advice(filesystem, _guest.Disks)!,
        Verdict.ErrorsRecorded => "it goes on writing with recorded errors; plan a restart with a forced check",
        Verdict.FlushDisabled => "it writes without a barrier; plan a restart, which connects the disk anew",
        Verdict.DeviceFailing => "its storage is stable, so look at the disk itself",
        _ when ProviderOf(filesystem) == DiskProvider.NotKnown => DiskProviders.Advice(filesystem, _guest.Disks)!,
        _ => $"no automatic check is known for a {filesystem.FilesystemType} filesystem here; check it by hand",
    };

    private void JudgeForAct(FilesystemHealth filesystem, string fault, Rung rung)
    {
        GuestReport report = _guest.Report!;
        if (WhyNotWanted() is { } withheld)
        {
            Suspect($"{fault}; would {ForcedCheck.Verb(rung, filesystem)}, but {withheld}");
        }
        else if (now.Elapsed - _guest.BootHeardAt < policy.GraceAfterBoot && !IsOrdered)
        {
            Suspect($"{fault}; this boot was first heard less than {policy.GraceAfterBoot.TotalSeconds:0} s ago, "
                + "it is given time");
        }
        else if (policy.Holds(Safeguards.FreshEvidence)
            && _guest.Spent is { } spent && report.Sequence <= spent.Sequence)
        {
            AwaitNewerReport(fault, spent);
        }
        else if (rung is Rung.Repair or Rung.Remount
            && filesystem.Role == FilesystemRole.Data && !Triage.IsRootWritable(report))
        {
            Suspect($"{fault}; nothing can be run in the guest while its root is not writable");
        }
        else if (rung == Rung.Reboot && !IsOrdered && !HasHostEvidence(_guest.Fault?.Since ?? now.Elapsed))
        {
            CallOperator(
                $"{fault}, but this host saw no fault on its disks; restart it with a forced check by hand, "
                    + "or set act-without-host-evidence",
                OperatorRelease.WhenReasonEnds);
        }
        else if (rung == Rung.Reboot && WhyUnforced(filesystem) is { } unforced)
        {
            CallOperator($"{fault}; {unforced}", OperatorRelease.WhenReasonEnds);
        }
        else if (RecentRecoveries() >= policy.MaxPerGuest && _guest.Order is not { IsBegun: false }
            && policy.Holds(Safeguards.Budget))
        {
            CallOperator(
                $"{fault}; {BudgetText()}: find out why before it is recovered once more", OperatorRelease.WhenHealthy);
        }
        else if (_guest.State is NeedsOperator && !SpacingHasPassed())
        {
            // What called for the operator happened just now; it is not forgotten before it may be tried again.
        }
        else
        {
            TimeSpan since = _guest.State is Queued queued ? queued.Since : now.Elapsed;
            Enter(new Queued(since, rung, filesystem.MountPoint), TellKind.Decision, $"{fault}; next: {ForcedCheck.Verb(rung, filesystem)}");
        }
    }

    /// <summary>Why it is not restarted as no check can be forced, with what to do; null when it may be.</summary>
    private string? WhyUnforced(FilesystemHealth filesystem)
        => !_terms.AcceptUnforcedReboot && ForcedCheck.WhyNot(filesystem) is { } why
            ? $"a check cannot be forced: {why}; restart it with a check by hand, or set accept-unforced-reboot"
            : null;

    private void AwaitNewerReport(string fault, SpentEvidence spent)
    {
        if (now.Elapsed - spent.At >= policy.NewerReportPatience)
        {
            CallOperator(
                $"{fault}; it contradicted that report when it was asked to recover: look at its agent",
                OperatorRelease.WhenReasonEnds);
        }
        else
        {
            Suspect($"{fault}; it contradicted that report when it was asked to recover, waits for a newer one");
        }
    }

    private void Suspect(string reason)
        => Enter(new Suspect(reason), TellKind.Decision, reason);

    private void NoteFault(FilesystemHealth? filesystem, GuestReport report)
    {
        Fault? before = _guest.Fault;
        bool same = before is not null && filesystem is not null && before.BootId == report.BootId
            && before.Filesystem.MountPoint == filesystem.MountPoint && before.Filesystem.Verdict == filesystem.Verdict;
        _guest = _guest with
        {
            Fault = filesystem is null
                ? null
                : new Fault(filesystem, report.BootId, report.Sequence, same ? before!.Since : now.Elapsed),
        };
    }

    /// <summary>For how long the fault and the open gate have met.</summary>
    private TimeSpan StableFaultAge()
        => _guest.Fault is { } fault && _guest.Storage.Gate is StorageGate.Open open
            ? now.Elapsed - (fault.Since > open.Since ? fault.Since : open.Since)
            : TimeSpan.Zero;

    /// <summary>Whether this host itself saw a fault on its disks, not too long before the guest told of one.</summary>
    private bool HasHostEvidence(TimeSpan toldAt)
        => (_terms.ActWithoutHostEvidence ?? policy.ActWithoutHostEvidence)
            || !policy.Holds(Safeguards.HostEvidence)
            || (_guest.Storage.LastFault is { } fault && toldAt - fault.At <= policy.HostEvidenceWindow);

    private int RecentRecoveries() => _guest.Recoveries.Count(began => now.Elapsed - began < policy.BudgetWindow);

    private bool SpacingHasPassed()
        => _guest.Recoveries.Count == 0 || now.Elapsed - _guest.Recoveries[^1] >= policy.Spacing;

    /// <summary>What a rung does, in words that follow "would".</summary>
    internal static string Verb(Rung rung) => rung switch
    {
        Rung.Remount => "ask it to remount read-write",
        Rung.Repair => "ask it to unmount, check and mount it",
        Rung.Reboot => "restart it with a check",
        Rung.Recreate => "destroy it and create it again",
        _ => throw new ArgumentOutOfRangeException(nameof(rung), rung, "is not an act"),
    };
}
