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

    private RecoveryPolicy Policy => inForce.Value;

    /// <summary>
    /// A recovery failed on a guest of these LUN groups. The places, for a person, where none begins any more from now
    /// on; mostly none.
    /// </summary>
    public IReadOnlyList<string> NoteFailure(IReadOnlyList<string> groups, TimeSpan now)
    {
        var tripped = new List<string>();
        foreach (string name in groups.Append(Host))
        {
            if (!_places.TryGetValue(name, out Place? place))
            {
                _places[name] = place = new Place();
            }

            bool wasTrial = IsTripped(place) && now - place.TrippedAt >= Policy.BreakerCoolDown;
            place.Failures.RemoveAll(at => now - at >= Policy.BreakerWindow);
            place.Failures.Add(now);
            if (wasTrial || (!IsTripped(place) && place.Failures.Count >= Policy.MaxFailures))
            {
                place.TrippedAt = now;
                tripped.Add(name == Host ? "this host" : $"LUN group {name}");
            }
        }

        return tripped;
    }

    /// <summary>A recovery was proved on a guest of these groups, or a person acknowledged what stood there.</summary>
    public void Reset(IReadOnlyList<string> groups)
    {
        _places.Remove(Host);
        foreach (string group in groups)
        {
            _places.Remove(group);
        }
    }

    /// <summary>A person acknowledged all of it.</summary>
    public void ResetAll() => _places.Clear();

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

    private static bool IsTripped(Place place) => place.TrippedAt is not null;

    private sealed class Place
    {
        public List<TimeSpan> Failures { get; } = [];

        public TimeSpan? TrippedAt { get; set; }
    }
}
