using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Simulation.World;

namespace Simulation.Rules;

/// <summary>
/// The part that counts what people are told (L2): of each change after which a guest needs an operator once, of each
/// recovery that ends once. A bridge that starts tells again of what stands: so nothing is lost over a restart, and over
/// a restart alone something is told twice.
/// </summary>
internal sealed partial class Witness
{
    private readonly Dictionary<SimulatedGuest, RecoveryState> _states = [];

    /// <summary>What an operator is still to be told of a guest.</summary>
    private readonly Dictionary<SimulatedGuest, string> _owed = [];

    /// <summary>The recoveries of whose end this process told.</summary>
    private readonly HashSet<RequestId> _toldEnds = [];

    /// <summary>When an operator was last told of anything: it is durable a moment later.</summary>
    public TimeSpan OperatorToldAt { get; private set; } = TimeSpan.MinValue / 2;

    /// <summary>What was not told, of the first guest for which something is owed; null when nothing is.</summary>
    public string? Owed
        => _owed.Count == 0 ? null : _owed.Select(owed => $"{owed.Key.Identity.Name}: {owed.Value}").Order().First();

    /// <summary>A step of the bridge is over.</summary>
    /// <param name="records">What it holds of its guests after it.</param>
    /// <param name="effects">What it leads to.</param>
    public void Stepped(IReadOnlyCollection<GuestRecord> records, IReadOnlyList<BridgeEffect> effects)
    {
        foreach (GuestRecord record in records)
        {
            SimulatedGuest guest = _world.GuestOf(record.Identity);
            RecoveryState? before = _states.GetValueOrDefault(guest);
            if (!ReferenceEquals(record.State, before) || (effects.Count > 0 && _owed.Count > 0))
            {
                NoteState(guest, before, record.State);
            }
        }

        foreach (BridgeEffect effect in effects)
        {
            if (effect.Action is RecoveryAction.Tell tell)
            {
                NoteTold(_world.GuestOf(effect.Guest), tell);
            }
        }
    }

    /// <summary>A person acknowledges what stands: whatever comes of it is new.</summary>
    public void Acknowledged(SimulatedGuest guest) => _states.Remove(guest);

    private void ForgetTold()
    {
        _states.Clear();
        _owed.Clear();
        _toldEnds.Clear();
    }

    private void NoteState(SimulatedGuest guest, RecoveryState? before, RecoveryState after)
    {
        _states[guest] = after;
        if (after is not RecoveryState.NeedsOperator needs)
        {
            _owed.Remove(guest);
        }
        else if (before is not RecoveryState.NeedsOperator needed || needed.Reason != needs.Reason)
        {
            _owed[guest] = needs.Reason;
        }
    }

    private void NoteTold(SimulatedGuest guest, RecoveryAction.Tell tell)
    {
        string name = guest.Identity.Name;
        OperatorToldAt = tell.Kind == TellKind.Operator ? Now : OperatorToldAt;
        if (tell.EndsIntent && !_toldEnds.Add(tell.Facts.RequestId))
        {
            Break(Rule.IsTold, $"the end of {tell.Facts.RequestId} of {name} is told a second time");
        }

        if (tell.Kind == TellKind.Operator
            && _states.GetValueOrDefault(guest) is RecoveryState.NeedsOperator { Reason: var reason }
            && tell.Text.StartsWith(reason, StringComparison.Ordinal)
            && !_owed.Remove(guest))
        {
            Break(Rule.IsTold, $"an operator is told a second time of {name}: {reason}");
        }
    }
}
