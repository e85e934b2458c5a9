using System.Diagnostics;
using System.Globalization;
using System.Text;
using GuestAgent.Detection;
using GuestAgent.Linux;
using Mono.Unix.Native;

namespace GuestAgent.Probing;

/// <summary>
/// The one conclusive probe: changed bytes are written to a fixed file and the device confirms them. Cheaper ones
/// lie: statvfs, access and the mount table say "writable" after an abort, a write alone succeeds on a dead disk,
/// fsync of an unchanged file succeeds on an aborted journal.
/// </summary>
internal static unsafe class WriteProbe
{
    /// <summary>The probe file in the root folder of each watched filesystem; the package's purge removes it.</summary>
    public const string FileName = ".guest-agent-probe";

    /// <summary>
    /// The file is written full of zeros once, so that a later probe needs no new block and a full disk is no
    /// fault.
    /// </summary>
    public const int FileSizeBytes = 4096;

    private const int ChangedBytes = 512;
    private const int OwnerOnly = 0x180; // 0600

    private static readonly byte[] FileNameBytes = SmallFile.Bytes(FileName);

    /// <summary>Probes once. May never return: that is the finding.</summary>
    public static ProbeReply Run(ProbeRequest request)
    {
        long start = Stopwatch.GetTimestamp();
        (ProbeStep step, int errno) = Probe(request);
        long microseconds = (long)Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        return new ProbeReply(request.ProbeId, request.Device, step, errno, microseconds);
    }

    private static (ProbeStep Step, int Errno) Probe(ProbeRequest request)
    {
        int folder = OpenMountPoint(request, out int errno);
        if (folder < 0)
        {
            return (ProbeStep.OpenMountPoint, errno);
        }

        try
        {
            int file = OpenFile(folder, out ProbeStep step, out errno);
            if (file < 0)
            {
                return (step, errno);
            }

            try
            {
                return WriteAndSync(file, request.ProbeId);
            }
            finally
            {
                _ = Syscall.close(file);
            }
        }
        finally
        {
            _ = Syscall.close(folder);
        }
    }

    private static int OpenMountPoint(ProbeRequest request, out int errno)
    {
        const int flags = Libc.OpenPathOnly | Libc.OpenDirectory | Libc.OpenNoFollow | Libc.OpenCloseOnExec;
        int folder;
        fixed (byte* path = (byte[])[.. request.MountPoint, 0])
        {
            folder = Libc.OpenAt(Libc.CurrentDirectory, path, flags, mode: 0);
        }

        errno = folder < 0 ? LastErrno.Number : 0;
        if (folder >= 0 && !request.HasAnonymousDevice && !IsDevice(folder, request.Device))
        {
            // Unmounted, or something was mounted over it since the table was read.
            _ = Syscall.close(folder);
            errno = (int)Mono.Unix.Native.Errno.ENODEV;
            return -1;
        }

        return folder;
    }

    private static bool IsDevice(int folder, DeviceNumber device)
        => Syscall.fstat(folder, out Stat status) == 0
            && DeviceNumbers.Of(status.st_dev) == device;

    private static int OpenFile(int folder, out ProbeStep step, out int errno)
    {
        const int flags = Libc.OpenReadWrite | Libc.OpenNoFollow | Libc.OpenNonBlocking | Libc.OpenCloseOnExec
            | Libc.OpenNoControllingTerminal;
        step = ProbeStep.Open;
        int file;
        fixed (byte* name = FileNameBytes)
        {
            file = Libc.OpenAt(folder, name, flags, mode: 0);
            errno = file < 0 ? LastErrno.Number : 0;
            if (errno == (int)Mono.Unix.Native.Errno.ENOENT)
            {
                step = ProbeStep.Create;
                file = Libc.OpenAt(folder, name, flags | Libc.OpenCreate | Libc.OpenExclusive, OwnerOnly);
                errno = file < 0 ? LastErrno.Number : 0;
            }
        }

        if (file < 0)
        {
            bool isLink = errno is (int)Mono.Unix.Native.Errno.ELOOP or (int)Mono.Unix.Native.Errno.ENXIO
                or (int)Mono.Unix.Native.Errno.EISDIR;
            step = isLink ? ProbeStep.Refused : step;
            return -1;
        }

        return Accept(file, ref step, ref errno);
    }

    /// <summary>The file must be regular, have one name and be ours; a new one is filled with zeros.</summary>
    private static int Accept(int file, ref ProbeStep step, ref int errno)
    {
        bool known = Syscall.fstat(file, out Stat status) == 0;
        bool isOurs = known
            && (status.st_mode & FilePermissions.S_IFMT) == FilePermissions.S_IFREG
            && status.st_nlink == 1
            && status.st_uid == Syscall.geteuid();
        if (!isOurs)
        {
            step = ProbeStep.Refused;
            errno = ProbeReply.NoErrno;
        }
        else if (status.st_size >= FileSizeBytes || Fill(file, out step, out errno))
        {
            return file;
        }

        _ = Syscall.close(file);
        return -1;
    }

    private static bool Fill(int file, out ProbeStep step, out int errno)
    {
        int flags = 0;
        if (Libc.InodeFlags(file, Libc.GetInodeFlags, ref flags) == 0)
        {
            // No backup of it; on btrfs no copy on write, or each probe would allocate. Types that know neither
            // refuse, which does not matter.
            int wanted = flags | Libc.InodeNoDump;
            _ = Libc.InodeFlags(file, Libc.SetInodeFlags, ref wanted);
            wanted |= Libc.InodeNoCopyOnWrite;
            _ = Libc.InodeFlags(file, Libc.SetInodeFlags, ref wanted);
        }

        byte* zeros = stackalloc byte[FileSizeBytes];
        new Span<byte>(zeros, FileSizeBytes).Clear();
        step = ProbeStep.Create;
        errno = Syscall.pwrite(file, zeros, FileSizeBytes, 0) == FileSizeBytes && Syscall.fsync(file) == 0
            ? 0
            : LastErrno.Number;
        return errno == 0;
    }

    private static (ProbeStep Step, int Errno) WriteAndSync(int file, long probeId)
    {
        byte* bytes = stackalloc byte[ChangedBytes];
        var content = new Span<byte>(bytes, ChangedBytes);
        content.Clear();
        long now = Stopwatch.GetTimestamp();
        string text = string.Create(CultureInfo.InvariantCulture, $"guest-agent probe {probeId} at {now}\n");
        _ = Encoding.ASCII.GetBytes(text, content);
        if (Syscall.pwrite(file, bytes, ChangedBytes, 0) != ChangedBytes)
        {
            return (ProbeStep.Write, LastErrno.Number);
        }

        return Syscall.fdatasync(file) == 0 ? (ProbeStep.Done, 0) : (ProbeStep.Sync, LastErrno.Number);
    }
}
