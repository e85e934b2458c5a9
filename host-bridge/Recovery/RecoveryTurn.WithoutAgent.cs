using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Recovery;

/// <summary>
/// The part for guests in which no agent speaks. Their console and this host's own evidence make them suspect and
/// never more: neither says that a write fails.
/// </summary>
internal sealed partial class RecoveryTurn
{
    private void TakeConsoleSign(ConsoleSign sign)
    {
        _guest = _guest with { ConsoleFault = ConsoleSign.Worse(_guest.ConsoleFault, sign) as ConsoleSign.Fault };
        if (sign is ConsoleSign.Booted && _guest.State is Recovering { Phase: RecoveryPhase.AwaitingNewBoot } act)
        {
            // A guest that boots in the same domain, as by kexec, is not to be destroyed.
            _guest = _guest with { State = act with { OldBootEnded = true } };
        }

        Judge();
    }

    /// <summary>An agent gets the time of a silence to speak first, as one that boots does.</summary>
    private void JudgeWithoutAgent()
    {
        if (!IsSilent() || _guest.State is not (Unknown or RecoveryState.Suspect))
        {
            return;
        }

        var reasons = new List<string>();
        if (_guest.ConsoleFault is { } console)
        {
            reasons.Add($"its console shows \"{console.Text}\"");
        }

        // A fault from before its domain was there is none of this guest.
        if (_guest.Storage.LastFault is { } fault && fault.At >= _guest.HeardAt
            && now.Elapsed - fault.At <= policy.HostEvidenceWindow)
        {
            reasons.Add($"this host saw a fault on its disks: {fault.Text}");
        }

        if (reasons.Count > 0)
        {
            Suspect($"no agent speaks in it; {string.Join("; ", reasons)}; nothing is done, try to write a file in it");
        }
        else if (_guest.State is RecoveryState.Suspect)
        {
            Enter(new Unknown(), TellKind.Decision, "no agent speaks in it, and nothing speaks against it any more");
        }
    }
}
