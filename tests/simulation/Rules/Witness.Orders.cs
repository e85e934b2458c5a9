using HostBridge.Recovery;
using Protocol.Health;
using Simulation.World;

namespace Simulation.Rules;

/// <summary>
/// The part that knows what persons ordered: an order goes over the mode, windows, host evidence and once over the
/// budget, for its time and for the boot that was seen; what was begun under it may be ended and proved.
/// </summary>
internal sealed partial class Witness
{
    private readonly Dictionary<SimulatedGuest, Order> _orders = [];
    private readonly HashSet<RequestId> _orderedIntents = [];
    private readonly HashSet<SimulatedGuest> _orderInFlight = [];

    /// <summary>A person orders the recovery of a guest.</summary>
    public void Ordered(SimulatedGuest guest, BootId boot)
        => _orders[guest] = new Order(boot, Now + Policy.OrderLifetime, IsBegun: false);

    /// <summary>The process ends: an order is not kept over that.</summary>
    private void ForgetOrders()
    {
        _orders.Clear();
        _orderInFlight.Clear();
    }

    private bool IsOrdered(SimulatedGuest guest) => _orderInFlight.Contains(guest) || OrderOf(guest) is not null;

    private bool MayExceedBudget(SimulatedGuest guest) => OrderOf(guest) is { IsBegun: false };

    private void NoteIntent(SimulatedGuest guest, RequestId intent)
    {
        if (OrderOf(guest) is not null)
        {
            _orderedIntents.Add(intent);
            _orderInFlight.Add(guest);
        }
    }

    private void UseOrder(SimulatedGuest guest)
    {
        if (OrderOf(guest) is { } order)
        {
            _orders[guest] = order with { IsBegun = true };
        }
    }

    private Order? OrderOf(SimulatedGuest guest)
        => _orders.GetValueOrDefault(guest) is { } order && Now < order.Until
            && (guest.Character == Character.Hostile || _hearings[guest].Report?.BootId == order.Boot)
                ? order
                : null;

    private sealed record Order(BootId Boot, TimeSpan Until, bool IsBegun);
}
