using HostBridge.Recovery;

namespace HostBridge.Storage;

/// <summary>
/// The disks of guests that are to be looked at; they are named by one task and looked at by another.
/// </summary>
/// <param name="clock">The clock.</param>
/// <param name="wake">Set when a disk is new.</param>
internal sealed class WatchedDisks(BridgeClock clock, WakeUp wake) : IStorageGate
{
    /// <summary>Every domain is read again, and its disks are named, at least every 30 s.</summary>
    private static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<DeviceNumber, TimeSpan> _namedAt = [];

    /// <inheritdoc/>
    public void Watch(IReadOnlyList<DeviceNumber> disks)
    {
        TimeSpan now = clock.Now.Elapsed;
        bool isAnyNew = false;
        lock (_lock)
        {
            foreach (DeviceNumber disk in disks)
            {
                isAnyNew |= !_namedAt.ContainsKey(disk);
                _namedAt[disk] = now;
            }
        }

        if (isAnyNew)
        {
            wake.Set();
        }
    }

    /// <summary>The disks to look at now.</summary>
    public IReadOnlyList<DeviceNumber> Take()
    {
        TimeSpan now = clock.Now.Elapsed;
        lock (_lock)
        {
            foreach ((DeviceNumber disk, TimeSpan namedAt) in _namedAt)
            {
                if (now - namedAt >= KeptFor)
                {
                    _namedAt.Remove(disk);
                }
            }

            return [.. _namedAt.Keys];
        }
    }
}
