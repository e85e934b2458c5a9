using Mono.Unix.Native;

namespace GuestAgent.Linux;

/// <summary>Wakes the poll loop to end it; may be set from any thread.</summary>
internal sealed unsafe class StopSignal : IDisposable
{
    private volatile bool _isSet;

    public StopSignal()
    {
        FileDescriptor = Libc.EventFileDescriptor(0, Libc.OpenCloseOnExec | Libc.OpenNonBlocking);
        if (FileDescriptor < 0)
        {
            throw new IOException($"no eventfd ({LastErrno.Name})");
        }
    }

    /// <summary>To poll for POLLIN.</summary>
    public int FileDescriptor { get; }

    public bool IsSet => _isSet;

    public void Set()
    {
        _isSet = true;
        ulong one = 1;
        _ = Syscall.write(FileDescriptor, &one, sizeof(ulong));
    }

    public void Dispose() => _ = Syscall.close(FileDescriptor);
}
