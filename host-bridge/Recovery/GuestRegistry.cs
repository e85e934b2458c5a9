namespace HostBridge.Recovery;

/// <summary>
/// All guests by uuid, and the domain each runs in. It keeps the rules over more than one guest: whose words a
/// domain's words are, and how many recoveries run at once.
/// </summary>
/// <param name="policy">The numbers.</param>
internal sealed class GuestRegistry(RecoveryPolicy policy)
{
    private readonly RecoveryMachine _machine = new(policy);
    private readonly SortedDictionary<Guid, GuestRecord> _guests = [];

    /// <summary>Those that wait for their turn: they are looked for at every step, and mostly there are none.</summary>
    private readonly HashSet<Guid> _queued = [];

    /// <summary>Every guest, in the order of the uuids.</summary>
    public IReadOnlyCollection<GuestRecord> Guests => _guests.Values;

    /// <summary>The guest with this uuid; null when there is none.</summary>
    public GuestRecord? Find(Guid uuid) => _guests.GetValueOrDefault(uuid);

    /// <summary>Takes in what the incident log knows from before.</summary>
    public void Restore(GuestHistory history, Moment now)
    {
        IEnumerable<TimeSpan> ages = history.Recoveries.Select(began => now.Wall - began);
        _guests[history.Guest.Uuid] = new GuestRecord
        {
            Identity = history.Guest,
            // A clock that was set back must not make a recovery one of the future.
            Recoveries = [.. ages.Select(age => now.Elapsed - (age > TimeSpan.Zero ? age : TimeSpan.Zero))],
            State = history.Standing ?? (RecoveryState)new RecoveryState.Unknown(),
        };
    }

    /// <summary>
    /// Notes in which domain a guest runs and on which disks. False when another living domain has this uuid: as
    /// long as it lives, the later one is nobody and its words count for nothing.
    /// </summary>
    public bool TryPlace(GuestIdentity identity, DomainId domain, GuestDisks disks)
    {
        GuestRecord guest = Find(identity.Uuid) ?? new GuestRecord { Identity = identity };
        if (guest.Domain is { } other && other != domain && policy.Holds(Safeguards.OwnWordsOnly))
        {
            return false;
        }

        _guests[identity.Uuid] = guest with { Identity = identity, Disks = disks };
        return true;
    }

    /// <summary>One input for one guest.</summary>
    public IReadOnlyList<RecoveryAction> Step(Guid uuid, RecoveryInput input, Moment now)
    {
        if (Find(uuid) is not { } guest)
        {
            return [];
        }

        RecoveryStep step = _machine.Step(guest, input, now);
        _guests[uuid] = step.Guest;
        if (step.Guest.State is RecoveryState.Queued)
        {
            _queued.Add(uuid);
        }
        else
        {
            _queued.Remove(uuid);
        }

        return step.Actions;
    }

    /// <summary>The guests whose turn it may be, the longest waiting first.</summary>
    public IReadOnlyList<GuestRecord> Waiting()
        =>
        [
            .. _queued.Order().Select(uuid => _guests[uuid])
                .OrderBy(guest => ((RecoveryState.Queued)guest.State).Since),
        ];

    /// <summary>Whether the caps of the host and of every LUN group under a guest have room for one more.</summary>
    public bool HasSlot(GuestRecord guest, Moment now)
    {
        if (!policy.Holds(Safeguards.Caps))
        {
            return true;
        }

        List<GuestRecord> inFlight =
        [
            .. _guests.Values.Where(one => one.State.IsInFlight && now.Elapsed - one.Recoveries[^1] < policy.SlotHeldFor),
        ];
        return inFlight.Count < policy.MaxPerHost
            && guest.Storage.LunGroups.All(group
                => inFlight.Count(one => one.Storage.LunGroups.Contains(group)) < policy.MaxPerLunGroup);
    }

    /// <summary>Forgets guests that are gone and of which nothing is left to remember.</summary>
    public void Forget(Moment now)
    {
        foreach (GuestRecord guest in _guests.Values.ToList())
        {
            if (guest is { Domain: null, State: RecoveryState.Unknown }
                && guest.Recoveries.All(began => now.Elapsed - began >= policy.BudgetWindow))
            {
                _guests.Remove(guest.Identity.Uuid);
            }
        }
    }
}
