using System.Globalization;
using Protocol.Health;
using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Recovery;

/// <summary>The part that proves a rung: new boot, result of the check, a probe that writes, a report.</summary>
internal sealed partial class RecoveryTurn
{
    /// <summary>An exit code of e2fsck from which errors are left: 4 and above (e2fsck(8)).</summary>
    private const int FirstBadFsckExitCode = 4;

    private void BeginProofByBoot(Recovering act)
    {
        Tell(TellKind.Outcome, $"new boot id {_guest.CurrentBoot}", FactsOf(act) with { BootId = _guest.CurrentBoot });
        if (act.AsksEarlyBoot && _guest.Domain is { } domain)
        {
            _actions.Add(new RecoveryAction.AskEarlyBoot(domain, IsWanted: false));
        }

        TimeSpan deadline = act.ProofDeadline ?? now.Elapsed + policy.ProofDeadline;
        var proof = new Verifying(
            act with { ProofDeadline = deadline, OldBootEnded = true },
            _guest.CurrentBoot,
            ProbeId: default,
            FsckExitCode: null,
            deadline,
            ProofPhase.ReadingFsckResult);
        _guest = _guest with { State = proof };
        if (IsChecked(act.Fault))
        {
            // Also after a check from Dom0: that it is read is how the toolstack takes back what it gave to this boot.
            AskForFsckResult(proof);
        }
        else
        {
            AskForProbe(act.Recreation?.CheckExitCode);
        }
    }

    /// <summary>Asks for the result of this boot's check, once the answer for a boot before it is there.</summary>
    private void AskForFsckResult(Verifying proof)
    {
        if (proof.Act.FsckAskedFor.IsNone)
        {
            _guest = _guest with { State = proof with { Act = proof.Act with { FsckAskedFor = proof.BootId } } };
            _actions.Add(new RecoveryAction.ReadFsckResult(proof.Act.RequestId, proof.BootId));
        }
    }

    private void TakeFsckResult(RecoveryInput.FsckResultRead read)
    {
        switch (_guest.State)
        {
            case Recovering act when act.RequestId == read.Intent && act.FsckAskedFor == read.BootId:
                _guest = _guest with { State = act with { FsckAskedFor = default } };
                break;
            case Verifying { Phase: ProofPhase.ReadingFsckResult } proof
                when proof.Act.RequestId == read.Intent && proof.Act.FsckAskedFor == read.BootId:
                Verifying answered = proof with { Act = proof.Act with { FsckAskedFor = default } };
                _guest = _guest with { State = answered };
                if (read.BootId != proof.BootId)
                {
                    AskForFsckResult(answered);
                }
                else if (read.ExitCode >= FirstBadFsckExitCode)
                {
                    CallOperatorForFsck(proof.Act, read.ExitCode.Value);
                }
                else
                {
                    AskForProbe(read.ExitCode ?? answered.Act.Recreation?.CheckExitCode);
                }

                break;
            default:
                break;
        }
    }

    private void AskForProbe(int? exitCode)
    {
        if (_guest.State is not Verifying proof || _guest.Domain is null || _guest.Report is null)
        {
            return;
        }

        RequestId id = NewRequestId("probe");
        var asking = proof with { Phase = ProofPhase.AwaitingProbe, FsckExitCode = exitCode, ProbeId = id };
        _guest = _guest with { State = asking };
        Send(id, RequestAction.Probe, proof.Act.Fault.Filesystem.MountPoint, Facts());
    }

    private void TakeProbe(Verifying proof, RequestOutcome outcome)
    {
        HearAlive();
        if (outcome.Status == RequestStatus.Accepted)
        {
            return;
        }

        if (outcome.Status != RequestStatus.Done || outcome.Probe != "ok")
        {
            CallOperator(
                $"{proof.Act.Fault.Filesystem.MountPoint} does not write after the restart "
                    + $"({RequestWords.Reasons.ToName(outcome.Reason)}, probe {outcome.Probe}); recover it by hand",
                OperatorRelease.WhenHealthy);
            return;
        }

        RemoveRequest();
        _guest = _guest with { State = proof with { Phase = ProofPhase.AwaitingReport } };
        ProveByReport();
    }

    /// <summary>A remount or repair is done: the outcome itself carries the probe, and the check's exit code.</summary>
    private void BeginProofByOutcome(Recovering act, RequestOutcome outcome)
    {
        if (outcome.FsckExitCode >= FirstBadFsckExitCode)
        {
            CallOperatorForFsck(act, outcome.FsckExitCode.Value);
            return;
        }

        if (outcome.Probe != "ok")
        {
            TakeFailure(act, outcome);
            return;
        }

        RemoveRequest();
        _guest = _guest with
        {
            State = new Verifying(
                act,
                act.Fault.BootId,
                ProbeId: default,
                outcome.FsckExitCode,
                now.Elapsed + policy.ProofDeadline,
                ProofPhase.AwaitingReport),
        };
        ProveByReport();
    }

    private void ProveByReport()
    {
        if (_guest.State is not Verifying { Phase: ProofPhase.AwaitingReport } proof
            || _guest.Report is not { } report
            || report.BootId != proof.BootId
            || !report.Filesystems.Any(one
                => one.MountPoint == proof.Act.Fault.Filesystem.MountPoint && one.Verdict == Verdict.Writable))
        {
            return;
        }

        string boot = proof.Act.Restarts ? $"new boot id {proof.BootId}, " : string.Empty;
        string text = $"{proof.Act.Fault.Filesystem.MountPoint} writes again: {boot}{FsckText(proof)}probe ok";
        Tell(TellKind.Proof, text, Facts(), endsIntent: true);
        LeaveWord(RecoveryEnd.Proved, $"{Triage.Describe(proof.Act.Fault.Filesystem)}; {text}", Facts());
        _guest = _guest with { State = new Healthy(proof.BootId), Fault = null };
        Judge();
    }

    private static string FsckText(Verifying proof) => proof switch
    {
        { FsckExitCode: { } code } => string.Create(CultureInfo.InvariantCulture, $"fsck exit {code}, "),
        { Act.Rung: Rung.Remount } => string.Empty,
        { Act.AsksEarlyBoot: true } => "fsck: asked of its early boot, not proved, ",
        _ when IsChecked(proof.Act.Fault) => "fsck: not proved, ",
        _ => $"fsck: none for {proof.Act.Fault.Filesystem.FilesystemType}, ",
    };

    private void CallOperatorForFsck(Recovering act, int exitCode)
        => CallOperator(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{act.Fault.Filesystem.MountPoint}: e2fsck left errors or could not run (exit {exitCode}); ")
                + "run it by hand",
            OperatorRelease.WhenHealthy);
}
