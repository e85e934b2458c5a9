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

    /// <summary>A reset that comes so soon after a failure belongs to it: that failure is what a person wants told.</summary>
    private static readonly TimeSpan SameFailure = TimeSpan.FromMinutes(10);

    private readonly Dictionary<string, PartFault> _faults = new(StringComparer.Ordinal);

    /// <summary>What was said of one part.</summary>
    /// <param name="Fault">The fault to tell of.</param>
    /// <param name="InterruptedAt">When it was last interrupted, by that fault or by a reset after it.</param>
    private readonly record struct PartFault(HostFault Fault, TimeSpan InterruptedAt);

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
            else if (line.Interrupts && (_faults.ContainsKey(part) || _faults.Count < MaxParts))
            {
                HostFault? failure = line.Kind == StorageLineKind.Reset
                    && _faults.TryGetValue(part, out PartFault before) && at - before.Fault.At < SameFailure
                        ? before.Fault
                        : null;
                _faults[part] = new PartFault(failure ?? new HostFault(at, line.Text), at);
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
            if (!_faults.TryGetValue(part.Name, out PartFault said))
            {
                continue;
            }

            newest = newest is null || said.Fault.At > newest.At ? said.Fault : newest;
            interruptedAt = part.IsRedundant || said.InterruptedAt <= interruptedAt ? interruptedAt : said.InterruptedAt;
        }

        return new LoggedFaults(newest, interruptedAt);
    }
}
