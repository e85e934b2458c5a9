using System.Globalization;
using Mono.Unix.Native;

namespace GuestAgent.Linux;

/// <summary>Descriptors that came with an exec.</summary>
internal static class Descriptors
{
    /// <summary>
    /// Closes every descriptor above 2 that was inherited: exactly those without close-on-exec, which everything
    /// opened by this program carries. A descriptor kept by accident could hold a filesystem busy for ever.
    /// </summary>
    public static void CloseInherited()
    {
        foreach (string entry in Directory.GetFileSystemEntries("/proc/self/fd"))
        {
            int file = int.Parse(Path.GetFileName(entry), CultureInfo.InvariantCulture);
            if (file > 2 && (Syscall.fcntl(file, FcntlCommand.F_GETFD) & 1) == 0)
            {
                _ = Syscall.close(file);
            }
        }
    }
}
