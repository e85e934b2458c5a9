using HostBridge.Recovery;

namespace HostBridge.Storage.Judging;

/// <summary>What the kernel's log says of the parts of one disk.</summary>
/// <param name="Newest">The newest fault of any part; null when there is none.</param>
/// <param name="InterruptedAt">
/// When the disk itself was last interrupted: by a part that no other one can stand in for. Null when it was not.
/// </param>
internal readonly record struct LoggedFaults(HostFault? Newest, TimeSpan? InterruptedAt);

/// <summary>
/// The last fault of every part of the storage that the kernel's log spoke of. A part that is attached anew begins
/// without: the name may have been given to another disk.
/// </summary>
internal sealed class KernelFaults
{
    /// <summary>More parts than a host has; the log of a host that names more is not remembered further.</summary>
    private const int MaxParts = 16384;

    private readonly Dictionary<string, HostFault> _faults = new(StringComparer.Ordinal);

    /// <summary>Takes in what a line of the log says.</summary>
    /// <param name="line">The line, understood.</param>
    /// <param name="at">When it was written, on the monotonic clock.</param>
    public void Take(StorageLine line, TimeSpan at)
    {
        foreach (string part in line.Parts)
        {
            if (line.Kind == StorageLineKind.Attached)
            {
                _faults.Remove(part);
            }
            else if (line.Kind == StorageLineKind.Fault && (_faults.ContainsKey(part) || _faults.Count < MaxParts))
            {
                _faults[part] = new HostFault(at, line.Text);
            }
        }
    }

    /// <summary>What was said of the parts of a disk.</summary>
    public LoggedFaults FaultsOf(BlockDevice disk)
    {
        HostFault? newest = null;
        TimeSpan? interruptedAt = null;
        if (_faults.Count == 0)
        {
            return default;
        }

        foreach (PartName part in StackNames.PartsOf(disk))
        {
            if (_faults.GetValueOrDefault(part.Name) is not { } fault)
            {
                continue;
            }

            newest = newest is null || fault.At > newest.At ? fault : newest;
            interruptedAt = part.IsRedundant || fault.At <= interruptedAt ? interruptedAt : fault.At;
        }

        return new LoggedFaults(newest, interruptedAt);
    }
}
