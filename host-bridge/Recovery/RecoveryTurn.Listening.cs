using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>
/// The part that waits for a guest to be heard alive: nothing is done on words that stood there before the bridge
/// listened, as whoever wrote them may be dead.
/// </summary>
internal sealed partial class RecoveryTurn
{
    private void AwaitSignOfLife(string finding)
        => Suspect($"{finding}; not heard yet since the bridge began to listen, "
            + "waits for its heartbeat, which comes every minute");

    /// <summary>
    /// Asks for a sign of life at once instead of waiting for the heartbeat. A probe changes nothing, so it is no
    /// recovery and needs no intent; an observer sends not even that.
    /// </summary>
    private void AskForSignOfLife(MountPoint mountPoint)
    {
        if (consent.WhyNot(_guest.Identity, now.Wall, IsOrdered) is not null
            || (_guest.LifeRequest is { } before && now.Elapsed - before.At < policy.LifeRequestInterval))
        {
            return;
        }

        RequestId id = NewRequestId("listen");
        _guest = _guest with { LifeRequest = new LifeRequest(id, now.Elapsed) };
        Send(id, RequestAction.Probe, mountPoint, Facts());
    }

    /// <summary>Whatever it answers: it lives. An answer that comes late may have stood there for long.</summary>
    private void TakeSignOfLife(RequestOutcome outcome)
    {
        if (_guest.LifeRequest is { } asked && outcome.Id == asked.RequestId && outcome.BootId == _guest.CurrentBoot
            && now.Elapsed - asked.At < policy.AnswerDeadline)
        {
            Tell(TellKind.Outcome, $"it is alive: it answered request {asked.RequestId}", Facts());
            HearAlive();
            GoOn();
        }
    }

    private void HearAlive()
    {
        _guest = _guest with
        {
            HeardAt = now.Elapsed,
            HeardBoot = _guest.CurrentBoot,
            BootHeardAt = _guest.HeardBoot == _guest.CurrentBoot ? _guest.BootHeardAt : now.Elapsed,
        };
        if (_guest.LifeRequest is { } asked)
        {
            _actions.Add(new RecoveryAction.RemoveRequest(_guest.Domain!.Value, asked.RequestId));
            _guest = _guest with { LifeRequest = null };
        }
    }

    /// <summary>Whether its words are evidence: the boot that they are of was itself heard.</summary>
    private bool CountsAsHeard => _guest.IsHeard || !policy.Holds(Safeguards.FreshEvidence);

    private bool IsSilent() => now.Elapsed - _guest.HeardAt >= policy.SilentAfter;
}
