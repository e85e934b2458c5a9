using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Recovery;

/// <summary>The part that follows a guest from domain to domain, and from boot to boot.</summary>
internal sealed partial class RecoveryTurn
{
    /// <summary>
    /// Words of other domains do not reach it, so a boot that was over may be there again: one that was saved before it
    /// ended, and is restored.
    /// </summary>
    private void EnterDomain(DomainId domain)
    {
        _guest = _guest with
        {
            Domain = domain,
            HeardAt = now.Elapsed,
            HeardBoot = default,
            PastBoots = [],
            LifeRequest = null,
            ConsoleFault = null,
        };
        switch (_guest.State)
        {
            case Recovering { Phase: RecoveryPhase.AwaitingNewBoot } act:
                _guest = _guest with
                {
                    State = act with { Deadline = Earlier(now.Elapsed + BootTime(), act.LastDeadline) },
                };
                if (act.AsksEarlyBoot && act.Recreation?.CheckExitCode is null)
                {
                    // A new domain has a tree of its own, and its early boot comes seconds after it.
                    _actions.Add(new RecoveryAction.AskEarlyBoot(domain, IsWanted: true));
                }

                break;
            default:
                GoOn();
                break;
        }
    }

    /// <summary>Two domains of one uuid: the first that was seen may be the copy, so neither is acted on.</summary>
    private void TakeTwin(DomainId domain)
    {
        if (_guest.Twin == domain && _guest.TwinGoneAt is null)
        {
            return;
        }

        _guest = _guest with { Twin = domain, TwinGoneAt = null };
        Tell(
            TellKind.Operator,
            $"domains {_guest.Domain} and {domain} have the same uuid: nothing is done to either as long as both are there; "
                + "find out which is the guest and shut the other down",
            IncidentFacts.None);
        GoOn();
    }

    private void LoseDomain()
    {
        DomainId? lost = _guest.Domain;
        if (HasLivingTwin)
        {
            ResumeAfterTwin();
        }

        _guest = _guest with
        {
            Domain = null,
            Twin = null,
            TwinGoneAt = null,
            Report = null,
            Fault = null,
            HeardBoot = default,
            LifeRequest = null,
            ConsoleFault = null,
        };
        switch (_guest.State)
        {
            case Recovering { Phase: RecoveryPhase.Recreating } act:
                LoseDomainOnRecreating(act, lost);
                break;
            case Recovering { Restarts: true, Phase: >= RecoveryPhase.AwaitingAnswer } act:
                AwaitNewBoot(act with { OldBootEnded = true }, "the old boot is gone");
                break;
            case Verifying { Act.Restarts: true } proof:
                // A check that wants another restart, or a crash: the next boot must prove it, by the old deadline.
                _guest = _guest with
                {
                    State = proof.Act with
                    {
                        Phase = RecoveryPhase.AwaitingNewBoot,
                        OldBootEnded = true,
                        Deadline = proof.Deadline,
                        LastDeadline = proof.Deadline,
                    },
                };
                break;
            case Resuming resuming:
                Resume(resuming);
                break;
            case Recovering or Verifying:
                EndIncident("the domain is gone before it was recovered; nothing more is done");
                break;
            case NeedsOperator:
                break;
            default:
                _guest = _guest with { State = new Unknown() };
                break;
        }
    }

    private void LoseDomainOnRecreating(Recovering act, DomainId? lost)
    {
        if (lost != act.Domain && act.Recreation is { Step: < OfflineStep.Creating } && policy.Holds(Safeguards.OwnHandOnly))
        {
            EndIncident("the domain that somebody created meanwhile is gone, and not by our hand; nothing more is done");
        }
        else if (act.Recreation is { MayBeDown: true } or { Step: OfflineStep.Created }
            || !policy.Holds(Safeguards.OwnHandOnly))
        {
            // By our own hand, as it seems; the toolstack knows for sure, and is asked before anything follows.
            _guest = _guest with { State = act with { OldBootEnded = true } };
        }
        else
        {
            EndIncident("the domain is gone, and not by our hand; nothing more is done");
        }
    }

    private void TakeNewBoot()
    {
        switch (_guest.State)
        {
            case Recovering { Restarts: true, Phase: >= RecoveryPhase.AwaitingAnswer } act:
                BeginProofByBoot(act);
                break;
            case Verifying { Act.Restarts: true } proof:
                BeginProofByBoot(proof.Act);
                break;
            case Recovering or Verifying:
                EndIncident("it restarted by itself or by a person before it was recovered");
                break;
            default:
                break;
        }
    }

    private void AwaitNewBoot(Recovering act, string text)
    {
        TimeSpan last = now.Elapsed + policy.LongestCheck;
        if (act.Phase == RecoveryPhase.AwaitingNewBoot)
        {
            _guest = _guest with { State = act with { Deadline = NewBootDeadline(act.LastDeadline) } };
            return;
        }

        _guest = _guest with
        {
            State = act with
            {
                Phase = RecoveryPhase.AwaitingNewBoot,
                Deadline = NewBootDeadline(last),
                LastDeadline = last,
                OldBootLimit = act.OldBootLimit ?? now.Elapsed + policy.OldBootPatience,
            },
        };
        Tell(TellKind.Outcome, $"{text}; waits for the new boot", FactsOf(act));
    }

    /// <summary>A domain that runs may be checking its filesystems; where none runs nothing goes on.</summary>
    private TimeSpan NewBootDeadline(TimeSpan last)
        => Earlier(now.Elapsed + (_guest.Domain is null ? policy.NoDomainDeadline : BootTime()), last);

    /// <summary>Its backends were looked at: a boot that moves may take longer, within a limit.</summary>
    private void TakeBackend(long requests)
    {
        if (_guest.State is not Recovering { Phase: RecoveryPhase.AwaitingNewBoot } act
            || requests == act.BackendRequests)
        {
            return;
        }

        bool isFirstLook = act.BackendRequests == 0;
        TimeSpan extended = Earlier(now.Elapsed + policy.MovingExtension, act.LastDeadline);
        _guest = _guest with
        {
            State = act with
            {
                BackendRequests = requests,
                Deadline = isFirstLook || act.Deadline > extended ? act.Deadline : extended,
            },
        };
    }

    /// <summary>How long a boot with a forced check may take.</summary>
    private TimeSpan BootTime() => policy.RebootDeadline + CheckTime();

    /// <summary>How long a check of all disks may take.</summary>
    private TimeSpan CheckTime()
    {
        const double BytesPerTebibyte = 1L << 40;
        double tebibytes = _guest.Storage.SizeBytes / BytesPerTebibyte ?? policy.AssumedTebibytes;
        return Earlier(policy.CheckTimePerTebibyte * tebibytes, policy.LongestCheck);
    }

    private static TimeSpan Earlier(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
