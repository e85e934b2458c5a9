namespace HostBridge.Recovery;

/// <summary>
/// Stops new recoveries on a LUN group, or on the whole host, after too many in a row failed there: what is wrong is
/// then not in the guests. It counts recoveries that failed, never guests that are unwell: an outage makes all of them
/// unwell at once.
/// </summary>
/// <param name="inForce">The numbers.</param>
internal sealed class Breaker(PolicyInForce inForce)
{
    /// <summary>The place of every guest; no LUN group has an empty name.</summary>
    private const string Host = "";

    private readonly Dictionary<string, Place> _places = new(StringComparer.Ordinal);
    private readonly BreakerMemory _memory = new();

    private RecoveryPolicy Policy => inForce.Value;

    /// <summary>
    /// How recoveries of a guest ended before the bridge was started, which comes before anything else: the host is as
    /// it was then. For its LUN groups that is known as soon as they are, see <see cref="Learn"/>.
    /// </summary>
    /// <param name="guest">The guest.</param>
    /// <param name="failedAt">When one failed that still stands, on the monotonic clock; null when none did.</param>
    /// <param name="provedAt">When one was last proved, on the monotonic clock; null when none was.</param>
    public void Remember(Guid guest, TimeSpan? failedAt, TimeSpan? provedAt)
    {
        if (_memory.Add(guest, failedAt, provedAt))
        {
            Rebuild(Host, _memory.Endings);
        }
    }

    /// <summary>The LUN groups of a guest are known: what was remembered of it counts there too.</summary>
    public void Learn(Guid guest, IReadOnlyList<string> groups)
    {
        foreach (string group in _memory.Place(guest, groups))
        {
            Rebuild(group, _memory.EndingsIn(group));
        }
    }

    /// <summary>
    /// A recovery failed on a guest of these LUN groups. The places, for a person, where none begins any more from now
    /// on; mostly none.
    /// </summary>
    public IReadOnlyList<string> NoteFailure(IReadOnlyList<string> groups, TimeSpan now)
    {
        var tripped = new List<string>();
        foreach (string name in groups.Append(Host))
        {
            _memory.Forget(name);
            if (Fail(name, now))
            {
                tripped.Add(name == Host ? "this host" : $"LUN group {name}");
            }
        }

        return tripped;
    }

    /// <summary>A recovery was proved on a guest of these groups, or a person acknowledged what stood there.</summary>
    public void Reset(IReadOnlyList<string> groups)
    {
        foreach (string name in groups.Append(Host))
        {
            _memory.Forget(name);
            _places.Remove(name);
        }
    }

    /// <summary>A person acknowledged all of it.</summary>
    public void ResetAll()
    {
        _memory.Clear();
        _places.Clear();
    }

    /// <summary>
    /// Whether one more recovery may begin: where too many failed, one alone is tried once the cool-down is over.
    /// </summary>
    /// <param name="groups">The LUN groups of the guest.</param>
    /// <param name="inFlight">Those that are under way.</param>
    /// <param name="now">This moment, on the monotonic clock.</param>
    public bool Allows(IReadOnlyList<string> groups, IReadOnlyList<GuestRecord> inFlight, TimeSpan now)
        => _places.Count == 0
            || (AllowsIn(Host, isEmpty: inFlight.Count == 0, now)
                && groups.All(group => AllowsIn(
                    group, !inFlight.Any(one => one.Storage.LunGroups.Contains(group)), now)));

    private bool AllowsIn(string name, bool isEmpty, TimeSpan now)
        => !_places.TryGetValue(name, out Place? place)
            || !IsTripped(place)
            || (isEmpty && now - place.TrippedAt >= Policy.BreakerCoolDown);

    /// <summary>Counts a failure at a place; whether none begins there any more because of it.</summary>
    private bool Fail(string name, TimeSpan at)
    {
        if (!_places.TryGetValue(name, out Place? place))
        {
            _places[name] = place = new Place();
        }

        bool wasTrial = IsTripped(place) && at - place.TrippedAt >= Policy.BreakerCoolDown;
        place.Failures.RemoveAll(before => at - before >= Policy.BreakerWindow);
        place.Failures.Add(at);
        if (!wasTrial && (IsTripped(place) || place.Failures.Count < Policy.MaxFailures))
        {
            return false;
        }

        place.TrippedAt = at;
        return true;
    }

    private void Rebuild(string name, IReadOnlyList<BreakerMemory.Ending> endings)
    {
        _places.Remove(name);
        foreach (BreakerMemory.Ending ending in endings)
        {
            if (ending.Failed)
            {
                Fail(name, ending.At);
            }
            else
            {
                _places.Remove(name);
            }
        }
    }

    private static bool IsTripped(Place place) => place.TrippedAt is not null;

    private sealed class Place
    {
        public List<TimeSpan> Failures { get; } = [];

        public TimeSpan? TrippedAt { get; set; }
    }
}
