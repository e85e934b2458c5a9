using System.Globalization;
using GuestAgent.Detection;
using GuestAgent.Linux;
using Mono.Unix.Native;
using Errno = Mono.Unix.Native.Errno;

namespace GuestAgent.Probing;

/// <summary>Opens the mount point of a probe, and makes sure that the path led to the filesystem that is meant.</summary>
internal static unsafe class ProbedMount
{
    /// <summary>
    /// The folder, opened as a path alone: it reads nothing. −1 when it cannot be opened or is another filesystem's.
    /// </summary>
    public static int Open(ProbeRequest request, out ProbeStep step, out int errno)
    {
        const int flags = Libc.OpenPathOnly | Libc.OpenDirectory | Libc.OpenNoFollow | Libc.OpenCloseOnExec;
        step = ProbeStep.OpenMountPoint;
        int folder;
        fixed (byte* path = (byte[])[.. request.MountPoint, 0])
        {
            folder = Libc.OpenAt(Libc.CurrentDirectory, path, flags, mode: 0);
        }

        errno = folder < 0 ? LastErrno.Number : 0;
        if (folder < 0)
        {
            return -1;
        }

        if (Syscall.fstat(folder, out Stat status) != 0)
        {
            // xfs answers nothing but statfs once it has shut down: that is a finding, not a path that leads elsewhere.
            errno = LastErrno.Number;
            step = IsMeantXfs(folder, request) ? ProbeStep.Open : step;
        }
        else if (IsMeant(folder, status, request))
        {
            return folder;
        }
        else
        {
            // Unmounted, or something was mounted over it since the table was read.
            errno = (int)Errno.ENODEV;
        }

        _ = Syscall.close(folder);
        return -1;
    }

    /// <summary>The id of the mount that a descriptor belongs to, as mountinfo has it; null before Linux 3.15.</summary>
    public static int? MountIdOf(int fileDescriptor)
    {
        const string key = "mnt_id:"; // proc(5), fdinfo
        string file = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fdinfo/{fileDescriptor}");
        string? line = SmallFile.TryReadText(file)?
            .Split('\n').FirstOrDefault(one => one.StartsWith(key, StringComparison.Ordinal));
        return int.TryParse(line?[key.Length..], NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture, out int id)
            ? id
            : null;
    }

    /// <summary>
    /// The mount that is meant, by its id where the kernel tells it: another folder of the same filesystem may have been
    /// mounted over it. And the filesystem that is meant, by its device number; the files of btrfs have numbers of their
    /// own.
    /// </summary>
    private static bool IsMeant(int folder, Stat status, ProbeRequest request)
    {
        bool isDevice = DeviceNumbers.Of(status.st_dev) == request.Device;
        return (MountIdOf(folder) ?? request.MountId) == request.MountId
            && (isDevice || (request.IsBtrfs && TypeOf(folder) == Libc.BtrfsType));
    }

    private static long? TypeOf(int folder)
    {
        long* words = stackalloc long[FilesystemStatusWords.Count];
        return Libc.FilesystemStatus(folder, words) == 0 ? words[FilesystemStatusWords.Type] : null;
    }

    /// <summary>The id of an xfs is the number of its device (fs/xfs/xfs_super.c).</summary>
    private static bool IsMeantXfs(int folder, ProbeRequest request)
    {
        long* words = stackalloc long[FilesystemStatusWords.Count];
        return Libc.FilesystemStatus(folder, words) == 0
            && words[FilesystemStatusWords.Type] == Libc.XfsType
            && DeviceNumbers.Of((uint)words[FilesystemStatusWords.FilesystemId]) == request.Device;
    }
}
