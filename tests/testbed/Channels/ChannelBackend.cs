using System.Net.Sockets;
using System.Runtime.InteropServices;
using Mono.Unix.Native;

namespace Testbed.Channels;

/// <summary>
/// What QEMU is for a PV console channel: takes at once what the guest writes, throws it away while nobody is
/// connected to its socket, and hands over what comes from there. The guest's end is a real pseudo-terminal.
/// </summary>
internal sealed unsafe partial class ChannelBackend : IDisposable
{
    private const int BufferBytes = 4096;
    private const ulong BytesToRead = 0x541b; // FIONREAD, asm-generic/ioctls.h
    private const int PathBytes = 64;
    private const int LookMilliseconds = 20;

    private readonly int _master;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Thread _thread;
    private readonly object _gate = new();
    private Socket? _client;
    private volatile bool _isStopped;
    private volatile bool _ends;

    /// <summary>Makes a pseudo-terminal, and listens.</summary>
    public ChannelBackend(string socketPath)
    {
        const int flags = (int)(OpenFlags.O_RDWR | OpenFlags.O_NOCTTY | OpenFlags.O_CLOEXEC);
        _master = OpenTerminal(flags);
        byte* path = stackalloc byte[PathBytes];
        if (_master < 0 || Grant(_master) != 0 || Unlock(_master) != 0 || NameOf(_master, path, PathBytes) != 0)
        {
            throw new IOException($"no pseudo-terminal can be made (errno {Marshal.GetLastPInvokeError()})");
        }

        TerminalPath = Marshal.PtrToStringUTF8((nint)path)!;
        File.Delete(socketPath);
        _listener.Bind(new UnixDomainSocketEndPoint(socketPath));
        _listener.Listen(1);
        _thread = new Thread(Run) { IsBackground = true, Name = "backend" };
        _thread.Start();
    }

    /// <summary>The guest's terminal.</summary>
    public string TerminalPath { get; }

    /// <summary>How many bytes were taken from the guest.</summary>
    public long TakenBytes { get; private set; }

    /// <summary>Bytes of the guest that wait to be taken.</summary>
    public int WaitingBytes
    {
        get
        {
            int waiting = 0;
            return Control(_master, BytesToRead, &waiting) == 0 ? waiting : -1;
        }
    }

    /// <summary>Takes nothing any more, and gives nothing.</summary>
    public void Stop()
    {
        _isStopped = true;
        lock (_gate)
        {
            // Whatever was under way is done.
        }
    }

    /// <summary>Goes on.</summary>
    public void Continue() => _isStopped = false;

    /// <summary>Gives the guest bytes of the test's own.</summary>
    public void SendToGuest(byte[] bytes)
    {
        fixed (byte* start = bytes)
        {
            _ = Syscall.write(_master, start, (ulong)bytes.Length);
        }
    }

    /// <summary>Hangs up.</summary>
    public void Dispose()
    {
        _ends = true;
        _thread.Join();
        _client?.Dispose();
        _listener.Dispose();
        _ = Syscall.close(_master);
    }

    private void Run()
    {
        byte[] buffer = new byte[BufferBytes];
        while (!_ends)
        {
            lock (_gate)
            {
                if (!_isStopped)
                {
                    TakeFromGuest(buffer);
                    TakeFromHost(buffer);
                }
            }

            Pollfd[] watched =
            [
                new() { fd = _master, events = PollEvents.POLLIN },
                new() { fd = (int)(_client ?? _listener).Handle, events = PollEvents.POLLIN },
            ];
            bool isIdle = _isStopped || Syscall.poll(watched, LookMilliseconds) < 0
                || (watched[0].revents & PollEvents.POLLHUP) != 0;
            if (isIdle)
            {
                // A terminal that nobody has opened hangs up all the time.
                Thread.Sleep(1);
            }
        }
    }

    private void TakeFromGuest(byte[] buffer)
    {
        Pollfd[] watched = [new() { fd = _master, events = PollEvents.POLLIN }];
        while (Syscall.poll(watched, 0) > 0 && (watched[0].revents & PollEvents.POLLIN) != 0)
        {
            long size;
            fixed (byte* start = buffer)
            {
                size = Syscall.read(_master, start, BufferBytes);
            }

            if (size <= 0)
            {
                return;
            }

            TakenBytes += size;
            try
            {
                _ = _client?.Send(buffer.AsSpan(0, (int)size));
            }
            catch (SocketException)
            {
                Drop();
            }
        }
    }

    private void TakeFromHost(byte[] buffer)
    {
        if (_client is null)
        {
            _client = _listener.Poll(0, SelectMode.SelectRead) ? _listener.Accept() : null;
            return;
        }

        while (_client?.Poll(0, SelectMode.SelectRead) == true)
        {
            int size;
            try
            {
                size = _client.Receive(buffer);
            }
            catch (SocketException)
            {
                size = 0;
            }

            if (size == 0)
            {
                Drop();
                return;
            }

            SendToGuest(buffer[..size]);
        }
    }

    private void Drop()
    {
        _client?.Dispose();
        _client = null;
    }

    [LibraryImport("libc", EntryPoint = "posix_openpt", SetLastError = true)]
    private static partial int OpenTerminal(int flags);

    [LibraryImport("libc", EntryPoint = "grantpt", SetLastError = true)]
    private static partial int Grant(int master);

    [LibraryImport("libc", EntryPoint = "unlockpt", SetLastError = true)]
    private static partial int Unlock(int master);

    [LibraryImport("libc", EntryPoint = "ptsname_r", SetLastError = true)]
    private static partial int NameOf(int master, byte* path, nuint sizeBytes);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int file, ulong request, int* value);
}
