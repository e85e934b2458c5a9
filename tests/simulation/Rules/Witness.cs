using HostBridge.Recovery;
using Protocol.Health;
using Simulation.World;

namespace Simulation.Rules;

/// <summary>
/// Watches a run, and knows nothing of what the bridge believes: it sees what really happened to the disks and guests,
/// what was delivered to the bridge, what is durable, and what the bridge does.
/// </summary>
internal sealed partial class Witness
{
    private readonly SimulatedWorld _world;
    private readonly Dictionary<SimulatedGuest, Hearing> _hearings = [];
    private readonly Dictionary<DeviceNumber, (string Identity, bool LooksUp)> _looks = [];
    private TimeSpan? _lookedAt;
    private TimeSpan _startedAt;
    private DateTimeOffset _startedWall;

    public Witness(SimulatedWorld world) => _world = world;

    /// <summary>Every rule that was broken so far.</summary>
    public List<Breach> Breaches { get; } = [];

    private TimeSpan Now => _world.Agenda.Now;

    private DateTimeOffset WallNow => SimulatedWorld.Epoch + _world.WallNow;

    private RecoveryPolicy Policy => _world.Policy;

    /// <summary>A rule is broken.</summary>
    public void Break(Rule rule, string text)
    {
        Breaches.Add(new Breach(rule, Now, text));
        _world.Trace.Add(Now, "BROKEN", rule.Number(), text);
    }

    /// <summary>A process begins: it was told of nothing yet.</summary>
    public void BridgeStarted()
    {
        _hearings.Clear();
        foreach (SimulatedGuest guest in _world.Guests)
        {
            _hearings[guest] = new Hearing();
        }

        _looks.Clear();
        _lookedAt = null;
        (_startedAt, _startedWall) = (Now, WallNow);
        ForgetTold();
        ForgetOrders();
    }

    /// <summary>It is given back what is durable: what was in flight is so again.</summary>
    public void Restored(GuestHistory history)
    {
        if (history.Open is { } open)
        {
            SimulatedGuest guest = _world.GuestOf(history.Guest);
            Hearing hearing = _hearings[guest];
            hearing.InFlightSince = Now - Before(open.Began, WallNow);
            hearing.InFlightFaultSince = hearing.InFlightSince;
            if (_orderedIntents.Contains(open.Intent))
            {
                _orderInFlight.Add(guest);
            }
        }
    }

    /// <summary>
    /// How old an entry of the durable record is as far as a bridge can know: what it wrote itself it knows by a clock
    /// that nobody sets, what was written before it by the wall clock alone.
    /// </summary>
    private TimeSpan AgeOf(StoreEntry entry)
        => entry.At >= _startedAt ? Now - entry.At : Now - _startedAt + Before(entry.Wall, _startedWall);

    private static TimeSpan Before(DateTimeOffset time, DateTimeOffset wall) => time < wall ? wall - time : TimeSpan.Zero;

    /// <summary>The process ends.</summary>
    public void BridgeEnded() => _world.Listener.Disconnect();

    /// <summary>The bridge looks at every disk at this moment.</summary>
    public void Looked()
    {
        _lookedAt = Now;
        foreach (SimulatedDisk disk in _world.Disks)
        {
            _looks[disk.Device] = (disk.Identity, disk.LooksUp);
        }

        foreach (SimulatedGuest guest in _world.Guests)
        {
            NoteIdentities(guest);
        }
    }

    /// <summary>The bridge is told of a guest's domain.</summary>
    public void Seen(SimulatedGuest guest, DomainId domain)
    {
        Hearing hearing = _hearings[guest];
        if (hearing.Domain == domain)
        {
            return;
        }

        hearing.Domain = domain;
        hearing.HeardAt = Now;
        hearing.HeardBoot = default;
        hearing.Identities.Clear();
        NoteIdentities(guest);
    }

    /// <summary>The bridge is told that the domain is gone.</summary>
    public void Gone(SimulatedGuest guest)
    {
        Hearing hearing = _hearings[guest];
        hearing.Domain = null;
        hearing.Report = null;
    }

    /// <summary>A report of the guest itself is delivered.</summary>
    public void Reported(SimulatedGuest guest, DomainId domain, GuestReport report, bool isNew)
    {
        Hearing hearing = _hearings[guest];
        int serial = guest.SerialOf(report.BootId);
        if (hearing.Domain != domain || (guest.Character != Character.Hostile && serial < hearing.BootSerial))
        {
            return;
        }

        hearing.Report = report;
        hearing.BootSerial = serial;
        bool isWell = report.Filesystems.All(one => one.Verdict == Verdict.Writable);
        hearing.FaultSince = isWell ? null : hearing.FaultSince ?? Now;
        if (isNew)
        {
            hearing.HeardAt = Now;
            hearing.HeardBoot = report.BootId;
        }
    }

    /// <summary>A report of the guest is delivered once more, whatever came in between.</summary>
    public void Repeated(SimulatedGuest guest, DomainId domain, GuestReport report)
    {
        Hearing hearing = _hearings[guest];
        if (hearing.Domain == domain && (guest.Character == Character.Hostile
            || (hearing.Report is { } newest && newest.BootId == report.BootId && newest.Sequence == report.Sequence)))
        {
            hearing.Report = report;
            hearing.HeardAt = Now;
            hearing.HeardBoot = report.BootId;
        }
    }

    /// <summary>An answer of the guest itself is delivered.</summary>
    public void Answered(SimulatedGuest guest, RequestOutcome outcome)
    {
        Hearing hearing = _hearings[guest];
        if (outcome.BootId == guest.Boot || guest.Character == Character.Hostile)
        {
            hearing.HeardAt = Now;
            hearing.HeardBoot = outcome.BootId;
        }
    }

    private void NoteIdentities(SimulatedGuest guest)
    {
        Hearing hearing = _hearings[guest];
        if (hearing.Domain is null)
        {
            return;
        }

        foreach (DeviceNumber device in guest.ListedDisks.Devices)
        {
            if (_looks.TryGetValue(device, out (string Identity, bool LooksUp) look))
            {
                hearing.Identities.TryAdd(device, look.Identity);
            }
        }
    }
}
