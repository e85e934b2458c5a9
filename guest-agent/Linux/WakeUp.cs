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

    /// <summary>Sets it. The call fails only where it is set already (EAGAIN at the counter's end).</summary>
    public void Set()
    {
        ulong one = 1;
        _ = Syscall.write(FileDescriptor, &one, sizeof(ulong));
    }

    /// <summary>
    /// Whether it was set since the last time; however often, it counts once. Throws <see cref="IOException"/> when it
    /// cannot be read: it would wake the loop for ever.
    /// </summary>
    public bool Take()
    {
        ulong count;
        if (Syscall.read(FileDescriptor, &count, sizeof(ulong)) == sizeof(ulong))
        {
            return true;
        }

        return LastErrno.IsForNow ? false : throw new IOException($"an eventfd cannot be read ({LastErrno.Name})");
    }

    public void Dispose() => _ = Syscall.close(FileDescriptor);
}
