using HostBridge.Correlation;
using HostBridge.Notifications.Telling;
using HostBridge.Recovery;

namespace HostBridge;

/// <summary>
/// The bridge as a step function: an input and a moment in, effects out; effects complete as later inputs. Nothing
/// in here waits, reads a clock or touches the world, so that a simulation runs this same loop.
/// </summary>
internal sealed partial class BridgeLoop
{
    private readonly Consent _consent;
    private readonly PolicyInForce _policy;
    private readonly GuestRegistry _registry;
    private readonly DiskBook _disks;
    private readonly StorageIncidents _incidents;
    private readonly NoticeBook _notices = new();
    private readonly Dictionary<Guid, Desk> _desks = [];

    /// <summary>
    /// Domains that are gone in the middle of a recovery: what their disks were is remembered until the guest is in
    /// another one.
    /// </summary>
    private readonly Dictionary<Guid, DomainId> _lastDomains = [];
    private readonly List<BridgeEffect> _effects = [];

    /// <param name="policy">The numbers and switches by which recoveries are decided.</param>
    public BridgeLoop(RecoveryPolicy policy)
    {
        _policy = new PolicyInForce(policy);
        _consent = new Consent(_policy);
        _registry = new GuestRegistry(_policy, _consent);
        _disks = new DiskBook(policy.StableFor, policy.DiskCheckValidFor);
        _incidents = new StorageIncidents(policy.StableFor, policy.DiskCheckValidFor);
    }

    /// <summary>Over what each guest is heard.</summary>
    public CarrierBook Carriers { get; } = new();

    /// <summary>Every guest that is known.</summary>
    public IReadOnlyCollection<GuestRecord> Guests => _registry.Guests;

    /// <summary>What the steps since the last time add to the timelines of storage incidents, in its order.</summary>
    public IReadOnlyList<TimelineEntry> TakeTimeline() => _incidents.TakeEntries();

    /// <summary>
    /// The guests with which something is under way: their disks are to be looked at also while they run in no domain.
    /// </summary>
    public IReadOnlyList<GuestRecord> InFlight => _registry.InFlight;

    /// <summary>Takes one input in and says what is to be done.</summary>
    public IReadOnlyList<BridgeEffect> Step(BridgeInput input, Moment now)
    {
        _effects.Clear();
        switch (input)
        {
            case BridgeInput.HistoryRestored restored:
                Restore(restored.History, now);
                break;
            case BridgeInput.NoticesRestored restored:
                _notices.Restore(restored.Notices);
                break;
            case BridgeInput.GuestSeen seen:
                See(seen, now);
                break;
            case BridgeInput.GuestGone gone:
                Lose(gone, now);
                break;
            case BridgeInput.ReportRead read:
                TakeReport(read, now);
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
                Take(disks, now);
                _incidents.TakeDisks(disks.Conditions, disks.Lines, _registry.Guests, now);
                break;
            case BridgeInput.EffectCompleted completed:
                Give(completed.Guest, completed.Completion, now);
                break;
            case BridgeInput.Tick:
                Turn(now);
                break;
            case BridgeInput.Paused paused:
                _consent.Pause(paused.Guest, paused.Until);
                break;
            case BridgeInput.PolicyChanged changed:
                TakePolicy(changed.Policy);
                break;
            case BridgeInput.Resumed resumed:
                _consent.Resume(resumed.Guest);
                break;
            case BridgeInput.Acknowledged acknowledged:
                Acknowledge(acknowledged.Guest, now);
                break;
            case BridgeInput.Ordered ordered:
                Give(ordered.Guest, new RecoveryInput.Ordered(), now);
                break;
            default:
                break;
        }

        GrantSlots(timePassed: input is BridgeInput.Tick, now);
        return _effects.Count == 0 ? [] : [.. _effects];
    }

    /// <summary>
    /// From the next step on all is decided by it. What waits is judged again at the next tick; what is in flight is asked
    /// before each further act whether it may be done, as in a pause.
    /// </summary>
    private void TakePolicy(RecoveryPolicy policy)
    {
        _policy.Replace(policy);
        _disks.StableFor = policy.StableFor;
        _incidents.StableFor = policy.StableFor;
    }

    private void Restore(GuestHistory history, Moment now)
    {
        _registry.Restore(history, now);
        if (history.Standing is { } standing && _policy.Value.Holds(Safeguards.IsTold))
        {
            // The entry that stands in the incident log goes on standing; this one only reminds of it.
            var tell = new RecoveryAction.Tell(TellKind.Operator, standing.Reason, IncidentFacts.None);
            _effects.Add(new BridgeEffect(history.Guest, Domain: null, tell));
        }
    }

    private void Acknowledge(Guid? guest, Moment now)
    {
        if (guest is { } uuid)
        {
            Give(uuid, new RecoveryInput.Acknowledged(), now);
        }
        else
        {
            _registry.AcknowledgeFailures();
        }
    }

    private void Turn(Moment now)
    {
        var tick = new RecoveryInput.Tick();
        foreach (GuestRecord guest in _registry.Guests)
        {
            JudgeStorage(guest, now);
            Give(guest.Identity.Uuid, tick, now);
        }

        _incidents.Turn(_registry.Guests, now);
        foreach (GuestIdentity forgotten in _registry.Forget(now))
        {
            _effects.Add(new BridgeEffect(
                forgotten, Domain: null, new RecoveryAction.RememberFaulty(new FaultySeen(default, []))));
        }

        _notices.Forget(uuid => _registry.Find(uuid) is not null);
        if (_desks.Count > _registry.Guests.Count)
        {
            foreach ((Guid uuid, Desk desk) in _desks)
            {
                if (_registry.Find(uuid) is null && now.Elapsed - desk.Pacer.UsedAt >= TellPacer.IdleAfter)
                {
                    _desks.Remove(uuid);
                    _lastDomains.Remove(uuid);
                }
            }
        }
    }

    private void Take(BridgeInput.DisksChecked input, Moment now)
    {
        foreach (DiskCondition condition in input.Conditions)
        {
            _disks.Update(condition, now.Elapsed);
        }

        HashSet<DeviceNumber> devices = [.. input.Conditions.Select(condition => condition.Device)];
        foreach (GuestRecord guest in _registry.Guests)
        {
            if (guest.Disks.Devices.Any(devices.Contains))
            {
                JudgeStorage(guest, now);
            }
        }

        foreach (GuestRecord guest in input.Backends.Count == 0 ? [] : _registry.InFlight)
        {
            if (input.Backends.FirstOrDefault(one => one.Domain == guest.Domain) is { } activity)
            {
                Give(guest.Identity.Uuid, new RecoveryInput.BackendSeen(activity.Requests), now);
            }
        }
    }

    private void JudgeStorage(GuestRecord guest, Moment now)
    {
        Guid uuid = guest.Identity.Uuid;
        Desk desk = DeskOf(uuid, now);
        DomainId? domain = guest.Domain ?? (_lastDomains.TryGetValue(uuid, out DomainId last) ? last : null);
        desk.Judgement = _disks.Judge(desk.Judgement, domain, guest.Disks, now.Elapsed);
        if (!ReferenceEquals(desk.Judgement.View, guest.Storage))
        {
            Give(uuid, new RecoveryInput.StorageJudged(desk.Judgement.View), now);
        }
    }

    private Desk DeskOf(Guid uuid, Moment now)
    {
        if (!_desks.TryGetValue(uuid, out Desk? desk))
        {
            _desks[uuid] = desk = new Desk(new TellPacer(now.Elapsed));
        }

        return desk;
    }

    private void GrantSlots(bool timePassed, Moment now)
    {
        foreach (GuestRecord guest in _registry.TakeWaiting(timePassed))
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
        if (_registry.Find(uuid)?.Domain == domain || !_policy.Value.Holds(Safeguards.OwnWordsOnly))
        {
            Give(uuid, input, now);
        }
    }

    private void Give(Guid uuid, RecoveryInput input, Moment now)
    {
        IReadOnlyList<RecoveryAction> actions = _registry.Step(uuid, input, now);
        if (_registry.Find(uuid) is not { } guest)
        {
            return;
        }

        _incidents.TakeGuest(guest, input, actions, now);

        TellPacer pacer = DeskOf(uuid, now).Pacer;
        if (input is RecoveryInput.HoldReleased or RecoveryInput.Acknowledged or RecoveryInput.Ordered)
        {
            pacer.Release();
            _notices.Acknowledge(uuid);
        }

        if (actions.Count > 0 || pacer.IsHoldingBack)
        {
            foreach (RecoveryAction action in pacer.Take(actions, now.Elapsed))
            {
                _effects.Add(new BridgeEffect(guest.Identity, guest.Domain, action)
                {
                    Notice = _notices.Take(guest, action, _incidents.OpenUnder(guest.Disks), now),
                });
            }
        }

        if (input is RecoveryInput.DomainGone
            && _notices.TakeGone(guest, _incidents.OpenUnder(guest.Disks), now) is { } gone)
        {
            var tell = new RecoveryAction.Tell(TellKind.Decision, gone.What, IncidentFacts.None);
            _effects.Add(new BridgeEffect(guest.Identity, Domain: null, tell) { Notice = gone });
        }
    }

    /// <summary>What the bridge keeps for one guest besides its record.</summary>
    private sealed class Desk(TellPacer pacer)
    {
        public TellPacer Pacer { get; } = pacer;

        public StorageJudgement? Judgement { get; set; }
    }
}
