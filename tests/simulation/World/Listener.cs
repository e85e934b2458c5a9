using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Simulation.Engine;

namespace Simulation.World;

/// <summary>
/// Brings what stands in xenstore to the bridge as its own listener does: events may be lost, what stands is read again
/// later, what stood there before is no news, and nothing is said twice unless the link repeats it.
/// </summary>
internal sealed class Listener(SimulatedWorld world)
{
    /// <summary>Everything is read again after this time (ListenedDomain).</summary>
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(30);

    private readonly Dictionary<SimulatedGuest, Told> _told = [];
    private readonly Prng _chance = world.Chance;
    private bool _isConnected;

    /// <summary>The bridge begins to read: everything that stands there.</summary>
    public void Connect()
    {
        _told.Clear();
        _isConnected = true;
        foreach (SimulatedGuest guest in world.Guests)
        {
            // A copy that is listed first is held to be the guest until the other is read.
            if (guest.Domain is not null && !world.FaultsAreOver && !world.Scenario.IsKind && _chance.Chance(15))
            {
                world.Persons.LetDoubleSpeak(guest, isFirst: true);
            }

            Read(guest);
        }
    }

    /// <summary>Its words may have counted for nothing while another domain was held to be it: all is said again.</summary>
    public void HearAgain(SimulatedGuest guest)
    {
        // What happened to its own domain meanwhile is not forgotten.
        Read(guest);
        _told.Remove(guest);
        Read(guest);
    }

    /// <summary>The link broke, or its process did.</summary>
    public void Disconnect() => _isConnected = false;

    /// <summary>Whether the bridge that runs was told of the domain in which a guest is.</summary>
    public bool Knows(SimulatedGuest guest)
        => _isConnected && world.Bridge.Runs && _told.TryGetValue(guest, out Told? told) && told.Domain == guest.Domain;

    /// <summary>Something of a guest changed; the event for it comes soon, or is lost and found out later.</summary>
    public void Changed(SimulatedGuest guest)
    {
        bool isLost = _chance.Chance(world.Scenario.LinkFaults);
        world.Agenda.In(isLost ? RefreshInterval : TimeSpan.FromMilliseconds(_chance.Between(200, 600)), () => Read(guest));
    }

    private void Read(SimulatedGuest guest)
    {
        int life = world.Bridge.Life;
        if (!_isConnected || !world.Bridge.Runs)
        {
            return;
        }

        if (!_told.TryGetValue(guest, out Told? told))
        {
            _told[guest] = told = new Told();
        }

        if (told.Domain is { } before && before != guest.Domain)
        {
            _told[guest] = told = new Told();
            world.Witness.Gone(guest);
            world.Bridge.Take(new BridgeInput.GuestGone(guest.Identity.Uuid, before));
        }

        if (guest.Domain is not { } domain)
        {
            return;
        }

        bool isFirst = told.Domain is null;
        told.Domain = domain;
        if (isFirst)
        {
            world.Witness.Seen(guest, domain);
            world.Bridge.Take(new BridgeInput.GuestSeen(guest.Identity, domain, guest.ListedDisks));
        }

        if (guest.StandingReport is { } report && !ReferenceEquals(report, told.Report))
        {
            told.Report = report;
            Say(guest, domain, report, isNew: !isFirst, life);
        }

        if (guest.StandingOutcome is { } outcome && !ReferenceEquals(outcome, told.Outcome) && life == world.Bridge.Life)
        {
            told.Outcome = outcome;
            world.Witness.Answered(guest, outcome);
            world.Bridge.Take(new BridgeInput.OutcomeRead(guest.Identity.Uuid, domain, outcome));
        }
    }

    /// <summary>Gives a report of a guest to the bridge, and now and then an older one again after it.</summary>
    private void Say(SimulatedGuest guest, DomainId domain, GuestReport report, bool isNew, int life)
    {
        world.Witness.Reported(guest, domain, report, isNew);
        world.Bridge.Take(new BridgeInput.ReportRead(guest.Identity.Uuid, domain, report, isNew));
        if (isNew && _chance.Chance(world.Scenario.LinkFaults))
        {
            world.Agenda.In(_chance.Seconds(0.1, 90), () => Repeat(guest, domain, report, life));
        }
    }

    /// <summary>A link that repeats or reorders: words of before come once more, also after the domain is another.</summary>
    private void Repeat(SimulatedGuest guest, DomainId domain, GuestReport report, int life)
    {
        if (life == world.Bridge.Life && world.Bridge.Runs && _isConnected)
        {
            world.Witness.Repeated(guest, domain, report);
            world.Bridge.Take(new BridgeInput.ReportRead(guest.Identity.Uuid, domain, report, IsNew: true));
        }
    }

    private sealed class Told
    {
        public DomainId? Domain { get; set; }

        public GuestReport? Report { get; set; }

        public RequestOutcome? Outcome { get; set; }
    }
}
