using System.Globalization;

namespace HostBridge.Recovery;

/// <summary>
/// Whether people want the bridge to act at this time: the mode, what is paused, and the windows in which they work on
/// the storage themselves. It forbids only what touches a guest: listening, deciding, proving and telling go on.
/// </summary>
/// <param name="inForce">The numbers and switches.</param>
internal sealed class Consent(PolicyInForce inForce)
{
    private readonly Dictionary<Guid, PauseTime> _guests = [];
    private PauseTime? _host;

    private RecoveryPolicy Policy => inForce.Value;

    /// <summary>Nothing is to be done.</summary>
    /// <param name="guest">To this guest; null: to any.</param>
    /// <param name="until">When that ends by itself, on the wall clock; null: when it is resumed.</param>
    public void Pause(Guid? guest, DateTimeOffset? until)
    {
        if (guest is { } uuid)
        {
            _guests[uuid] = new PauseTime(until);
        }
        else
        {
            _host = new PauseTime(until);
        }
    }

    /// <summary>Ends a pause: that of one guest; with null that of the host, and the guests' own go on.</summary>
    public void Resume(Guid? guest)
    {
        if (guest is { } uuid)
        {
            _guests.Remove(uuid);
        }
        else
        {
            _host = null;
        }
    }

    /// <summary>Why nothing may be done to a guest now, for a person; null when it may.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="wall">This moment, on the wall clock.</param>
    /// <param name="isOrdered">
    /// Whether a person ordered this very recovery: that goes over the mode and a maintenance window, which were set for
    /// all that comes, and never over a pause, which is another person's word about now.
    /// </param>
    public string? WhyNot(GuestIdentity guest, DateTimeOffset wall, bool isOrdered = false)
        => !Policy.Holds(Safeguards.Consent)
            ? null
            : Objections(guest, wall).FirstOrDefault(one => !isOrdered || !one.YieldsToOrder)?.Text;

    /// <summary>Everything that forbids to act on a guest now, the mode first.</summary>
    public IReadOnlyList<Hindrance> Objections(GuestIdentity guest, DateTimeOffset wall)
    {
        var found = new List<Hindrance>();
        GuestPolicy terms = Policy.Of(guest);
        if ((terms.Mode ?? Policy.Mode) == BridgeMode.Observe)
        {
            found.Add(new Hindrance(HindranceKind.Observe, "the mode is observe"));
        }

        if (_host is { } host && host.Holds(wall))
        {
            found.Add(new Hindrance(HindranceKind.HostPause, $"the bridge is paused{host.EndText}")
            {
                EndsAt = host.Until,
            });
        }

        if (_guests.TryGetValue(guest.Uuid, out PauseTime? own) && own.Holds(wall))
        {
            found.Add(new Hindrance(HindranceKind.GuestPause, $"it is paused{own.EndText}") { EndsAt = own.Until });
        }

        if ((EndOfWindow(Policy.MaintenanceWindows, wall) ?? EndOfWindow(terms.MaintenanceWindows, wall)) is { } end)
        {
            found.Add(new Hindrance(HindranceKind.Window, $"this is a maintenance window, until {Text(end)}")
            {
                EndsAt = end,
            });
        }

        return found;
    }

    /// <summary>The pauses that hold now; null for the guest is that of the host.</summary>
    public IReadOnlyList<(Guid? Guest, DateTimeOffset? Until)> PausesAt(DateTimeOffset wall)
        =>
        [
            .. _host is { } host && host.Holds(wall) ? [(null, host.Until)] : Array.Empty<(Guid?, DateTimeOffset?)>(),
            .. _guests.Where(one => one.Value.Holds(wall))
                .Select(one => ((Guid?)one.Key, one.Value.Until)).OrderBy(one => one.Item1),
        ];

    private static DateTimeOffset? EndOfWindow(IReadOnlyList<MaintenanceWindow> windows, DateTimeOffset wall)
    {
        DateTimeOffset? last = null;
        foreach (MaintenanceWindow window in windows)
        {
            if (window.EndIfInside(wall) is { } end && !(end <= last))
            {
                last = end;
            }
        }

        return last;
    }

    private static string Text(DateTimeOffset time)
        => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);

    private sealed record PauseTime(DateTimeOffset? Until)
    {
        public string EndText => Until is { } until ? $" until {Text(until)}" : string.Empty;

        public bool Holds(DateTimeOffset wall) => !(Until <= wall);
    }
}
