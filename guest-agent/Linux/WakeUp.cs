using Mono.Unix.Native;

namespace GuestAgent.Linux;

/// <summary>Wakes the poll loop from any thread: an eventfd.</summary>
internal sealed unsafe class WakeUp : IDisposable
{
    public WakeUp()
    {
        FileDescriptor = Libc.EventFileDescriptor(0, Libc.OpenCloseOnExec | Libc.OpenNonBlocking);
        if (FileDescriptor < 0)
        {
            throw new IOException($"no eventfd ({LastErrno.Name})");
        }
    }

    /// <summary>To poll for POLLIN.</summary>
    public int FileDescriptor { get; }

    public void Set()
    {
        ulong one = 1;
        _ = Syscall.write(FileDescriptor, &one, sizeof(ulong));
    }

    /// <summary>Whether it was set since the last time; however often, it counts once.</summary>
    public bool Take()
    {
        ulong count;
        return Syscall.read(FileDescriptor, &count, sizeof(ulong)) == sizeof(ulong);
    }

    public void Dispose() => _ = Syscall.close(FileDescriptor);
}
