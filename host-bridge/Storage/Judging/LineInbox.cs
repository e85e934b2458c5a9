using HostBridge.Correlation;
using HostBridge.Recovery;

namespace HostBridge.Storage.Judging;

/// <summary>
/// What the kernel's log said since the last look, until it is known which disks it speaks of. Lines that tell the same
/// again are counted, and there is room for so many kinds; more of them are left out. Pure.
/// </summary>
internal sealed class LineInbox
{
    private const int MaxLines = 256;

    /// <summary>
    /// What comes again after this is another event: the log is read from its oldest record, which may be days old.
    /// </summary>
    private static readonly TimeSpan NewEventAfter = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, (IReadOnlyList<string> Parts, HostLine Line)> _lines = new(StringComparer.Ordinal);

    /// <summary>Keeps a line.</summary>
    /// <param name="line">The line, understood.</param>
    /// <param name="at">When it was written, on the monotonic clock.</param>
    public void Add(StorageLine line, TimeSpan at)
    {
        string shape = LineShape.Of(line.Text);
        bool isKnown = _lines.TryGetValue(shape, out (IReadOnlyList<string> Parts, HostLine Line) before);
        if (isKnown && at - before.Line.LastAt < NewEventAfter)
        {
            _lines[shape] = (before.Parts, before.Line with { Count = before.Line.Count + 1, LastAt = at });
        }
        else if (line.Parts.Count > 0 && (isKnown || _lines.Count < MaxLines))
        {
            _lines[shape] = (line.Parts, new HostLine(at, line.Text, line.Interrupts, []));
        }
    }

    /// <summary>The disks that stand on anything that a line names.</summary>
    /// <param name="disks">All disks as they were last seen.</param>
    public IReadOnlyList<DeviceNumber> NamedAmong(IReadOnlyList<BlockDevice> disks)
    {
        if (_lines.Count == 0)
        {
            return [];
        }

        HashSet<string> named = [.. _lines.Values.SelectMany(one => one.Parts)];
        return [.. disks.Where(disk => StackNames.PartsOf(disk).Any(part => named.Contains(part.Name))).Select(disk => disk.Number)];
    }

    /// <summary>Takes the lines that name a part of any of these disks, each with the groups of those disks; the others are forgotten.</summary>
    /// <param name="disks">The disks with all that lies under them.</param>
    public IReadOnlyList<HostLine> Take(IReadOnlyList<BlockDevice> disks)
    {
        if (_lines.Count == 0 || disks.Count == 0)
        {
            return [];
        }

        var groups = _lines.Values.SelectMany(one => one.Parts).Distinct(StringComparer.Ordinal)
            .ToDictionary(part => part, _ => new HashSet<string>(StringComparer.Ordinal), StringComparer.Ordinal);
        foreach (BlockDevice disk in disks)
        {
            foreach (PartName part in StackNames.PartsOf(disk))
            {
                if (groups.TryGetValue(part.Name, out HashSet<string>? named))
                {
                    named.UnionWith(StackNames.LunGroupsOf(disk));
                }
            }
        }

        HostLine[] taken =
        [
            .. _lines.Values
                .Select(one => one.Line with { LunGroups = [.. one.Parts.SelectMany(part => groups[part]).Distinct()] })
                .Where(line => line.LunGroups.Count > 0)
                .OrderBy(line => line.At),
        ];
        _lines.Clear();
        return taken;
    }
}
