using GuestAgent.Detection;
using GuestAgent.Linux;
using Mono.Unix.Native;

namespace GuestAgent.Probing;

/// <summary>
/// The process that probes. It may get stuck for ever in a system call that no signal ends; then it holds nothing
/// that the agent needs: the agent can be stopped, restarted and upgraded. It has two pipes, sits in a tmpfs, and
/// ends when its input does.
/// </summary>
internal sealed unsafe class ProbeChild
{
    /// <summary>The argument that makes the program a probe process.</summary>
    public const string Argument = "probe-process";

    private const int Input = 0;
    private const int Output = 1;
    private const int MaxFilesystems = 64;
    private const int WorkerStackBytes = 128 * 1024;

    private readonly Dictionary<DeviceNumber, Worker> _workers = [];

    /// <summary>What a thread is given, and whether it has done all of it.</summary>
    private sealed class Worker(DeviceNumber device)
    {
        private long _doneId;

        public DeviceNumber Device => device;

        public ProbeMailbox Requests { get; } = new();

        /// <summary>The newest: it is never dropped, and the last that is done.</summary>
        public long GivenId { get; set; }

        public bool IsIdle => Volatile.Read(ref _doneId) == GivenId;

        public void Done(ProbeRequest request) => Volatile.Write(ref _doneId, request.ProbeId);
    }

    /// <summary>Runs until the input ends. The exit code is of no interest to anyone.</summary>
    public static int Run()
    {
        Descriptors.CloseInherited();
        // Not where it was started: a working folder keeps a filesystem busy, and the root is never unmounted.
        _ = Syscall.chdir("/dev/shm") == 0 || Syscall.chdir("/run") == 0 || Syscall.chdir("/") == 0;
        _ = ThisMachine.LockMemory();
        new ProbeChild().Serve();

        // A worker may be stuck: nothing here waits for it.
        Libc.ExitNow(0);
        return 0;
    }

    private void Serve()
    {
        var received = new byte[2 * ProbeFrames.MaxFrameBytes];
        int filled = 0;
        fixed (byte* start = received)
        {
            while (true)
            {
                long size = Syscall.read(Input, start + filled, (ulong)(received.Length - filled));
                if (size < 0 && LastErrno.IsForNow)
                {
                    continue;
                }

                if (size <= 0)
                {
                    return;
                }

                filled += (int)size;
                ReadOnlyMemory<byte> rest = received.AsMemory(0, filled);
                while (ProbeFrames.TryTake(ref rest, out ReadOnlyMemory<byte> body))
                {
                    HandOver(ProbeFrames.DecodeRequest(body));
                }

                rest.CopyTo(received);
                filled = rest.Length;
            }
        }
    }

    /// <summary>One thread a filesystem: a probe that hangs holds up no other filesystem's.</summary>
    private void HandOver(ProbeRequest request)
    {
        if (!_workers.TryGetValue(request.Device, out Worker? worker))
        {
            if (_workers.Count == MaxFilesystems && !TryEndIdle())
            {
                Reply(new ProbeReply(request.ProbeId, request.Device, ProbeStep.Refused, 0, 0));
                return;
            }

            var added = new Worker(request.Device);
            _workers[request.Device] = worker = added;
            var thread = new Thread(() => Work(added), WorkerStackBytes) { IsBackground = true };
            thread.Start();
        }

        worker.GivenId = request.ProbeId;
        worker.Requests.Put(request);
    }

    /// <summary>
    /// Filesystems come and go (volumes, snapshots, removable disks): the one that was not asked for the longest gives
    /// its place. False when every thread is stuck.
    /// </summary>
    private bool TryEndIdle()
    {
        Worker? oldest = _workers.Values.Where(one => one.IsIdle).MinBy(one => one.GivenId);
        oldest?.Requests.Close();
        return oldest is not null && _workers.Remove(oldest.Device);
    }

    private static void Work(Worker worker)
    {
        NameThread(worker.Device);
        while (worker.Requests.Take() is { } request)
        {
            Reply(WriteProbe.Run(request));
            worker.Done(request);
        }
    }

    /// <summary>By the name an agent after this one finds a thread that is stuck.</summary>
    private static void NameThread(DeviceNumber device)
    {
        fixed (byte* name = SmallFile.Bytes(ProbeWorkers.ThreadName(device)))
        {
            _ = Libc.ProcessControl(Libc.SetThreadName, (ulong)name);
        }
    }

    private static void Reply(ProbeReply reply)
    {
        byte[] frame = ProbeFrames.Encode(reply);
        fixed (byte* start = frame)
        {
            if (Syscall.write(Output, start, (ulong)frame.Length) < 0)
            {
                Libc.ExitNow(0);
            }
        }
    }
}
