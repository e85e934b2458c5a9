using System.Runtime.InteropServices;
using HostBridge.Recovery;
using Microsoft.Win32.SafeHandles;

namespace HostBridge.Storage;

/// <summary>Device nodes and the numbers behind them.</summary>
internal static unsafe partial class DeviceNodes
{
    // struct statx is the same on every processor, unlike struct stat.
    private const int StatBytes = 256;
    private const int ModeOffset = 28;
    private const int MajorOffset = 128;
    private const int MinorOffset = 132;
    private const int EmptyPath = 0x1000; // AT_EMPTY_PATH
    private const int WorkingFolder = -100; // AT_FDCWD
    private const int KindMask = 0xf000; // S_IFMT
    private const int BlockDeviceKind = 0x6000; // S_IFBLK

    private const int ReadWrite = 2;
    private const int Exclusive = 0x80;

    /// <summary>The node of a device by the kernel's name, in which the kernel writes "!" in the place of a slash.</summary>
    public static string PathOf(string kernelName) => $"/dev/{kernelName.Replace('!', '/')}";

    /// <summary>The number of an open device.</summary>
    public static DeviceNumber? NumberOf(int file) => Status(file, string.Empty, EmptyPath);

    /// <summary>The number of the block device at a path, through links; null when there is none.</summary>
    public static DeviceNumber? NumberOf(string path) => Status(WorkingFolder, path, flags: 0);

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

    private static DeviceNumber? Status(int file, string path, int flags)
    {
        byte* status = stackalloc byte[StatBytes];
        return Status(file, path, flags, 0, status) == 0
            && (*(ushort*)(status + ModeOffset) & KindMask) == BlockDeviceKind
                ? new DeviceNumber(*(int*)(status + MajorOffset), *(int*)(status + MinorOffset))
                : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(int file, string path, int flags, uint mask, byte* status);
}
