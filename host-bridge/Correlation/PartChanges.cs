using HostBridge.Recovery;

namespace HostBridge.Correlation;

/// <summary>
/// Which parts of a LUN group became others in one look. Many disks share a session, and many become the same at once:
/// each is told once, together with those that became the same. Pure.
/// </summary>
internal sealed class PartChanges
{
    private const int MaxNames = 8;

    /// <summary>The state of a direct read that has not been made yet says neither good nor bad.</summary>
    private const string Awaited = "awaited";

    private readonly Dictionary<(string Group, string State, bool IsTurn), List<string>> _changes = [];
    private readonly List<(string Group, string State, bool IsTurn)> _order = [];

    /// <summary>Compares a disk's parts with those of the look before.</summary>
    /// <param name="group">A LUN group of the disk.</param>
    /// <param name="before">The parts as they were; null when the disk was not seen before.</param>
    /// <param name="after">The parts as they are.</param>
    public void Compare(string group, IReadOnlyList<PartState>? before, IReadOnlyList<PartState> after)
    {
        foreach (PartState part in after)
        {
            if (part.State == Awaited || before?.Contains(part) == true)
            {
                continue;
            }

            PartState? was = Find(before, part.Part);
            bool isFirstSight = before is null or { Count: 0 } || was is { State: Awaited };
            if (!(isFirstSight && part.IsWell))
            {
                Add((group, part.State, was?.IsWell != part.IsWell), part.Part);
            }
        }
    }

    /// <summary>What is to be told of it: the group, the words, and whether it became well or ceased to be.</summary>
    public IEnumerable<(string Group, string Text, bool IsTurn)> Take()
        => _order.Select(key => (
            key.Group,
            $"{Words.List(_changes[key], MaxNames)} {(_changes[key].Count == 1 ? "is" : "are")} {key.State}",
            key.IsTurn));

    private void Add((string Group, string State, bool IsTurn) key, string part)
    {
        if (!_changes.TryGetValue(key, out List<string>? parts))
        {
            _changes[key] = parts = [];
            _order.Add(key);
        }

        if (!parts.Contains(part))
        {
            parts.Add(part);
        }
    }

    private static PartState? Find(IReadOnlyList<PartState>? parts, string name)
    {
        foreach (PartState part in parts ?? [])
        {
            if (part.Part == name)
            {
                return part;
            }
        }

        return null;
    }
}
