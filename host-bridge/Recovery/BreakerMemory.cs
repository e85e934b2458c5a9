namespace HostBridge.Recovery;

/// <summary>
/// How recoveries ended before the bridge was started, for its <see cref="Breaker"/>. Which LUN groups a guest is on is
/// known only when its disks were looked at; a group of which something newer is known is not told of older things.
/// </summary>
internal sealed class BreakerMemory
{
    private readonly List<Ending> _endings = [];
    private readonly Dictionary<string, List<Ending>> _inGroups = new(StringComparer.Ordinal);
    private readonly HashSet<string> _outdated = new(StringComparer.Ordinal);
    private readonly HashSet<Guid> _unplaced = [];

    /// <summary>All of them, the oldest first.</summary>
    public IReadOnlyList<Ending> Endings => _endings;

    /// <summary>Notes how recoveries of a guest ended; whether there was anything to note.</summary>
    public bool Add(Guid guest, TimeSpan? failedAt, TimeSpan? provedAt)
    {
        Note(guest, failedAt, failed: true);
        Note(guest, provedAt, failed: false);
        return (failedAt ?? provedAt) is not null;
    }

    /// <summary>A guest is on these groups: those of which more is known by that.</summary>
    public IReadOnlyList<string> Place(Guid guest, IReadOnlyList<string> groups)
    {
        if (groups.Count == 0 || !_unplaced.Remove(guest))
        {
            return [];
        }

        string[] affected = [.. groups.Where(group => !_outdated.Contains(group))];
        foreach (string group in affected)
        {
            if (!_inGroups.TryGetValue(group, out List<Ending>? endings))
            {
                _inGroups[group] = endings = [];
            }

            endings.AddRange(_endings.Where(ending => ending.Guest == guest));
            endings.Sort(ByTime);
        }

        return affected;
    }

    /// <summary>The endings of the guests on a group, the oldest first.</summary>
    public IReadOnlyList<Ending> EndingsIn(string group) => _inGroups.GetValueOrDefault(group) ?? [];

    /// <summary>Something newer is known of a place.</summary>
    public void Forget(string place)
    {
        if (_unplaced.Count > 0)
        {
            _outdated.Add(place);
        }
    }

    /// <summary>Nothing of it counts any more.</summary>
    public void Clear()
    {
        _endings.Clear();
        _inGroups.Clear();
        _unplaced.Clear();
    }

    private void Note(Guid guest, TimeSpan? at, bool failed)
    {
        if (at is { } time)
        {
            _endings.Add(new Ending(guest, time, failed));
            _endings.Sort(ByTime);
            _unplaced.Add(guest);
        }
    }

    private static int ByTime(Ending one, Ending other)
        => (one.At, one.Guest, one.Failed).CompareTo((other.At, other.Guest, other.Failed));

    /// <summary>How a recovery ended.</summary>
    /// <param name="Guest">Of whom.</param>
    /// <param name="At">When, on the monotonic clock; mostly before the start.</param>
    /// <param name="Failed">It failed; otherwise it was proved.</param>
    internal readonly record struct Ending(Guid Guest, TimeSpan At, bool Failed);
}
