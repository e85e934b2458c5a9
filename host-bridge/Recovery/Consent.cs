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
    public string? WhyNot(GuestIdentity guest, DateTimeOffset wall)
    {
        if (!Policy.Holds(Safeguards.Consent))
        {
            return null;
        }

        GuestPolicy terms = Policy.Of(guest);
        if ((terms.Mode ?? Policy.Mode) == BridgeMode.Observe)
        {
            return "the mode is observe";
        }

        if (_host is { } host && host.Holds(wall))
        {
            return $"the bridge is paused{host.EndText}";
        }

        if (_guests.TryGetValue(guest.Uuid, out PauseTime? own) && own.Holds(wall))
        {
            return $"it is paused{own.EndText}";
        }

        DateTimeOffset? end = EndOfWindow(Policy.MaintenanceWindows, wall)
            ?? EndOfWindow(terms.MaintenanceWindows, wall);
        return end is { } time ? $"this is a maintenance window, until {Text(time)}" : null;
    }

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
