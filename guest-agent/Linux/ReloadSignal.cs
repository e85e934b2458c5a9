using System.Runtime.InteropServices;
using Protocol;

namespace GuestAgent.Linux;

/// <summary>
/// Wakes the poll loop when SIGHUP came. The runtime takes the signal, on a thread of its own that runs only then; the
/// loop learns of it by a descriptor.
/// </summary>
internal sealed class ReloadSignal : IDisposable
{
    private readonly WakeUp _wakeUp = new();
    private readonly PosixSignalRegistration _registration;

    public ReloadSignal() => _registration = DaemonSignals.OnHangUp(Set);

    /// <summary>To poll for POLLIN.</summary>
    public int FileDescriptor => _wakeUp.FileDescriptor;

    /// <summary>Whether it came since the last time; however often, it counts once.</summary>
    public bool Take() => _wakeUp.Take();

    public void Dispose()
    {
        _registration.Dispose();
        _wakeUp.Dispose();
    }

    private void Set(PosixSignalContext context)
    {
        context.Cancel = true;
        _wakeUp.Set();
    }
}
