using HostBridge;
using HostBridge.Recovery;
using Simulation.Engine;

namespace Simulation.World;

/// <summary>
/// The process host-bridge: the real loop, and edges that carry its effects out into the world. It ends before, between
/// and after any two effects, and starts again with nothing but what is durable.
/// </summary>
internal sealed class SimulatedBridge(SimulatedWorld world)
{
    private readonly BridgeInput.Tick _tick = new();
    private readonly Dictionary<Guid, Queue<BridgeEffect>> _tails = [];
    private BridgeLoop? _loop;

    /// <summary>When this process began.</summary>
    public TimeSpan StartedAt { get; private set; }

    /// <summary>Grows with every process.</summary>
    public int Life { get; private set; }

    /// <summary>Whether a process runs.</summary>
    public bool Runs => _loop is not null;

    /// <summary>How often a crash may still hit it between two effects.</summary>
    public int CrashesLeft { get; set; }

    /// <summary>What it holds of the guests; none while no process runs.</summary>
    public IReadOnlyCollection<GuestRecord> Guests => _loop?.Guests ?? [];

    /// <summary>What it would do to a guest, and what it finds in the way.</summary>
    public Outlook OutlookOf(GuestRecord guest)
        => _loop!.Look(Moment).Guests.First(one => one.Record.Identity == guest.Identity).Outlook;

    /// <summary>This moment on its clocks.</summary>
    public Moment Moment => new(world.Agenda.Now - StartedAt, SimulatedWorld.Epoch + world.WallNow);

    /// <summary>A process begins.</summary>
    public void Start()
    {
        Life++;
        StartedAt = world.Agenda.Now - TimeSpan.FromSeconds(1);
        _tails.Clear();
        _loop = new BridgeLoop(world.Policy);
        world.Trace.Add(world.Agenda.Now, "bridge", "starts");
        world.Witness.BridgeStarted();
        foreach (SimulatedDisk disk in world.Disks)
        {
            disk.BridgeStarted();
        }

        foreach (GuestHistory history in StoreReading.Read(world.Store))
        {
            world.Witness.Restored(history);
            Take(new BridgeInput.HistoryRestored(history));
        }

        foreach ((Guid guest, TimeSpan until) in world.Pauses)
        {
            Take(Pause(guest, until));
        }

        int life = Life;
        world.Agenda.In(world.Chance.Seconds(0.2, 2), () => WhileAlive(life, world.Listener.Connect));
        world.Agenda.In(world.Chance.Seconds(0.2, 3), () => WhileAlive(life, () => Turn(life)));
    }

    /// <summary>The process ends, whatever it was about to do.</summary>
    public void Crash()
    {
        if (_loop is null)
        {
            return;
        }

        world.Trace.Add(world.Agenda.Now, "bridge", "crashes");
        _loop = null;
        world.Store.Lose();
        world.Witness.BridgeEnded();
        world.Agenda.In(world.Chance.Seconds(0.5, 40), Start);
    }

    /// <summary>Something comes in.</summary>
    public void Take(BridgeInput input)
    {
        if (_loop is null)
        {
            return;
        }

        IReadOnlyList<BridgeEffect> effects = _loop.Step(input, Moment);
        world.Witness.Stepped(_loop.Guests, effects);
        foreach (BridgeEffect effect in effects)
        {
            world.Witness.Decided(effect);
        }

        foreach (BridgeEffect effect in effects)
        {
            if (CrashesLeft > 0 && effect.Action is not RecoveryAction.Tell && world.Chance.Chance(60))
            {
                CrashesLeft--;
                Crash();
                return;
            }

            Begin(effect);
        }
    }

    /// <summary>The input that pauses one guest, or with an empty uuid the host.</summary>
    public static BridgeInput.Paused Pause(Guid guest, TimeSpan until)
        => new(guest == Guid.Empty ? null : guest, SimulatedWorld.Epoch + until);

    private void WhileAlive(int life, Action act)
    {
        if (life == Life && _loop is not null)
        {
            act();
        }
    }

    private void Turn(int life)
    {
        if (world.LooksWork)
        {
            var conditions = new DiskCondition[world.Disks.Count];
            for (int i = 0; i < conditions.Length; i++)
            {
                conditions[i] = world.Disks[i].Look(world.Agenda.Now, StartedAt);
            }

            world.Witness.Looked();
            Take(new BridgeInput.DisksChecked(conditions) { Backends = BootingBackends() });
        }

        Take(_tick);
        world.Agenda.In(world.Scenario.TurnInterval, () => WhileAlive(life, () => Turn(life)));
    }

    /// <summary>What the backends of those did that boot: a check reads without an end.</summary>
    private List<BackendActivity> BootingBackends()
    {
        List<BackendActivity>? moved = null;
        foreach (SimulatedGuest guest in world.Guests)
        {
            if (guest.Domain is { } domain && world.LifeOf(guest).IsBooting && guest.Disks.All(disk => disk.IsUp))
            {
                (moved ??= []).Add(new BackendActivity(domain, (long)world.Agenda.Now.TotalSeconds));
            }
        }

        return moved ?? [];
    }

    private void Begin(BridgeEffect effect)
    {
        SimulatedGuest guest = world.GuestOf(effect.Guest);
        if (effect.Action is RecoveryAction.Tell tell)
        {
            world.Trace.Add(
                world.Agenda.Now, guest.Identity.Name, "told", world.Trace.IsKept ? $"{tell.Kind} {tell.Text}" : tell.Text);
            world.Store.Append(
                world.EntryOf(guest, effect.Domain, tell.Kind, tell.Text, tell.Facts) with
                {
                    EndsIntent = tell.EndsIntent,
                    Standing = tell.Standing,
                },
                answer: null);
            return;
        }

        if (effect.Action is RecoveryAction.RememberFaulty remember)
        {
            world.Store.Remember(guest, remember);
            return;
        }

        if (!_tails.TryGetValue(effect.Guest.Uuid, out Queue<BridgeEffect>? tail))
        {
            _tails[effect.Guest.Uuid] = tail = new Queue<BridgeEffect>();
        }

        tail.Enqueue(effect);
        if (tail.Count == 1)
        {
            RunNext(guest, tail);
        }
    }

    /// <summary>Effects of one guest run one after another.</summary>
    private void RunNext(SimulatedGuest guest, Queue<BridgeEffect> tail)
    {
        BridgeEffect effect = tail.Peek();
        int life = Life;
        world.Edges.Run(guest, effect, completion =>
        {
            if (life != Life || _loop is null)
            {
                return;
            }

            tail.Dequeue();
            if (tail.Count > 0)
            {
                RunNext(guest, tail);
            }

            if (completion is not null)
            {
                Take(new BridgeInput.EffectCompleted(effect.Guest.Uuid, completion));
            }
        });
    }
}
