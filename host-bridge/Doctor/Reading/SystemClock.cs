using System.Runtime.InteropServices;

namespace HostBridge.Doctor.Reading;

/// <summary>Asks the kernel about its clock.</summary>
internal static unsafe partial class SystemClock
{
    /// <summary>More than struct timex of any Linux takes; all zero, it only asks (modes = 0).</summary>
    private const int TimexBytes = 1024;

    /// <summary>TIME_ERROR of adjtimex(2): nobody disciplines the clock.</summary>
    private const int NotSynchronised = 5;

    /// <summary>Whether somebody keeps the clock right; null when the kernel does not say.</summary>
    public static bool? IsSynchronised()
    {
        byte* timex = stackalloc byte[TimexBytes];
        new Span<byte>(timex, TimexBytes).Clear();
        int state = AdjustTime(timex);
        return state < 0 ? null : state != NotSynchronised;
    }

    [LibraryImport("libc", EntryPoint = "adjtimex")]
    private static partial int AdjustTime(byte* timex);
}
