using System.Runtime.InteropServices;

namespace Protocol;

/// <summary>
/// The signals that an administrator sends to a daemon, SIGHUP to reload and SIGTERM to stop. nohup(1), a shell's trap
/// and some supervisors start programs with them ignored; that disposition survives execve(2), and the runtime leaves
/// an ignored signal ignored, with a handler registered or not. A reload or a stop would then be lost without a trace.
/// </summary>
public static partial class DaemonSignals
{
    private const int HangUp = 1; // SIGHUP, signal(7)
    private const int Terminate = 15; // SIGTERM, signal(7)
    private const nint Default = 0; // SIG_DFL, signal.h

    /// <summary>Calls a handler at each SIGHUP, also where the signal was inherited as ignored.</summary>
    /// <param name="reload">Called on a thread of the runtime; it has to set <c>Cancel</c>.</param>
    public static PosixSignalRegistration OnHangUp(Action<PosixSignalContext> reload)
    {
        _ = SetDisposition(HangUp, Default);
        return PosixSignalRegistration.Create(PosixSignal.SIGHUP, reload);
    }

    /// <summary>
    /// From here on SIGTERM ends the program, also where it was inherited as ignored. To be called before a handler of
    /// it is registered: it would replace that.
    /// </summary>
    public static void EndOnTerminate() => _ = SetDisposition(Terminate, Default);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetDisposition(int signal, nint handler);
}
