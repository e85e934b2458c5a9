using System.Runtime.InteropServices;
using Mono.Unix.Native;

namespace GuestAgent.Linux;

/// <summary>The errno of the last system call, and its name as people of the field say it.</summary>
internal static class LastErrno
{
    /// <summary>The number, valid right after a call that failed.</summary>
    public static int Number => Marshal.GetLastPInvokeError();

    /// <summary>The name, for example <c>EROFS</c>.</summary>
    public static string Name => NameOf(Number);

    /// <summary>
    /// Whether it says only that nothing can be had now. A descriptor whose read fails with anything else is readable
    /// for ever, and must leave the poll set.
    /// </summary>
    public static bool IsForNow => Name is "EAGAIN" or "EWOULDBLOCK" or "EINTR";

    /// <summary>The name of an errno; <c>errno-N</c> where it has none.</summary>
    public static string NameOf(int errno)
        => NativeConvert.TryToErrno(errno, out Errno value) ? value.ToString() : $"errno-{errno}";
}
