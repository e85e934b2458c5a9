using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace HostBridge.Incidents;

/// <summary>
/// The system calls for the state directory that the base library has no words for. What the system refuses is
/// thrown as <see cref="IOException"/>.
/// </summary>
internal static partial class StateFiles
{
    private const int OpenReadOnly = 0;
    private const int OpenReadWrite = 2;
    private const int OpenCreate = 0x40;
    private const int OpenDirectory = 0x10000;
    private const int OpenCloseOnExec = 0x80000;
    private const int OwnerOnly = 0x180; // 0600
    private const int LockExclusive = 2;
    private const int LockWithoutWaiting = 4;
    private const int LockRelease = 8;
    private const int WouldBlock = 11; // EWOULDBLOCK, the same as EAGAIN

    /// <summary>Opens a file, made when it is not there.</summary>
    public static SafeFileHandle OpenOrCreate(string path) => Open(path, OpenReadWrite | OpenCreate);

    /// <summary>Locks a whole file for as long as the handle is open; false when another handle has the lock.</summary>
    public static bool TryLock(SafeFileHandle file, string path)
    {
        if (Flock(file, LockExclusive | LockWithoutWaiting) == 0)
        {
            return true;
        }

        int errno = Marshal.GetLastPInvokeError();
        return errno == WouldBlock
            ? false
            : throw new IOException($"{path} cannot be locked: {Marshal.GetPInvokeErrorMessage(errno)}");
    }

    /// <summary>
    /// Ends a lock. Closing alone does not while a child that was just started has not executed its program yet: until
    /// then it holds the same open file (flock(2)).
    /// </summary>
    public static void Unlock(SafeFileHandle file) => _ = Flock(file, LockRelease);

    /// <summary>Makes the names in a directory survive a power cut.</summary>
    public static void SyncDirectory(string path)
    {
        using SafeFileHandle directory = Open(path, OpenReadOnly | OpenDirectory);
        if (Fsync(directory) != 0)
        {
            throw new IOException($"{path} cannot be synchronised: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    private static SafeFileHandle Open(string path, int flags)
    {
        int descriptor = Open(path, flags | OpenCloseOnExec, OwnerOnly);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw new IOException($"{path} cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(SafeFileHandle file, int operation);
}
