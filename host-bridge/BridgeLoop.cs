using HostBridge.Recovery;

namespace HostBridge;

/// <summary>
/// The bridge as a step function: an input and a moment in, effects out; effects complete as later inputs. Nothing
/// in here waits, reads a clock or touches the world, so that a simulation runs this same loop.
/// </summary>
/// <param name="policy">The numbers and switches by which recoveries are decided.</param>
internal sealed class BridgeLoop(RecoveryPolicy policy)
{
    /// <summary>How many rejections of one domain are told, per <see cref="RejectionWindow"/>.</summary>
    private const int MaxToldRejections = 3;

    /// <summary>Logs of guests that are gone stay for long; theirs are of no use.</summary>
    private const int MaxEarlyConsoles = 4096;

    private static readonly TimeSpan RejectionWindow = TimeSpan.FromMinutes(10);

    private readonly GuestRegistry _registry = new(policy);
    private readonly DiskBook _disks = new(policy.StableFor, policy.DiskCheckValidFor);
    private readonly Dictionary<DomainId, Rejections> _rejections = [];
    private readonly Dictionary<Guid, TellPacer> _pacers = [];
    private readonly Dictionary<string, ConsoleSign> _earlyConsoles = new(StringComparer.Ordinal);
    private readonly List<BridgeEffect> _effects = [];

    /// <summary>Every guest that is known.</summary>
    public IReadOnlyCollection<GuestRecord> Guests => _registry.Guests;

    /// <summary>Takes one input in and says what is to be done.</summary>
    public IReadOnlyList<BridgeEffect> Step(BridgeInput input, Moment now)
    {
        _effects.Clear();
        switch (input)
        {
            case BridgeInput.HistoryRestored restored:
                Restore(restored.History, now);
                break;
            case BridgeInput.GuestSeen seen:
                See(seen, now);
                break;
            case BridgeInput.GuestGone gone:
                _rejections.Remove(gone.Domain);
                Give(gone.Guest, gone.Domain, new RecoveryInput.DomainGone(), now);
                _disks.Forget(gone.Domain);
                break;
            case BridgeInput.ReportRead read:
                Give(read.Guest, read.Domain, new RecoveryInput.ReportReceived(read.Report, read.IsNew), now);
                break;
            case BridgeInput.ReportRejected rejected:
                TellRejection(rejected, now);
                break;
            case BridgeInput.OutcomeRead read:
                Give(read.Guest, read.Domain, new RecoveryInput.OutcomeReceived(read.Outcome), now);
                break;
            case BridgeInput.ConsoleRead read:
                TakeConsole(read, now);
                break;
            case BridgeInput.DisksChecked disks:
                Take(disks.Conditions, now);
                break;
            case BridgeInput.EffectCompleted completed:
                Give(completed.Guest, completed.Completion, now);
                break;
            case BridgeInput.Tick:
                Turn(now);
                break;
            default:
                break;
        }

        GrantSlots(now);
        return [.. _effects];
    }

    private void Restore(GuestHistory history, Moment now)
    {
        _registry.Restore(history, now);
        if (history.Standing is { } standing)
        {
            // The entry that stands in the incident log goes on standing; this one only reminds of it.
            var tell = new RecoveryAction.Tell(TellKind.Operator, standing.Reason, IncidentFacts.None);
            _effects.Add(new BridgeEffect(history.Guest, Domain: null, tell));
        }
    }

    private void See(BridgeInput.GuestSeen seen, Moment now)
    {
        DomainId? before = _registry.Find(seen.Guest.Uuid)?.Domain;
        if (!_registry.TryPlace(seen.Guest, seen.Domain, seen.Disks))
        {
            return;
        }

        if (before != seen.Domain)
        {
            Give(seen.Guest.Uuid, new RecoveryInput.DomainAppeared(seen.Domain), now);
        }

        if (_earlyConsoles.Remove(seen.Guest.Name, out ConsoleSign? sign))
        {
            Give(seen.Guest.Uuid, new RecoveryInput.ConsoleSaid(sign), now);
        }

        JudgeStorage(seen.Guest.Uuid, now);
    }

    private void Turn(Moment now)
    {
        foreach (Guid uuid in _registry.Guests.Select(guest => guest.Identity.Uuid).ToList())
        {
            JudgeStorage(uuid, now);
            Give(uuid, new RecoveryInput.Tick(), now);
        }

        _registry.Forget(now);
        foreach ((Guid uuid, TellPacer pacer) in _pacers.ToList())
        {
            if (_registry.Find(uuid) is null && now.Elapsed - pacer.UsedAt >= TellPacer.IdleAfter)
            {
                _pacers.Remove(uuid);
            }
        }
    }

    private void Take(IReadOnlyList<DiskCondition> conditions, Moment now)
    {
        foreach (DiskCondition condition in conditions)
        {
            _disks.Update(condition, now.Elapsed);
        }

        HashSet<DeviceNumber> devices = [.. conditions.Select(condition => condition.Device)];
        foreach (GuestRecord guest in _registry.Guests.Where(one => one.Disks.Devices.Any(devices.Contains)).ToList())
        {
            JudgeStorage(guest.Identity.Uuid, now);
        }
    }

    /// <summary>A log is found by the guest's name alone, so a name that two guests have means neither.</summary>
    private void TakeConsole(BridgeInput.ConsoleRead read, Moment now)
    {
        List<GuestRecord> named =
            [.. _registry.Guests.Where(guest => guest.Domain is not null && guest.Identity.Name == read.GuestName)];
        if (named is [var only])
        {
            Give(only.Identity.Uuid, new RecoveryInput.ConsoleSaid(read.Sign), now);
        }
        else if (named.Count == 0 && (_earlyConsoles.Count < MaxEarlyConsoles || _earlyConsoles.ContainsKey(read.GuestName)))
        {
            // Its log is read before its domain is: the worst of its last boot is kept for it.
            _earlyConsoles[read.GuestName] = ConsoleSign.Worse(_earlyConsoles.GetValueOrDefault(read.GuestName), read.Sign);
        }
    }

    private void JudgeStorage(Guid uuid, Moment now)
    {
        if (_registry.Find(uuid) is { } guest)
        {
            Give(uuid, new RecoveryInput.StorageJudged(_disks.Judge(guest.Domain, guest.Disks, now.Elapsed)), now);
        }
    }

    private void GrantSlots(Moment now)
    {
        foreach (GuestRecord guest in _registry.Waiting())
        {
            if (_registry.HasSlot(guest, now))
            {
                Give(guest.Identity.Uuid, new RecoveryInput.SlotGranted(), now);
            }
        }
    }

    /// <summary>
    /// What is heard of a guest counts only for the domain that it runs in, whatever comes late or out of order.
    /// </summary>
    private void Give(Guid uuid, DomainId domain, RecoveryInput input, Moment now)
    {
        if (_registry.Find(uuid)?.Domain == domain || !policy.Holds(Safeguards.OwnWordsOnly))
        {
            Give(uuid, input, now);
        }
    }

    private void Give(Guid uuid, RecoveryInput input, Moment now)
    {
        IReadOnlyList<RecoveryAction> actions = _registry.Step(uuid, input, now);
        if (_registry.Find(uuid) is { } guest)
        {
            if (!_pacers.TryGetValue(uuid, out TellPacer? pacer))
            {
                _pacers[uuid] = pacer = new TellPacer(now.Elapsed);
            }

            if (input is RecoveryInput.HoldReleased)
            {
                pacer.Release();
            }

            _effects.AddRange(pacer.Take(actions, now.Elapsed).Select(action => new BridgeEffect(guest.Identity, guest.Domain, action)));
        }
    }

    private void TellRejection(BridgeInput.ReportRejected rejected, Moment now)
    {
        if (_registry.Find(rejected.Guest) is not { } guest || guest.Domain != rejected.Domain)
        {
            return;
        }

        Rejections before = _rejections.GetValueOrDefault(rejected.Domain) ?? new Rejections(now.Elapsed, 0);
        Rejections after = now.Elapsed - before.Since >= RejectionWindow
            ? new Rejections(now.Elapsed, 1)
            : before with { Count = before.Count + 1 };
        _rejections[rejected.Domain] = after;
        if (after.Count <= MaxToldRejections)
        {
            string more = after.Count == MaxToldRejections
                ? $"; more of them are not told for {RejectionWindow.TotalMinutes:0} min"
                : string.Empty;
            _effects.Add(new BridgeEffect(
                guest.Identity,
                guest.Domain,
                new RecoveryAction.Tell(
                    TellKind.Report,
                    $"what it wrote is left out: {rejected.Reason}; look at its agent{more}",
                    IncidentFacts.None)));
        }
    }

    private sealed record Rejections(TimeSpan Since, int Count);
}
