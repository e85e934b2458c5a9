using HostBridge.Recovery;

namespace HostBridge.Storage;

/// <summary>
/// The domains and disks of guests that are to be looked at; they are named by one task and looked at by another.
/// </summary>
/// <param name="clock">The clock.</param>
/// <param name="wake">Set when a disk is new.</param>
internal sealed class WatchedDisks(BridgeClock clock, WakeUp wake) : IStorageGate
{
    /// <summary>Every domain is read again, and its disks are named, at least every 30 s.</summary>
    private static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<DeviceNumber, TimeSpan> _disks = [];
    private readonly Dictionary<DomainId, TimeSpan> _domains = [];

    /// <inheritdoc/>
    public void Watch(DomainId? domain, IReadOnlyList<DeviceNumber> disks)
    {
        TimeSpan now = clock.Now.Elapsed;
        bool isAnyNew = false;
        lock (_lock)
        {
            if (domain is { } running)
            {
                _domains[running] = now;
            }

            foreach (DeviceNumber disk in disks)
            {
                isAnyNew |= !_disks.ContainsKey(disk);
                _disks[disk] = now;
            }
        }

        if (isAnyNew)
        {
            wake.Set();
        }
    }

    /// <summary>The disks to look at now.</summary>
    public IReadOnlyList<DeviceNumber> Take() => TakeLately(_disks);

    /// <summary>The domains whose backends are to be looked at now.</summary>
    public IReadOnlySet<DomainId> TakeDomains() => TakeLately(_domains).ToHashSet();

    private List<T> TakeLately<T>(Dictionary<T, TimeSpan> namedAt)
        where T : notnull
    {
        TimeSpan now = clock.Now.Elapsed;
        lock (_lock)
        {
            foreach ((T thing, TimeSpan at) in namedAt)
            {
                if (now - at >= KeptFor)
                {
                    namedAt.Remove(thing);
                }
            }

            return [.. namedAt.Keys];
        }
    }
}
