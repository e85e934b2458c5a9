using System.Diagnostics;
using System.Globalization;
using System.Text;
using GuestAgent.Detection;
using GuestAgent.Linux;
using Mono.Unix.Native;
using Protocol.Health;
using Errno = Mono.Unix.Native.Errno;

namespace GuestAgent.Probing;

/// <summary>
/// The one conclusive probe: changed bytes are written to a fixed file and the device confirms them. Cheaper ones
/// lie: statvfs, access and the mount table say "writable" after an abort, a write alone succeeds on a dead disk,
/// fsync of an unchanged file succeeds on an aborted journal.
/// </summary>
internal static unsafe class WriteProbe
{
    /// <summary>The probe file, in one folder of each watched filesystem; the package's purge removes it.</summary>
    public const string FileName = ".guest-agent-probe";

    /// <summary>
    /// The file is written full of zeros once, so that a later probe needs no new block and a full disk is no
    /// fault.
    /// </summary>
    public const int FileSizeBytes = 4096;

    private const int ChangedBytes = 512;
    private const int OwnerOnly = 0x180; // 0600

    private const int PermissionBits = 0xfff; // 07777

    private static ReadOnlySpan<byte> ContentStart => "guest-agent probe"u8;

    private static readonly byte[] FileNameBytes = SmallFile.Bytes(FileName);

    /// <summary>Probes once. May never return: that is the finding.</summary>
    public static ProbeReply Run(ProbeRequest request)
    {
        long start = Stopwatch.GetTimestamp();
        var beside = new Beside();
        (ProbeStep step, int errno) = Sort(Probe(request, beside));
        long microseconds = (long)Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        return new ProbeReply(request.ProbeId, request.Device, step, errno, microseconds)
        {
            Room = beside.Room, IsReadOnlySubvolume = beside.IsReadOnlySubvolume, FilesystemId = beside.FilesystemId,
        };
    }

    /// <summary>What was read beside a probe, once that came back.</summary>
    private sealed class Beside
    {
        public FilesystemRoom? Room { get; set; }

        public bool IsReadOnlySubvolume { get; set; }

        public ulong? FilesystemId { get; set; }
    }

    /// <summary>
    /// Only what speaks of the device or of room is a finding. The rest (EPERM of an immutable file, ETXTBSY, EACCES,
    /// ENOMEM and what no one thought of) says that this probe could not be made, and nothing of the filesystem.
    /// </summary>
    internal static (ProbeStep Step, int Errno) Sort((ProbeStep Step, int Errno) met)
    {
        bool isOfDevice = (Errno)met.Errno is Errno.EROFS or Errno.EIO or Errno.ENXIO or Errno.ENODEV or Errno.EUCLEAN
            or Errno.EBADMSG or Errno.EREMOTEIO or Errno.ETIMEDOUT or Errno.ESHUTDOWN or Errno.ENOSPC or Errno.EDQUOT;
        return met.Step is ProbeStep.Done or ProbeStep.OpenMountPoint || isOfDevice
            ? met
            : (ProbeStep.Refused, met.Errno);
    }

    private static (ProbeStep Step, int Errno) Probe(ProbeRequest request, Beside beside)
    {
        int folder = ProbedMount.Open(request, out ProbeStep step, out int errno);
        if (folder < 0)
        {
            return (step, errno);
        }

        try
        {
            (ProbeStep Step, int Errno) met = ProbeInFirstFit(folder, request, beside);
            if (met.Step == ProbeStep.Done || met.Errno == (int)Errno.EROFS)
            {
                beside.Room = RoomReading.Of(folder);
            }

            beside.IsReadOnlySubvolume = met.Errno == (int)Errno.EROFS && BtrfsSubvolume.IsReadOnly(folder);

            return met;
        }
        finally
        {
            _ = Syscall.close(folder);
        }
    }

    /// <summary>
    /// In the first folder that is fit for the file. Of those that are not, the first says why: it is where an
    /// administrator would look.
    /// </summary>
    private static (ProbeStep Step, int Errno) ProbeInFirstFit(
        int top, ProbeRequest request, Beside beside)
    {
        (ProbeStep Step, int Errno)? refused = null;
        foreach (byte[] path in request.Folders)
        {
            int folder = ProbeFolder.Open(top, path, out ProbeStep step, out int errno);
            (ProbeStep Step, int Errno) met = Sort(
                folder < 0 ? (step, errno) : ProbeIn(folder, request.ProbeId, beside));
            _ = folder < 0 ? 0 : Syscall.close(folder);
            refused ??= met;
            if (met.Step != ProbeStep.Refused)
            {
                return met;
            }

            if (folder >= 0 && (Errno)met.Errno is not (Errno.EPERM or Errno.EACCES))
            {
                break; // something else has the name: whoever put it there is to see that
            }
        }

        return refused ?? (ProbeStep.Refused, ProbeReply.NoFolder);
    }

    private static (ProbeStep Step, int Errno) ProbeIn(int folder, long probeId, Beside beside)
    {
        int file = OpenFile(folder, out ProbeStep step, out int errno);
        if (file < 0)
        {
            return (step, errno);
        }

        try
        {
            (ProbeStep Step, int Errno) met = WriteAndSync(file, probeId);
            beside.FilesystemId = met.Step == ProbeStep.Done ? FilesystemIdentity.Of(file) : null;
            return met;
        }
        finally
        {
            _ = Syscall.close(file);
        }
    }

    private static int OpenFile(int folder, out ProbeStep step, out int errno)
    {
        // No access time: on an aborted journal the attempt to change it would print six kernel lines (6.1).
        const int flags = Libc.OpenReadWrite | Libc.OpenNoFollow | Libc.OpenNonBlocking | Libc.OpenCloseOnExec
            | Libc.OpenNoControllingTerminal | Libc.OpenNoAccessTime;
        step = ProbeStep.Open;
        int file;
        fixed (byte* name = FileNameBytes)
        {
            file = Libc.OpenAt(folder, name, flags, mode: 0);
            errno = file < 0 ? LastErrno.Number : 0;
            if (errno == (int)Errno.ENOENT)
            {
                step = ProbeStep.Create;
                file = Libc.OpenAt(folder, name, flags | Libc.OpenCreate | Libc.OpenExclusive, OwnerOnly);
                errno = file < 0 ? LastErrno.Number : 0;
            }
        }

        if (file < 0)
        {
            bool isLink = errno is (int)Errno.ELOOP or (int)Errno.ENXIO
                or (int)Errno.EISDIR;
            step = isLink ? ProbeStep.Refused : step;
            return -1;
        }

        return Accept(file, ref step, ref errno);
    }

    /// <summary>
    /// The file must be ours, by everything that can be seen of it: whoever owns the folder can give a file of
    /// root's this name. A new one is filled with zeros.
    /// </summary>
    private static int Accept(int file, ref ProbeStep step, ref int errno)
    {
        bool isOurs = Syscall.fstat(file, out Stat status) == 0
            && (status.st_mode & FilePermissions.S_IFMT) == FilePermissions.S_IFREG
            && ((int)status.st_mode & PermissionBits) == OwnerOnly
            && status.st_nlink == 1
            && status.st_uid == Syscall.geteuid()
            && status.st_size is 0 or FileSizeBytes;
        if (!isOurs || (status.st_size != 0 && !BeginsAsOurs(file, out errno)))
        {
            // Where it could not be read, the errno says so.
            step = errno == ProbeReply.NoErrno ? ProbeStep.Refused : ProbeStep.Open;
        }
        else if (status.st_size != 0 || Fill(file, out step, out errno))
        {
            return file;
        }

        _ = Syscall.close(file);
        return -1;
    }

    private static bool BeginsAsOurs(int file, out int errno)
    {
        byte* start = stackalloc byte[ContentStart.Length];
        var content = new ReadOnlySpan<byte>(start, ContentStart.Length);
        long size = Syscall.pread(file, start, (ulong)ContentStart.Length, 0);
        errno = size < 0 ? LastErrno.Number : ProbeReply.NoErrno;
        bool isNew = !content.ContainsAnyExcept((byte)0);
        return size == ContentStart.Length && (isNew || content.SequenceEqual(ContentStart));
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
        long written = Syscall.pwrite(file, zeros, FileSizeBytes, 0);
        errno = written switch
        {
            FileSizeBytes => Syscall.fsync(file) == 0 ? 0 : LastErrno.Number,
            < 0 => LastErrno.Number,
            _ => (int)Errno.ENOSPC, // small blocks: there was room for some of it
        };
        if (errno != 0)
        {
            // Half filled it would not be known for ours the next time.
            _ = Syscall.ftruncate(file, 0);
        }

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
        long written = Syscall.pwrite(file, bytes, ChangedBytes, 0);
        if (written != ChangedBytes)
        {
            // A call that wrote a part of it leaves no errno: there was no room for the rest.
            return (ProbeStep.Write, written < 0 ? LastErrno.Number : (int)Errno.ENOSPC);
        }

        return Syscall.fdatasync(file) == 0 ? (ProbeStep.Done, 0) : (ProbeStep.Sync, LastErrno.Number);
    }
}
