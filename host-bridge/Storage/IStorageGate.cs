using HostBridge.Recovery;

namespace HostBridge.Storage;

/// <summary>Looks after the storage under the disks of guests. What it finds comes as inputs of the bridge.</summary>
internal interface IStorageGate
{
    /// <summary>
    /// A guest has these disks. To be repeated: a disk that nobody speaks of any more is no longer looked at.
    /// Never waits; may be called by any task.
    /// </summary>
    void Watch(IReadOnlyList<DeviceNumber> disks);
}
