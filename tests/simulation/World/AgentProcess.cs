using System.Text;
using GuestAgent;
using GuestAgent.Detection;
using GuestAgent.Requests;
using HostBridge.Guests;
using Protocol.Health;
using Protocol.Xenstore;
using Simulation.Rules;
using AgentDevice = GuestAgent.Detection.DeviceNumber;
using AgentMoment = GuestAgent.Detection.Moment;

namespace Simulation.World;

/// <summary>
/// The process guest-agent of one guest: the real loop with its detection and its desk for requests, and hands and
/// senses that reach into the world. What it says goes through the nodes of its domain, and is put together from them as
/// the bridge does it.
/// </summary>
internal sealed partial class AgentProcess
{
    /// <summary>A guest that runs for long is probed less often: most of the probes find what the one before did.</summary>
    private static readonly ProbeIntervals Intervals = new(TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(60));

    private readonly SimulatedWorld _world;
    private readonly SimulatedGuest _guest;
    private readonly AgentLoop _loop;
    private readonly Queue<AgentInput> _inputs = new();
    private readonly int _life;
    private long _wakes;
    private bool _isSaid;

    public AgentProcess(SimulatedWorld world, SimulatedGuest guest)
    {
        (_world, _guest, _life) = (world, guest, guest.AgentLife);
        _loop = new AgentLoop(new AgentSettings
        {
            BootId = guest.Boot,
            AgentVersion = "0.1.0",
            IsDomU = true,
            FirstSequence = guest.Sequence + 1,
            Intervals = Intervals,
            Phase = world.Chance.Below(1000) / 1000.0,
        });
    }

    private bool Lives => _life == _guest.AgentLife && _guest.AgentRuns;

    /// <summary>The guest's clocks: its boot was long before the run.</summary>
    private AgentMoment Now
        => new(TimeSpan.FromHours(1) + _world.Agenda.Now, SimulatedWorld.Epoch + _world.Agenda.Now);

    /// <summary>It begins: it looks around, finds what an agent before it answered, and reads what is asked of it.</summary>
    public void Start()
    {
        ReadMounts(isFirst: true);
        Take(new AgentInput.LinkUp());
        Take(new AgentInput.EarlierOutcomeRead(_guest.Nodes.GetValueOrDefault(GuestKeys.Outcome)));
        ReadRequest();
    }

    /// <summary>The request node changed.</summary>
    public void ReadRequest()
    {
        if (Lives)
        {
            Take(new AgentInput.RequestRead(_guest.StandingRequest is { } request
                ? Encoding.ASCII.GetBytes(RequestCodec.ToLine(request))
                : null));
        }
    }

    private void Take(AgentInput input)
    {
        _inputs.Enqueue(input);
        Drain(otherwise: null);
    }

    /// <summary>Everything that came in is taken, and what that brings.</summary>
    /// <param name="otherwise">What is taken where nothing came in; null for nothing.</param>
    private void Drain(AgentInput? otherwise)
    {
        if (_inputs.Count == 0 && otherwise is not null)
        {
            _inputs.Enqueue(otherwise);
        }

        while (Lives && _inputs.TryDequeue(out AgentInput? next))
        {
            foreach (AgentEffect effect in _loop.Step(next, Now))
            {
                Execute(effect);
            }
        }

        if (Lives)
        {
            Say();
            WakeWhenDue();
        }
    }

    private void Execute(AgentEffect effect)
    {
        switch (effect)
        {
            case AgentEffect.StartProbe start:
                StartProbe(start.Mount.Device);
                break;
            case AgentEffect.WriteKey write when _world.Chance.Chance(_world.Scenario.LinkFaults):
                _world.Agenda.In(_world.Chance.Seconds(0.1, 1), () => TakeIfAlive(new AgentInput.KeyNotSent(write.Path)));
                break;
            case AgentEffect.WriteKey write:
                WriteNode(write.Path, write.Value);
                break;
            case AgentEffect.RunRemedy run:
                Remedy(run.Request);
                break;
            default:
                // Words for people in the guest, and a channel that it does not have.
                break;
        }
    }

    private void TakeIfAlive(AgentInput input)
    {
        if (Lives)
        {
            Take(input);
        }
    }

    private void WriteNode(string path, string? value)
    {
        XenstoreError error = XenstoreError.None;
        if (value is not null)
        {
            _guest.Nodes[path] = Encoding.ASCII.GetBytes(value);
        }
        else if (!_guest.Nodes.Remove(path))
        {
            error = XenstoreError.ENOENT;
        }

        _isSaid = true;
        _inputs.Enqueue(new AgentInput.KeyWritten(path, error));
    }

    /// <summary>What stands in the nodes now is what the bridge will read.</summary>
    private void Say()
    {
        if (!_isSaid)
        {
            return;
        }

        _isSaid = false;
        if (_guest.Nodes.TryGetValue(GuestKeys.Outcome, out byte[]? line) && RequestCodec.TryParseOutcome(line) is { } outcome
            && outcome != _guest.StandingOutcome)
        {
            _guest.StandingOutcome = outcome;
            _world.Tell(_guest, "answers", _world.Trace.IsKept ? RequestCodec.ToLine(outcome) : string.Empty);
        }

        if (ReportAssembler.Assemble(_guest.Nodes) is { Report: { } report })
        {
            _guest.StandingReport = report;
            _guest.Sequence = Math.Max(_guest.Sequence, report.Sequence);
            _world.Tell(_guest, "reports", _world.Trace.IsKept
                ? $"{report.Sequence} {string.Join(' ', report.Filesystems.Select(one => $"{one.MountPoint}={one.Verdict}"))}"
                : string.Empty);
        }

        _world.Listener.Changed(_guest);
    }

    private void WakeWhenDue()
    {
        long wake = ++_wakes;
        TimeSpan wait = _loop.NextWake(Now) - Now;
        _world.Agenda.In(wait > LeastWait ? wait : LeastWait, () =>
        {
            if (wake == _wakes && Lives)
            {
                SampleOutstanding();
                Drain(new AgentInput.Tick());
            }
        });
    }

    /// <summary>
    /// Carries a remedy out, which the agent began by itself: that none is carried out twice in a boot, and that no root
    /// is restarted that writes, is held against it.
    /// </summary>
    private void Remedy(GuestRequest request)
    {
        if (!_guest.TakenRequests.Add(request.Id))
        {
            _world.Witness.Break(Rule.DurableIntent, $"{_guest.Identity.Name} carries {request.Id} out a second time");
        }

        if (request.Action == RequestAction.Reboot && _guest.Root.Truth is FilesystemTruth.Well or FilesystemTruth.ErrorsRecorded)
        {
            _world.Witness.Break(Rule.DeadRootOnly, $"{_guest.Identity.Name} restarts itself, and its root is {_guest.Root.Truth}");
        }

        if (_guest.Character == Character.RebootingMidCommand && _guest.RelapsesLeft > 0)
        {
            _guest.RelapsesLeft--;
            _world.Agenda.In(_world.Chance.Seconds(0.1, 3), _world.LifeOf(_guest).Restart);
        }

        SimulatedFilesystem one = _guest.Filesystems.First(one => one.Mount == request.Filesystem);
        TimeSpan takes = request.Action switch
        {
            RequestAction.Repair => _guest.CheckTime,
            RequestAction.Reboot => _world.Chance.Seconds(0.3, 10),
            _ => _world.Chance.Seconds(0.1, 2),
        };
        _world.Agenda.In(takes, () =>
        {
            if (Lives && Finish(request, one) is { } result)
            {
                ReadMounts(isFirst: false);
                TakeIfAlive(new AgentInput.RemedyEnded(result));
            }
        });
    }

    /// <summary>Does what a remedy does to the guest; its result, or null where none comes.</summary>
    private RemedyResult? Finish(GuestRequest request, SimulatedFilesystem one)
    {
        switch (request.Action)
        {
            case RequestAction.Reboot when _guest.Character == Character.RefusingToEnd:
                return null;
            case RequestAction.Reboot when !_world.Scenario.IsKind && _world.Chance.Chance(20):
                return new RemedyResult(OutcomeReason.RebootFailed, string.Empty, null);
            case RequestAction.Reboot:
                _world.LifeOf(_guest).Restart();
                return null;
            case RequestAction.Remount:
                // Where it changes nothing it returns success all the same.
                one.Truth = _world.Chance.Chance(700) ? FilesystemTruth.Well : one.Truth;
                _world.LifeOf(_guest).MaybeRelapse();
                return new RemedyResult(OutcomeReason.None, string.Empty, null);
            case RequestAction.Repair when one.IsBusy:
                return new RemedyResult(OutcomeReason.InUse, "a program", null);
            default:
                int exitCode = one.Disk.IsUp ? _world.LifeOf(_guest).CheckExit() : 8;
                one.Truth = exitCode >= 4 ? FilesystemTruth.NotMounted : FilesystemTruth.Well;
                one.Mounts++;
                _world.LifeOf(_guest).MaybeRelapse();
                return new RemedyResult(
                    exitCode >= 4 ? OutcomeReason.CheckFailed : OutcomeReason.None, string.Empty, exitCode);
        }
    }
}
