using System.Runtime.InteropServices;

namespace GuestAgent.Linux;

/// <summary>
/// The system calls that Mono.Posix does not carry. <c>libc</c> is bound when the program is linked (DirectPInvoke
/// in the project file): a binding at the first call would search the disk for the library.
/// </summary>
internal static unsafe partial class Libc
{
    public const int CurrentDirectory = -100; // AT_FDCWD, fcntl.h

    public const int OpenReadOnly = 0;
    public const int OpenWriteOnly = 1;
    public const int OpenReadWrite = 2;
    public const int OpenCreate = 0x40;
    public const int OpenExclusive = 0x80;
    public const int OpenNoControllingTerminal = 0x100;
    public const int OpenNonBlocking = 0x800;
    public const int OpenDirectory = 0x10000;
    public const int OpenNoFollow = 0x20000;
    public const int OpenNoAccessTime = 0x40000;
    public const int OpenCloseOnExec = 0x80000;
    public const int OpenPathOnly = 0x200000;

    public const int LockCurrent = 1; // MCL_CURRENT, sys/mman.h
    public const int LockFuture = 2;

    public const int RebootRestart = 0x01234567; // LINUX_REBOOT_CMD_RESTART, linux/reboot.h

    public const ulong GetInodeFlags = 0x80086601; // FS_IOC_GETFLAGS, linux/fs.h
    public const ulong SetInodeFlags = 0x40086602;
    public const int InodeNoDump = 0x40; // FS_NODUMP_FL
    public const int InodeNoCopyOnWrite = 0x800000; // FS_NOCOW_FL

    public const long BtrfsType = 0x9123683E; // BTRFS_SUPER_MAGIC, linux/magic.h
    public const long XfsType = 0x58465342; // XFS_SUPER_MAGIC

    public const ulong BtrfsGetSubvolumeFlags = 0x80089419; // BTRFS_IOC_SUBVOL_GETFLAGS, linux/btrfs.h
    public const ulong BtrfsGetSubvolumeInfo = 0x81F8943C; // BTRFS_IOC_GET_SUBVOL_INFO, since Linux 4.18
    public const ulong BtrfsFilesystemInfo = 0x8400941F; // BTRFS_IOC_FS_INFO
    public const ulong XfsGeometry = 0x80705864; // XFS_IOC_FSGEOMETRY_V1, fs/xfs/libxfs/xfs_fs.h

    public const int ClockMonotonic = 1; // linux/time.h
    public const int ClockBoottime = 7; // counts suspended time, since 2.6.39
    public const int ParentDeathSignal = 1; // PR_SET_PDEATHSIG, linux/prctl.h
    public const int SetThreadName = 15; // PR_SET_NAME, at most 15 bytes

    [StructLayout(LayoutKind.Sequential)]
    public struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct PollEntry
    {
        public int FileDescriptor;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    public static partial int OpenAt(int directory, byte* path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true)]
    public static partial int MakeFolderAt(int directory, byte* path, int mode);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(PollEntry* entries, nuint count, int timeoutMs);

    [LibraryImport("libc", EntryPoint = "clock_gettime", SetLastError = true)]
    public static partial int ClockGetTime(int clock, out TimeSpec time);

    [LibraryImport("libc", EntryPoint = "mlockall", SetLastError = true)]
    public static partial int LockAllMemory(int flags);

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true)]
    public static partial int Mount(byte* source, byte* target, byte* type, nuint flags, byte* data);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true)]
    public static partial int Unmount(byte* target, int flags);

    [LibraryImport("libc", EntryPoint = "reboot", SetLastError = true)]
    public static partial int Reboot(int command);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    public static partial int SyncFilesystem(int fileDescriptor);

    /// <summary>fstatfs(2): fills a struct statfs, whose first word is the type on every 64-bit machine.</summary>
    [LibraryImport("libc", EntryPoint = "fstatfs", SetLastError = true)]
    public static partial int FilesystemStatus(int fileDescriptor, long* status);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int InodeFlags(int fileDescriptor, ulong request, ref int flags);

    /// <summary>ioctl(2) with a structure of the request's own.</summary>
    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Control(int fileDescriptor, ulong request, byte* argument);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    public static partial int ProcessControl(int option, ulong argument);

    /// <summary>tcgetattr(3): fills a struct termios, which has 60 bytes on Linux.</summary>
    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    public static partial int TerminalSettings(int fileDescriptor, byte* termios);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    public static partial int SetTerminalSettings(int fileDescriptor, int when, byte* termios);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    public static partial void MakeRaw(byte* termios);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial int EventFileDescriptor(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    public static partial int Pipe(int* ends, int flags);

    [LibraryImport("libc", EntryPoint = "_exit")]
    public static partial void ExitNow(int code);

    [LibraryImport("libc", EntryPoint = "posix_spawn")]
    public static partial int Spawn(
        out int processId, byte* path, void* fileActions, void* attributes, byte** arguments, byte** environment);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    public static partial int SpawnActionsInit(void* fileActions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    public static partial int SpawnActionsDuplicate(void* fileActions, int from, int to);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    public static partial int SpawnActionsDestroy(void* fileActions);
}
