using System.Runtime.InteropServices;

namespace GuestAgent.Linux;

/// <content>fanotify(7), and what maps its events to filesystems.</content>
internal static unsafe partial class Libc
{
    public const uint FanotifyNotify = 0; // FAN_CLASS_NOTIF, linux/fanotify.h
    public const uint FanotifyCloseOnExec = 1;
    public const uint FanotifyNonBlocking = 2;
    public const uint FanotifyReportFileId = 0x200; // FAN_REPORT_FID, since 5.1

    public const uint FanotifyAdd = 1;
    public const uint FanotifyWholeFilesystem = 0x100; // FAN_MARK_FILESYSTEM, since 4.20

    [LibraryImport("libc", EntryPoint = "fanotify_init", SetLastError = true)]
    public static partial int FanotifyInit(uint flags, uint eventFlags);

    [LibraryImport("libc", EntryPoint = "fanotify_mark", SetLastError = true)]
    public static partial int FanotifyMark(int group, uint flags, ulong mask, int directory, byte* path);

    /// <summary>lgetxattr(2): the size of the value, or −1.</summary>
    [LibraryImport("libc", EntryPoint = "lgetxattr", SetLastError = true)]
    public static partial nint ExtendedAttribute(byte* path, byte* name, byte* value, nuint size);

    /// <summary>statfs(2); see <see cref="FilesystemStatus"/>.</summary>
    [LibraryImport("libc", EntryPoint = "statfs", SetLastError = true)]
    public static partial int FilesystemStatusOfPath(byte* path, long* status);
}
