using HostBridge.Recovery;

namespace HostBridge.Storage;

/// <summary>Says what this host holds of a disk at this moment. Stability over time is judged elsewhere.</summary>
internal interface IStorageGate
{
    /// <summary>The condition of one disk.</summary>
    DiskCondition Inspect(DeviceNumber device);
}

/// <summary>
/// The gate of a bridge that cannot look at storage by itself: a disk is operational only when the administrator
/// vouched for it, and every other one is not.
/// </summary>
/// <param name="assumedOperational">The disks that the administrator vouched for.</param>
internal sealed class AssumedStorageGate(IEnumerable<DeviceNumber> assumedOperational) : IStorageGate
{
    /// <summary>Nothing is known of what any disk shares with another, so all of them count as one group.</summary>
    private const string LunGroup = "unknown";

    private readonly HashSet<DeviceNumber> _assumed = [.. assumedOperational];

    /// <inheritdoc/>
    public DiskCondition Inspect(DeviceNumber device)
        => _assumed.Contains(device)
            ? new DiskCondition(device, Operational: true, $"{device} assumed operational by configuration", LunGroup)
            : new DiskCondition(device, Operational: false, $"not known how to check device {device} yet", LunGroup);
}
