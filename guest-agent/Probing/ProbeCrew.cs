using GuestAgent.Detection;
using GuestAgent.Linux;
using Mono.Unix.Native;
using Protocol.Health;

namespace GuestAgent.Probing;

/// <summary>
/// The probe process and its spare. Both are started before the first report, while everything can still be
/// executed: nothing can be started from a dead root.
/// </summary>
internal sealed unsafe class ProbeCrew : IDisposable
{
    private const string PathTooLong = "path-too-long";

    private readonly byte[] _received = new byte[2 * ProbeFrames.MaxFrameBytes];
    private readonly List<ChildProcess> _ended = [];
    private int _filled;
    private ChildProcess? _active;
    private ChildProcess? _spare;
    private long _lastProbeId;

    /// <summary>Starts both. Throws <see cref="IOException"/> when the program cannot be started again.</summary>
    public ProbeCrew()
    {
        _active = ChildProcess.StartSelf(ProbeChild.Argument);
        _spare = ChildProcess.StartSelf(ProbeChild.Argument);
    }

    /// <summary>To poll for POLLIN; −1 when there is no probe process.</summary>
    public int FileDescriptor => _active?.Output ?? -1;

    /// <summary>The process that probes; null when there is none.</summary>
    public int? ProcessId => _active?.ProcessId;

    /// <summary>Whether a spare should be started as soon as the root can be executed from.</summary>
    public bool NeedsSpare => _spare is null;

    /// <summary>
    /// Hands a probe over. What is to be observed now: that it started, that no process would take it, or that it
    /// started and was refused because no probe can reach a path of that length.
    /// </summary>
    public IReadOnlyList<Observation> Start(MountEntry mount)
    {
        if (_active is null)
        {
            return [new Observation.ProbeNotStarted(mount.Device)];
        }

        long id = ++_lastProbeId;
        var started = new Observation.ProbeStarted(mount.Device, id);
        byte[]? frame = ProbeFrames.Encode(new ProbeRequest(
            id, mount.Device, mount.FilesystemType == "btrfs", mount.MountPoint.ToBytes()));
        if (frame is null)
        {
            var refused = new ProbeResult(ProbeStep.Refused, PathTooLong, TimeSpan.Zero);
            return [started, new Observation.ProbeFinished(mount.Device, id, refused)];
        }

        fixed (byte* start = frame)
        {
            bool taken = Syscall.write(_active.Input, start, (ulong)frame.Length) == frame.Length;
            return [taken ? started : new Observation.ProbeNotStarted(mount.Device)];
        }
    }

    /// <summary>
    /// The results that are there now. <paramref name="processEnded"/>: the process died, the spare took its place,
    /// and what was outstanding is lost.
    /// </summary>
    public List<Observation> Receive(out bool processEnded)
    {
        processEnded = false;
        var results = new List<Observation>();
        if (_active is null)
        {
            return results;
        }

        fixed (byte* start = _received)
        {
            long size = Syscall.read(_active.Output, start + _filled, (ulong)(_received.Length - _filled));
            if (size == 0)
            {
                processEnded = true;
                Replace();
                results.Add(new Observation.ProbesLost());
                return results;
            }

            _filled += (int)Math.Max(size, 0);
        }

        ReadOnlyMemory<byte> rest = _received.AsMemory(0, _filled);
        while (ProbeFrames.TryTake(ref rest, out ReadOnlyMemory<byte> body))
        {
            results.Add(Understand(ProbeFrames.DecodeReply(body)));
        }

        rest.CopyTo(_received);
        _filled = rest.Length;
        return results;
    }

    /// <summary>Starts a new spare. Only while the root can be executed from.</summary>
    public void StartSpare()
    {
        _spare ??= ChildProcess.StartSelf(ProbeChild.Argument);
        if (_active is null)
        {
            (_active, _spare) = (_spare, null);
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

    private void Replace()
    {
        _active!.Dispose();
        _ended.Add(_active);
        (_active, _spare) = (_spare, null);
        _filled = 0;
    }

    private static Observation.ProbeFinished Understand(ProbeReply reply)
    {
        string errno = reply switch
        {
            { Step: ProbeStep.Done } => ProbeResult.Ok,
            { Errno: ProbeReply.NoErrno } => "not-our-file",
            _ => LastErrno.NameOf(reply.Errno),
        };
        var result = new ProbeResult(reply.Step, errno, TimeSpan.FromMicroseconds(reply.Microseconds))
        {
            Room = reply.Room,
        };
        return new Observation.ProbeFinished(reply.Device, reply.ProbeId, result);
    }
}
