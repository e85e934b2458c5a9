using GuestAgent.Detection;
using GuestAgent.Linux;
using Mono.Unix.Native;
using Protocol.Health;

namespace GuestAgent.Probing;

/// <summary>
/// The probe process and its spare. Both are started before the first report, while everything can still be
/// executed: nothing can be started from a dead root. What is outstanding is written down for the agent after this
/// one, so that a probe that is stuck in the kernel gets no second beside it.
/// </summary>
internal sealed unsafe class ProbeCrew : IDisposable
{
    private const string PathTooLong = "path-too-long";
    private const string RecordName = "probes";

    private readonly ProbeWorkers _workers;
    private readonly TmpfsFolder _folder;
    private readonly byte[] _received = new byte[2 * ProbeFrames.MaxFrameBytes];
    private readonly List<ChildProcess> _ended = [];
    private readonly Dictionary<DeviceNumber, OutstandingProbe> _outstanding = [];
    private int _filled;
    private ChildProcess? _active;
    private ProcessIdentity _activeIdentity;
    private ChildProcess? _spare;
    private long _lastProbeId;

    /// <summary>Starts both. Throws <see cref="IOException"/> when the program cannot be started again.</summary>
    /// <param name="workers">Probe processes as /proc shows them.</param>
    /// <param name="folder">Where the record of outstanding probes lies.</param>
    public ProbeCrew(ProbeWorkers workers, TmpfsFolder folder)
    {
        _workers = workers;
        _folder = folder;
        foreach (OutstandingProbe stuck in OutstandingProbeText.Parse(folder.TryRead(RecordName) ?? string.Empty)
            .Where(probe => workers.Probes(probe.Worker, probe.Device)))
        {
            _outstanding[stuck.Device] = stuck with { ProbeId = ++_lastProbeId };
        }

        _spare = ChildProcess.StartSelf(ProbeChild.Argument);
        Promote();
        _spare = ChildProcess.StartSelf(ProbeChild.Argument);
    }

    /// <summary>To poll for POLLIN; −1 when there is no probe process.</summary>
    public int FileDescriptor => _active?.Output ?? -1;

    /// <summary>The process that has a filesystem's outstanding probe; null when none is outstanding.</summary>
    public ProcessIdentity? WorkerOf(DeviceNumber device) => _outstanding.GetValueOrDefault(device)?.Worker;

    /// <summary>Whether a spare should be started as soon as the root can be executed from.</summary>
    public bool NeedsSpare => _spare is null;

    /// <summary>
    /// Hands a probe over. What is to be observed now: that it started, that an earlier one is still stuck, that no
    /// process would take it, or that it started and was refused because no probe can reach a path of that length.
    /// </summary>
    /// <param name="mount">The filesystem.</param>
    /// <param name="now">When.</param>
    /// <param name="writeCompletions">What its device has completed (<see cref="BlockActivity"/>).</param>
    public IReadOnlyList<Observation> Start(MountEntry mount, Moment now, long writeCompletions)
    {
        if (_outstanding.TryGetValue(mount.Device, out OutstandingProbe? earlier) && IsLeftBehind(earlier)
            && _workers.Probes(earlier.Worker, earlier.Device))
        {
            return [new Observation.ProbeFoundOutstanding(
                earlier.Device, earlier.ProbeId, earlier.StartedAt, earlier.WriteCompletions)];
        }

        if (_active is null)
        {
            return [new Observation.ProbeNotStarted(mount.Device)];
        }

        long id = ++_lastProbeId;
        var started = new Observation.ProbeStarted(mount.Device, id);
        byte[]? frame = ProbeFrames.Encode(new ProbeRequest(id, mount.Device, mount.MountId, mount.MountPoint.ToBytes())
        {
            IsBtrfs = mount.FilesystemType == "btrfs",
            Folders = [.. mount.ProbeFolders.Select(folder => folder.ToBytes())],
        });
        if (frame is null)
        {
            var refused = new ProbeResult(ProbeStep.Refused, PathTooLong, TimeSpan.Zero);
            return [started, new Observation.ProbeFinished(mount.Device, id, refused)];
        }

        // Before it is handed over: an agent that is killed in between has written down one too many, not one too few.
        _outstanding[mount.Device] = new OutstandingProbe(mount.Device, id, _activeIdentity, now, writeCompletions);
        Record();
        if (TryHandOver(frame))
        {
            return [started];
        }

        _ = _outstanding.Remove(mount.Device);
        Record();
        return [new Observation.ProbeNotStarted(mount.Device)];
    }

    /// <summary>
    /// The results that are there now. <paramref name="processEnded"/>: the process died, the spare took its place,
    /// and what was outstanding is lost.
    /// </summary>
    public List<Observation> Receive(out bool processEnded)
    {
        processEnded = false;
        if (_active is null)
        {
            return [];
        }

        fixed (byte* start = _received)
        {
            long size = Syscall.read(_active.Output, start + _filled, (ulong)(_received.Length - _filled));
            if (size == 0)
            {
                // The pipe closes with the last thread: none is stuck.
                processEnded = true;
                return Replace(mayBeStuck: false);
            }

            if (size < 0 && !LastErrno.IsForNow)
            {
                // Nothing will ever come out of it, and it would be readable for ever.
                processEnded = true;
                return Replace(mayBeStuck: true);
            }

            _filled += (int)Math.Max(size, 0);
        }

        var results = new List<Observation>();
        ReadOnlyMemory<byte> rest = _received.AsMemory(0, _filled);
        while (ProbeFrames.TryTake(ref rest, out ReadOnlyMemory<byte> body))
        {
            ProbeReply reply = ProbeFrames.DecodeReply(body);
            Finish(reply);
            results.Add(Understand(reply));
        }

        rest.CopyTo(_received);
        _filled = rest.Length;
        return results;
    }

    /// <summary>
    /// Looks after what no pipe tells of: a process that was killed while a probe of it is stuck, and the stuck
    /// probes of processes that are given up. What ended by now is lost.
    /// </summary>
    public List<Observation> LookAfter(Moment now, out bool processEnded)
    {
        bool isLate = _outstanding.Values
            .Any(probe => !IsLeftBehind(probe) && now - probe.StartedAt >= Classifier.SlowAfter);
        processEnded = isLate && _workers.IsZombie(_activeIdentity);
        List<Observation> lost = processEnded ? Replace(mayBeStuck: true) : [];
        lost.AddRange(Lose([.. _outstanding.Values.Where(
            probe => IsLeftBehind(probe) && !_workers.Probes(probe.Worker, probe.Device))]));
        return lost;
    }

    /// <summary>Starts a new spare. Only while the root can be executed from.</summary>
    public void StartSpare()
    {
        _spare ??= ChildProcess.StartSelf(ProbeChild.Argument);
        if (_active is null)
        {
            Promote();
        }
    }

    /// <summary>Collects processes that ended, so that none stays a zombie and no dead one counts as a spare.</summary>
    public void Reap()
    {
        _ended.RemoveAll(child => child.TryReap() is not null);
        if (_spare?.TryReap() is not null)
        {
            _spare.Dispose();
            _spare = null;
        }
    }

    public void Dispose()
    {
        _active?.Dispose();
        _spare?.Dispose();
    }

    private bool TryHandOver(byte[] frame)
    {
        fixed (byte* start = frame)
        {
            return Syscall.write(_active!.Input, start, (ulong)frame.Length) == frame.Length;
        }
    }

    private bool IsLeftBehind(OutstandingProbe probe) => probe.Worker != _activeIdentity;

    private void Promote()
    {
        (_active, _spare) = (_spare, null);
        _activeIdentity = _active is null ? default : _workers.Identify(_active.ProcessId) ?? default;
        _filled = 0;
    }

    /// <summary>The spare takes over. Where a thread may be stuck it keeps its probe.</summary>
    private List<Observation> Replace(bool mayBeStuck)
    {
        OutstandingProbe[] own = [.. _outstanding.Values.Where(probe => !IsLeftBehind(probe))];
        _active!.Dispose();
        _ended.Add(_active);
        Promote();
        return Lose([.. own.Where(probe => !mayBeStuck || !_workers.Probes(probe.Worker, probe.Device))]);
    }

    private List<Observation> Lose(IReadOnlyList<OutstandingProbe> probes)
    {
        foreach (OutstandingProbe probe in probes)
        {
            _ = _outstanding.Remove(probe.Device);
        }

        if (probes.Count > 0)
        {
            Record();
        }

        return [.. probes.Select(probe => new Observation.ProbeLost(probe.Device, probe.ProbeId))];
    }

    private void Finish(ProbeReply reply)
    {
        if (_outstanding.TryGetValue(reply.Device, out OutstandingProbe? probe) && probe.ProbeId == reply.ProbeId)
        {
            _ = _outstanding.Remove(reply.Device);
            Record();
        }
    }

    private void Record()
    {
        if (_outstanding.Count > 0)
        {
            _folder.Write(RecordName, OutstandingProbeText.Of(_outstanding.Values));
        }
        else
        {
            _folder.Remove(RecordName);
        }
    }

    private static Observation.ProbeFinished Understand(ProbeReply reply)
    {
        string errno = reply switch
        {
            { Step: ProbeStep.Done } => ProbeResult.Ok,
            { Errno: ProbeReply.NoErrno } => "not-our-file",
            { Errno: ProbeReply.NoFolder } => "folder-of-others",
            _ => LastErrno.NameOf(reply.Errno),
        };
        var result = new ProbeResult(reply.Step, errno, TimeSpan.FromMicroseconds(reply.Microseconds))
        {
            Room = reply.Room,
            IsReadOnlySubvolume = reply.IsReadOnlySubvolume,
            FilesystemId = reply.FilesystemId,
        };
        return new Observation.ProbeFinished(reply.Device, reply.ProbeId, result);
    }
}
