using System.Runtime.InteropServices;
using HostBridge.Recovery;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace HostBridge.Storage;

/// <summary>Device nodes and the numbers behind them.</summary>
internal static class DeviceNodes
{
    private const int ReadWrite = 2;
    private const int Exclusive = 0x80;

    /// <summary>The node of a device by the kernel's name, in which the kernel writes "!" in the place of a slash.</summary>
    public static string PathOf(string kernelName) => $"/dev/{kernelName.Replace('!', '/')}";

    /// <summary>The number of an open device.</summary>
    public static DeviceNumber? NumberOf(int file)
        => Syscall.fstat(file, out Stat status) == 0 ? NumberOf(status) : null;

    /// <summary>The number of the block device at a path, through links; null when there is none.</summary>
    public static DeviceNumber? NumberOf(string path)
        => Syscall.stat(path, out Stat status) == 0 ? NumberOf(status) : null;

    /// <summary>
    /// Opens a block device for this program alone (O_EXCL); null when it cannot be, with what the system says. The claim
    /// lasts as long as the handle, or whatever the kernel made of it, is open.
    /// </summary>
    public static SafeFileHandle? TryOpenExclusively(DeviceNumber device, string kernelName, out string? problem)
    {
        int file = Libc.Open(
            PathOf(kernelName), ReadWrite | Exclusive | Libc.OpenCloseOnExec | Libc.OpenNonBlocking, mode: 0);
        if (file < 0)
        {
            problem = $"{PathOf(kernelName)}: {Libc.NameOf(Marshal.GetLastPInvokeError())}";
            return null;
        }

        problem = NumberOf(file) == device ? null : $"{PathOf(kernelName)} is another device";
        if (problem is null)
        {
            return new SafeFileHandle(file, ownsHandle: true);
        }

        _ = Libc.Close(file);
        return null;
    }

    /// <summary>Of stat(2), not statx(2), which kernels before 4.11 and C libraries before 2.28 lack.</summary>
    private static DeviceNumber? NumberOf(Stat status)
    {
        if ((status.st_mode & FilePermissions.S_IFMT) != FilePermissions.S_IFBLK)
        {
            return null;
        }

        // gnu_dev_major and gnu_dev_minor, sys/sysmacros.h.
        ulong device = status.st_rdev;
        ulong major = ((device >> 8) & 0xfff) | ((device >> 32) & ~0xffful);
        ulong minor = (device & 0xff) | ((device >> 12) & ~0xfful);
        return new DeviceNumber((int)major, (int)minor);
    }
}
