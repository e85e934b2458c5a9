using System.Collections;

namespace HostBridge.Recovery;

/// <summary>
/// All guests by uuid, and the domain each runs in. It keeps the rules over more than one guest: whose words a
/// domain's words are, how many recoveries run at once, whose turn it is, and when too many failed.
/// </summary>
/// <param name="inForce">The numbers.</param>
/// <param name="consent">Whether people want the bridge to act.</param>
internal sealed class GuestRegistry(PolicyInForce inForce, Consent consent)
{
    private readonly RecoveryMachine _machine = new(inForce, consent);
    private readonly Breaker _breaker = new(inForce);
    private readonly SortedDictionary<Guid, Entry> _guests = [];

    /// <summary>Those that wait for their turn: they are looked for at every step, and mostly there are none.</summary>
    private readonly HashSet<Guid> _queued = [];

    private readonly List<Guid> _newlyQueued = [];

    /// <summary>Those with which something is under way.</summary>
    private readonly HashSet<Guid> _inFlight = [];
    private bool _isPlaceFree;

    private RecoveryPolicy Policy => inForce.Value;

    /// <summary>Every guest, in the order of the uuids; a step of one of them may be made meanwhile.</summary>
    public IReadOnlyCollection<GuestRecord> Guests => field ??= new Records(_guests);

    /// <summary>Those with which something is under way, in the order of the uuids.</summary>
    public IReadOnlyList<GuestRecord> InFlight
        => _inFlight.Count == 0 ? [] : [.. _inFlight.Order().Select(uuid => _guests[uuid].Guest)];

    /// <summary>The guest with this uuid; null when there is none.</summary>
    public GuestRecord? Find(Guid uuid) => _guests.TryGetValue(uuid, out Entry? entry) ? entry.Guest : null;

    /// <summary>Takes in what the incident log knows from before.</summary>
    public void Restore(GuestHistory history, Moment now)
    {
        var began = history.Recoveries.ToList();
        if (history.Open is { } open && !began.Contains(open.Began))
        {
            began.Add(open.Began);
        }

        var guest = new GuestRecord
        {
            Identity = history.Guest,
            // A wall clock that was set back may tell of them in another order than they were.
            Recoveries = [.. began.Select(time => ElapsedAt(time, now)).Order()],
            State = history.Standing ?? (RecoveryState)new RecoveryState.Unknown(),
            HeardAt = now.Elapsed,
            CurrentBoot = history.Faulty?.BootId ?? default,
            LastSeenFaulty = history.Faulty?.Filesystems ?? [],
        };
        if (history.Open is { } left)
        {
            int attempt = guest.Recoveries.Count(at => now.Elapsed - at < Policy.BudgetWindow);
            guest = guest with
            {
                Disks = left.Disks,
                State = new RecoveryState.Resuming(
                    left, attempt, ElapsedAt(left.Began, now), now.Elapsed, now.Elapsed + Policy.ResumeDeadline),
            };
        }

        _breaker.Remember(
            guest.Identity.Uuid,
            history.FailedAt is { } failed ? ElapsedAt(failed, now) : null,
            history.ProvedAt is { } proved ? ElapsedAt(proved, now) : null);
        Set(guest);
    }

    /// <summary>
    /// Notes in which domain a guest runs and on which disks. False when another living domain has this uuid: as
    /// long as it lives, the later one is nobody and its words count for nothing.
    /// </summary>
    public bool TryPlace(GuestIdentity identity, DomainId domain, GuestDisks disks)
    {
        GuestRecord guest = Find(identity.Uuid) ?? new GuestRecord { Identity = identity };
        if (guest.Domain is { } other && other != domain && Policy.Holds(Safeguards.OwnWordsOnly))
        {
            return false;
        }

        Set(guest with { Identity = identity, Disks = disks });
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
        if (!ReferenceEquals(step.Guest, guest))
        {
            Set(step.Guest);
        }

        bool isOrderTaken = input is RecoveryInput.Ordered && step.Guest.Order is not null;
        if (isOrderTaken || input is RecoveryInput.HoldReleased or RecoveryInput.Acknowledged)
        {
            _breaker.Reset(guest.Storage.LunGroups);
        }

        if (input is RecoveryInput.StorageJudged judged)
        {
            _breaker.Learn(uuid, judged.Storage.LunGroups);
        }

        return step.Actions.Count > 0 && guest.State.IsInFlight
            ? NoteEnd(step.Guest, step.Actions, now)
            : step.Actions;
    }

    /// <summary>A person acknowledged that too many recoveries failed.</summary>
    public void AcknowledgeFailures() => _breaker.ResetAll();

    /// <summary>
    /// The guests whose turn it may be: infrastructure first, then the longest waiting. As long as no place became free
    /// and no time passed, these are only those that began to wait since.
    /// </summary>
    /// <param name="timePassed">Whether time passed: all of them are looked at.</param>
    public IReadOnlyList<GuestRecord> TakeWaiting(bool timePassed)
    {
        IEnumerable<Guid> candidates = timePassed || _isPlaceFree ? _queued : _newlyQueued;
        IReadOnlyList<GuestRecord> waiting = _queued.Count == 0
            ? []
            :
            [
                .. candidates.Select(uuid => _guests[uuid].Guest)
                    .Where(guest => guest.State is RecoveryState.Queued)
                    .OrderByDescending(guest => Policy.Of(guest.Identity).Priority)
                    .ThenBy(guest => ((RecoveryState.Queued)guest.State).Since)
                    .ThenBy(guest => guest.Identity.Uuid),
            ];
        _newlyQueued.Clear();
        _isPlaceFree = false;
        return waiting;
    }

    /// <summary>
    /// Whether one more recovery may begin: the caps of the host and of every LUN group under a guest have room, and
    /// not too many failed there.
    /// </summary>
    public bool HasSlot(GuestRecord guest, Moment now)
    {
        IReadOnlyList<GuestRecord> inFlight = [.. InFlight.Where(one => HoldsSlot(one, now))];
        return _breaker.Allows(guest.Storage.LunGroups, inFlight, now.Elapsed)
            && (!Policy.Holds(Safeguards.Caps)
                || (inFlight.Count < Policy.MaxPerHost
                    && guest.Storage.LunGroups.All(group
                        => inFlight.Count(one => MayShare(one, group)) < Policy.MaxPerLunGroup)));
    }

    /// <summary>What stands between a guest and its recovery, its turn among the others included.</summary>
    public Outlook OutlookOf(GuestRecord guest, Moment now)
    {
        Outlook outlook = _machine.OutlookOf(guest, now);
        if (outlook.Rung is not (Rung.Remount or Rung.Repair or Rung.Reboot) || guest.State.IsInFlight || HasSlot(guest, now))
        {
            return outlook;
        }

        IReadOnlyList<GuestRecord> inFlight = [.. InFlight.Where(one => HoldsSlot(one, now))];
        Hindrance turn = _breaker.Allows(guest.Storage.LunGroups, inFlight, now.Elapsed)
            ? new Hindrance(
                HindranceKind.Turn,
                $"{inFlight.Count} others are being recovered; at most {Policy.MaxPerLunGroup} on one LUN group and "
                    + $"{Policy.MaxPerHost} on this host are at once")
            : new Hindrance(HindranceKind.Breaker, "too many recoveries failed on its storage or on this host");
        return outlook with { Hindrances = [.. outlook.Hindrances, turn] };
    }

    /// <summary>
    /// What was taken up again in the middle of a restart has no domain yet, and nobody can tell its disks: it may share
    /// any group.
    /// </summary>
    private static bool MayShare(GuestRecord guest, string group)
        => guest.Storage.LunGroups.Count == 0 || guest.Storage.LunGroups.Contains(group);

    /// <summary>
    /// Forgets guests that are gone and of which nothing is left to remember. What was faulty in one is remembered for
    /// longer, as it may be saved and come back.
    /// </summary>
    /// <returns>Those of which something faulty was remembered until now.</returns>
    public IReadOnlyList<GuestIdentity> Forget(Moment now)
    {
        List<GuestRecord>? gone = null;
        foreach (Entry entry in _guests.Values)
        {
            if (entry.Guest is { Domain: null, State: RecoveryState.Unknown } guest
                && guest.Recoveries.All(began => now.Elapsed - began >= Policy.BudgetWindow)
                && (guest.LastSeenFaulty.Count == 0 || now.Elapsed - guest.HeardAt >= Policy.FaultyKeptFor))
            {
                (gone ??= []).Add(guest);
            }
        }

        foreach (GuestRecord guest in gone ?? [])
        {
            _guests.Remove(guest.Identity.Uuid);
        }

        return gone is null ? [] : [.. gone.Where(guest => guest.LastSeenFaulty.Count > 0).Select(guest => guest.Identity)];
    }

    /// <summary>Looks at how a recovery ended, and tells where too many failed.</summary>
    private IReadOnlyList<RecoveryAction> NoteEnd(
        GuestRecord guest, IReadOnlyList<RecoveryAction> actions, Moment now)
    {
        foreach (RecoveryAction.Tell tell in actions.OfType<RecoveryAction.Tell>().Where(tell => tell.EndsIntent))
        {
            if (tell.Kind == TellKind.Proof)
            {
                _breaker.Reset(guest.Storage.LunGroups);
            }
            else if (tell.Standing)
            {
                IReadOnlyList<string> places = _breaker.NoteFailure(guest.Storage.LunGroups, now.Elapsed);
                return places.Count == 0 ? actions : [.. actions, Tripped(places)];
            }
        }

        return actions;
    }

    private RecoveryAction.Tell Tripped(IReadOnlyList<string> places)
        => new(
            TellKind.Operator,
            $"too many recoveries failed on {string.Join(" and ", places)} with none that succeeded between; no new one "
                + $"begins there before a person acknowledges, or before {Policy.BreakerCoolDown.TotalMinutes:0} min "
                + "have passed, then one is tried; look at the storage",
            IncidentFacts.None);

    /// <summary>
    /// What accepts and does nothing must not keep others from their turn: a place is held for a limited time.
    /// </summary>
    private bool HoldsSlot(GuestRecord guest, Moment now)
        => guest.Recoveries.Count > 0 && now.Elapsed - guest.Recoveries[^1] < Policy.SlotHeldFor;

    private void Set(GuestRecord guest)
    {
        Guid uuid = guest.Identity.Uuid;
        if (_guests.TryGetValue(uuid, out Entry? entry))
        {
            entry.Guest = guest;
        }
        else
        {
            _guests[uuid] = new Entry(guest);
        }

        if (guest.State is not RecoveryState.Queued)
        {
            _queued.Remove(uuid);
        }
        else if (_queued.Add(uuid))
        {
            _newlyQueued.Add(uuid);
        }

        if (guest.State.IsInFlight)
        {
            _inFlight.Add(uuid);
        }
        else
        {
            _isPlaceFree |= _inFlight.Remove(uuid);
        }
    }

    /// <summary>On the monotonic clock; a wall clock that was set back must not make it one of the future.</summary>
    private static TimeSpan ElapsedAt(DateTimeOffset time, Moment now)
        => now.Wall > time ? now.Elapsed - (now.Wall - time) : now.Elapsed;

    /// <summary>Holds the newest record, so that a step changes no collection that is being gone through.</summary>
    private sealed class Entry(GuestRecord guest)
    {
        public GuestRecord Guest { get; set; } = guest;
    }

    private sealed class Records(SortedDictionary<Guid, Entry> guests) : IReadOnlyCollection<GuestRecord>
    {
        public int Count => guests.Count;

        public IEnumerator<GuestRecord> GetEnumerator()
        {
            foreach (Entry entry in guests.Values)
            {
                yield return entry.Guest;
            }
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
