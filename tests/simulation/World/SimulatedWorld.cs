using HostBridge.Recovery;
using Protocol.Health;
using Simulation.Engine;
using Simulation.Rules;

namespace Simulation.World;

/// <summary>Everything of one run: the SAN, the guests, the bridge, and who watches that the rules hold.</summary>
internal sealed class SimulatedWorld
{
    private readonly List<GuestLife> _lives = [];
    private readonly Dictionary<Guid, SimulatedGuest> _byUuid = [];
    private int _lastDomain;

    public SimulatedWorld(ulong seed, Safeguards safeguards, bool isKept)
        : this(seed, chance => Scenario.Draw(chance, safeguards), isKept)
    {
        WorldDraw.Populate(this);
        WorldDraw.AddStrangers(this, seed);
    }

    /// <summary>A world that is still empty.</summary>
    public SimulatedWorld(ulong seed, Func<Prng, Scenario> draw, bool isKept)
    {
        Chance = new Prng(seed);
        Trace = new Trace(isKept);
        Agenda = new Agenda();
        Scenario = draw(Chance);
        Policy = Scenario.Policy;
        Store = new SimulatedStore(Agenda, Chance, Trace);
        RequestWork = new RequestWork(this);
        Listener = new Listener(this);
        Edges = new Edges(this);
        Toolstack = new Toolstack(this);
        Bridge = new SimulatedBridge(this) { CrashesLeft = Scenario.Crashes };
        Persons = new Persons(this);
        Witness = new Witness(this);
    }

    /// <summary>What Dom0's wall clock showed at the begin of the run.</summary>
    public static DateTimeOffset Epoch { get; } = DateTimeOffset.UnixEpoch + TimeSpan.FromDays(400);

    public Prng Chance { get; }

    public Trace Trace { get; }

    public Agenda Agenda { get; }

    public Scenario Scenario { get; }

    public RecoveryPolicy Policy { get; }

    public SimulatedStore Store { get; }

    public RequestWork RequestWork { get; }

    public Listener Listener { get; }

    public Edges Edges { get; }

    public Toolstack Toolstack { get; }

    public SimulatedBridge Bridge { get; }

    public Witness Witness { get; }

    public List<SimulatedDisk> Disks { get; } = [];

    public List<SimulatedGuest> Guests { get; } = [];

    public Persons Persons { get; }

    /// <summary>By how much somebody set Dom0's wall clock forward, or with less than none back.</summary>
    public TimeSpan ClockStep { get; set; }

    /// <summary>What Dom0's wall clock shows, since <see cref="Epoch"/>.</summary>
    public TimeSpan WallNow => Agenda.Now + ClockStep;

    /// <summary>Whether the bridge's looks at its disks come back.</summary>
    public bool LooksWork { get; set; } = true;

    /// <summary>What persons paused: a guest, or with none the host; and until when the wall clock shows it.</summary>
    public Dictionary<Guid, TimeSpan> Pauses { get; } = [];

    /// <summary>Whether the world has stopped to go wrong.</summary>
    public bool FaultsAreOver { get; private set; }

    /// <summary>Runs it to its end: first the faults, then the demand that everything comes to an end.</summary>
    public void Run()
    {
        Begin();
        var faults = new Faults(this);
        faults.Begin();
        Agenda.RunUntil(Scenario.FaultsFor, () => false);
        FaultsAreOver = true;
        Bridge.CrashesLeft = 0;
        Trace.Add(Agenda.Now, "world", "faults are over");
        faults.End();
        var end = new Settling(this);
        Agenda.RunUntil(Agenda.Now + Settling.Limit(Policy), end.IsReached);
        end.Demand();
    }

    /// <summary>The guests and the bridge start.</summary>
    public void Begin()
    {
        foreach (GuestLife life in _lives)
        {
            life.Start(isFirst: true);
        }

        Bridge.Start();
    }

    /// <summary>What was drawn, in a line.</summary>
    public string Describe()
        => string.Join(", ", Guests.Select(guest
            => $"{guest.Identity.Name} {guest.Character} on {string.Join('+', guest.Disks.Select(disk => disk.Identity))}"))
            + $"; {Policy}";

    /// <summary>Adds a guest.</summary>
    public void Add(SimulatedGuest guest)
    {
        Guests.Add(guest);
        _lives.Add(new GuestLife(this, guest));
        _byUuid[guest.Identity.Uuid] = guest;
    }

    public GuestLife LifeOf(SimulatedGuest guest) => _lives[guest.Number];

    public SimulatedGuest GuestOf(GuestIdentity identity) => _byUuid[identity.Uuid];

    public DomainId NextDomain() => new(++_lastDomain);

    /// <summary>An entry for the durable record, as of this moment.</summary>
    public StoreEntry EntryOf(SimulatedGuest guest, DomainId? domain, TellKind kind, string text, IncidentFacts facts)
        => new(guest, domain, kind, text, facts, Agenda.Now) { Wall = Epoch + WallNow };

    /// <summary>A report stands in xenstore now.</summary>
    public void Report(SimulatedGuest guest, BootId boot, long sequence, IReadOnlyList<FilesystemHealth> filesystems)
    {
        guest.StandingReport = new GuestReport
        {
            BootId = boot,
            Sequence = sequence,
            AgentVersion = "0.1.0",
            State = filesystems.Count == 0
                ? new GuestState(Verdict.Unknown, Hidden: false, DateTimeOffset.UnixEpoch)
                : new GuestState(filesystems[0].Verdict, filesystems[0].Hidden, DateTimeOffset.UnixEpoch),
            Filesystems = filesystems,
            FilesystemCount = filesystems.Count,
        };
        Tell(guest, "reports", Trace.IsKept
            ? $"{sequence} {string.Join(' ', filesystems.Select(one => $"{one.MountPoint}={one.Verdict}"))}"
            : string.Empty);
        Listener.Changed(guest);
    }

    /// <summary>Something happened to a guest.</summary>
    public void Tell(SimulatedGuest guest, string what, string more = "")
        => Trace.Add(Agenda.Now, guest.Identity.Name, what, more);
}
