using System.Runtime.InteropServices;
using Mono.Unix.Native;

namespace GuestAgent.Linux;

/// <summary>
/// Wakes the poll loop when SIGHUP came. The runtime takes the signal, on a thread of its own that runs only then; the
/// loop learns of it by a descriptor.
/// </summary>
internal sealed unsafe class ReloadSignal : IDisposable
{
    private readonly PosixSignalRegistration _registration;

    public ReloadSignal()
    {
        FileDescriptor = Libc.EventFileDescriptor(0, Libc.OpenCloseOnExec | Libc.OpenNonBlocking);
        if (FileDescriptor < 0)
        {
            throw new IOException($"no eventfd ({LastErrno.Name})");
        }

        _registration = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Set);
    }

    /// <summary>To poll for POLLIN.</summary>
    public int FileDescriptor { get; }

    /// <summary>Whether it came since the last time; however often, it counts once.</summary>
    public bool Take()
    {
        ulong count;
        return Syscall.read(FileDescriptor, &count, sizeof(ulong)) == sizeof(ulong);
    }

    public void Dispose()
    {
        _registration.Dispose();
        _ = Syscall.close(FileDescriptor);
    }

    private void Set(PosixSignalContext context)
    {
        context.Cancel = true;
        ulong one = 1;
        _ = Syscall.write(FileDescriptor, &one, sizeof(ulong));
    }
}
