using HostBridge.Recovery;

namespace HostBridge.Storage;

/// <summary>Looks after the storage under the disks of guests. What it finds comes as inputs of the bridge.</summary>
internal interface IStorageGate
{
    /// <summary>
    /// A guest has these disks. To be repeated: what nobody speaks of any more is no longer looked at.
    /// Never waits; may be called by any task.
    /// </summary>
    /// <param name="domain">The domain it runs in; null while it is about to be created.</param>
    /// <param name="disks">Its disks.</param>
    void Watch(DomainId? domain, IReadOnlyList<DeviceNumber> disks);
}
