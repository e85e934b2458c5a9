using HostBridge.Recovery;
using Protocol.Health;
using Simulation.Engine;

namespace Simulation.World;

/// <summary>
/// The toolstack of the host: it fails, hangs, and says that it failed when it did not. What it does under an intent it
/// does once; what it began goes on when the bridge ends. Whether a disk may be checked is decided by the real
/// <see cref="OfflineGate"/> from what is true at that moment.
/// </summary>
internal sealed class Toolstack(SimulatedWorld world)
{
    /// <summary>After this time a call is given up, whatever became of it.</summary>
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(45);

    /// <summary>For so long the end of a domain that was destroyed is waited for (xl toolstack, 3 min).</summary>
    private static readonly TimeSpan DyingLimit = TimeSpan.FromMinutes(3);

    private readonly Prng _chance = world.Chance;
    private readonly Dictionary<RequestId, DestroyedDomain> _destroyed = [];
    private readonly Dictionary<RequestId, int> _createdBefore = [];
    private readonly Dictionary<RequestId, OfflineCheckAnswer?> _checks = [];
    private readonly Dictionary<RequestId, List<Action<OfflineCheckAnswer>>> _waiting = [];
    private readonly HashSet<RequestId> _created = [];

    /// <summary>Until when the domain of a guest that was destroyed is still dying: its I/O may be in flight.</summary>
    private readonly Dictionary<SimulatedGuest, (DomainId Domain, TimeSpan Until)> _dying = [];

    /// <summary>The boot of this host.</summary>
    private static BootId HostBoot { get; }
        = BootId.TryParse("99999999-0000-4000-8000-000000000001", out BootId boot) ? boot : default;

    /// <summary>Whether a domain of a guest is on its way out, and not gone.</summary>
    public bool IsDying(SimulatedGuest guest)
        => _dying.TryGetValue(guest, out (DomainId Domain, TimeSpan Until) dying) && world.Agenda.Now < dying.Until;

    /// <summary>Whether a domain could be created again.</summary>
    public void Confirm(Action<StepAnswer> answer)
        => Later(() => answer(IsLucky(900) ? StepAnswer.Done : new StepAnswer(StepResult.Refused, "its configuration differs")));

    /// <summary>Destroys a domain of a guest.</summary>
    public void Destroy(SimulatedGuest guest, RecoveryAction.Destroy action, Action<StepAnswer> answer)
    {
        RequestId intent = action.Intent;
        if (!IsLucky(900) && _chance.Chance(500))
        {
            Fail(answer);
            return;
        }

        Later(() =>
        {
            if (!IsLucky(960) && guest.Domain == action.Domain && !_destroyed.ContainsKey(intent))
            {
                // The old boot ends after all, and xl restarts it itself.
                world.LifeOf(guest).Restart();
            }

            if (_destroyed.ContainsKey(intent))
            {
                AnswerWhenGone(guest, answer);
            }
            else if (guest.Domain != action.Domain)
            {
                answer(new StepAnswer(StepResult.Refused, "the domain is not there"));
            }
            else
            {
                world.Witness.Destroys(guest, action);
                _createdBefore[intent] = guest.BootSerial;
                _destroyed[intent] = new DestroyedDomain(
                    guest.Identity.Uuid, action.Domain, intent, HostBoot, guest.Root.Disk.Identity);
                world.LifeOf(guest).End(Whereabouts.DestroyedByBridge);
                if (!IsLucky(800))
                {
                    _dying[guest] = (action.Domain, world.Agenda.Now + _chance.Seconds(20, 400));
                }

                AnswerWhenGone(guest, answer);
            }
        });
    }

    /// <summary>Checks the disks of a guest; a check that runs is waited for.</summary>
    public void Check(SimulatedGuest guest, RecoveryAction.CheckOffline action, Action<OfflineCheckAnswer> answer)
        => Later(() =>
        {
            RequestId intent = action.Intent;
            if (_checks.TryGetValue(intent, out OfflineCheckAnswer? known))
            {
                if (known is { } done)
                {
                    answer(done);
                }
                else
                {
                    _waiting[intent].Add(answer);
                }

                return;
            }

            OfflineFacts facts = FactsOf(guest, intent);
            if (OfflineGate.Refusals(facts, world.Policy.Safeguards) is { Count: > 0 } refusals)
            {
                answer(new OfflineCheckAnswer(StepResult.Refused, null, string.Join("; ", refusals)));
                return;
            }

            world.Witness.ChecksOffline(guest, intent);
            world.Tell(guest, "offline check begins");
            _checks[intent] = null;
            _waiting[intent] = [answer];
            world.Agenda.In(guest.CheckTime, () => EndCheck(guest, intent));
        });

    /// <summary>Creates a guest again.</summary>
    public void Create(SimulatedGuest guest, RecoveryAction.Create action, Action<StepAnswer> answer)
    {
        if (!IsLucky(850) && _chance.Chance(500))
        {
            Fail(answer);
            return;
        }

        Later(() =>
        {
            if (_created.Contains(action.Intent))
            {
                answer(StepAnswer.Done);
            }
            else if (world.Policy.Holds(Safeguards.OwnHandOnly) && !_destroyed.ContainsKey(action.Intent))
            {
                answer(new StepAnswer(StepResult.Refused, "it was not destroyed by this bridge"));
            }
            else if (world.Policy.Holds(Safeguards.OwnHandOnly) && IsCreatedSince(guest, action.Intent) && guest.Domain is null)
            {
                answer(new StepAnswer(StepResult.Refused, "somebody created it since"));
            }
            else if (IsDying(guest))
            {
                answer(new StepAnswer(StepResult.Failed, "its old domain is still dying"));
            }
            else if (guest.Domain is not null)
            {
                answer(new StepAnswer(StepResult.Refused, "it runs already"));
            }
            else
            {
                world.Witness.Creates(guest, action.Intent);
                _created.Add(action.Intent);
                guest.BeginBoot();
                world.LifeOf(guest).Start(isFirst: false);
                AnswerTruly(answer);
            }
        });
    }

    private void EndCheck(SimulatedGuest guest, RequestId intent)
    {
        int exitCode = guest.Disks.All(disk => disk.IsUp) ? world.LifeOf(guest).CheckExit() : 8;
        if (exitCode < 4)
        {
            foreach (SimulatedFilesystem one in guest.Filesystems)
            {
                one.Truth = FilesystemTruth.Well;
            }
        }

        world.Tell(guest, "offline check ends", world.Trace.IsKept ? $"exit {exitCode}" : string.Empty);
        var answer = new OfflineCheckAnswer(StepResult.Done, exitCode, string.Empty);
        _checks[intent] = answer;
        foreach (Action<OfflineCheckAnswer> one in _waiting[intent])
        {
            one(answer);
        }
    }

    private OfflineFacts FactsOf(SimulatedGuest guest, RequestId intent)
    {
        var domains = new List<DomainListed>();
        var backends = new List<string>();
        foreach (SimulatedGuest other in world.Guests)
        {
            if (IsDying(other))
            {
                domains.Add(new DomainListed(_dying[other].Domain, other.Identity.Uuid, IsDying: true));
            }

            if (other.Domain is { } domain)
            {
                domains.Add(new DomainListed(domain, other.Identity.Uuid, IsDying: false));
                backends.AddRange(other.Disks.Where(guest.Disks.Contains).Select(disk => $"vbd {domain} {disk.Identity}"));
            }
        }

        return new OfflineFacts
        {
            Guest = guest.Identity.Uuid,
            Intent = intent,
            HostBoot = HostBoot,
            Destroyed = _destroyed.GetValueOrDefault(intent),
            IsCreatedSince = IsCreatedSince(guest, intent),
            Domains = domains,
            Backends = backends,
            Mounts = guest.Disks.Any(disk => disk.IsMountedHere) ? ["/mnt"] : [],
            Holders = [],
            Swaps = [],
            OpenedExclusively = !guest.Disks.Any(disk => disk.IsMountedHere),
            Exclusive = world.Policy.Of(guest.Identity).ExclusiveStorage,
            ExclusiveProof = null,
            DiskIdentity = guest.Root.Disk.Identity,
            FilesystemType = guest.Root.Type,
            IsWholeDiskOrPartition = true,
        };
    }

    private bool IsCreatedSince(SimulatedGuest guest, RequestId intent)
        => _createdBefore.TryGetValue(intent, out int boots) && guest.BootSerial != boots;

    private bool IsLucky(int perMille) => world.FaultsAreOver || world.Scenario.IsKind || _chance.Chance(perMille);

    private void Later(Action act) => world.Agenda.In(_chance.Seconds(0.05, 6), act);

    private void Fail(Action<StepAnswer> answer)
        => world.Agenda.In(_chance.Chance(300) ? CallLimit : TimeSpan.FromSeconds(1),
            () => answer(new StepAnswer(StepResult.Failed, "libxl said no")));

    /// <summary>
    /// A domain is gone only when it is not dying any more, which is waited for within a limit; now and then xl says that
    /// it is gone before it is.
    /// </summary>
    private void AnswerWhenGone(SimulatedGuest guest, Action<StepAnswer> answer)
    {
        if (!IsDying(guest) || !IsLucky(700))
        {
            AnswerTruly(answer);
            return;
        }

        TimeSpan left = _dying[guest].Until - world.Agenda.Now;
        world.Agenda.In(left < DyingLimit ? left : DyingLimit, () => answer(
            IsDying(guest) ? new StepAnswer(StepResult.Failed, "it is still dying") : StepAnswer.Done));
    }

    /// <summary>It was done, and mostly the answer says so.</summary>
    private void AnswerTruly(Action<StepAnswer> answer)
    {
        if (IsLucky(850))
        {
            answer(StepAnswer.Done);
        }
        else
        {
            Fail(answer);
        }
    }
}
