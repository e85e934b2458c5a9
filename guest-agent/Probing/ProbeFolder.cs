using GuestAgent.Detection;
using GuestAgent.Linux;
using Mono.Unix.Native;
using Errno = Mono.Unix.Native.Errno;

namespace GuestAgent.Probing;

/// <summary>
/// Opens the folder of the probe file. It must be root's, and root alone may write in it: whoever else can write in it
/// could put another file of root's in the place of ours. The path is walked from the mount's top folder, one segment
/// at a time, follows no link and stays on the mount: it may lead through folders that are anybody's.
/// </summary>
internal static unsafe class ProbeFolder
{
    private const int OwnerOnly = 0x1c0; // 0700
    private const FilePermissions WritableByOthers = FilePermissions.S_IWGRP | FilePermissions.S_IWOTH;

    /// <summary>The folder; −1 when it is not fit, or cannot be opened or made.</summary>
    /// <param name="top">The top folder of the mount.</param>
    /// <param name="path">The path from there, beginning with <c>/</c>; the last segment is made where it is missing.</param>
    /// <param name="step">Where it ended.</param>
    /// <param name="errno">What it met there, or <see cref="ProbeReply.NoFolder"/>.</param>
    public static int Open(int top, byte[] path, out ProbeStep step, out int errno)
    {
        byte[][] segments = SplitSegments(path);
        step = ProbeStep.Open;
        int folder = OpenIn(top, [(byte)'.'], out errno);
        for (int index = 0; index < segments.Length && folder >= 0; index++)
        {
            int next = OpenIn(folder, segments[index], out errno);
            if (errno == (int)Errno.ENOENT && index == segments.Length - 1)
            {
                step = ProbeStep.Create;
                next = MakeIn(folder, segments[index], out errno) ? OpenIn(folder, segments[index], out errno) : -1;
            }

            _ = Syscall.close(folder);
            folder = next;
        }

        if (folder < 0 || IsFit(top, folder, ref step, out errno))
        {
            return folder;
        }

        _ = Syscall.close(folder);
        return -1;
    }

    private static bool IsFit(int top, int folder, ref ProbeStep step, out int errno)
    {
        errno = Syscall.fstat(folder, out Stat status) == 0 ? 0 : LastErrno.Number;
        if (errno != 0)
        {
            return false;
        }

        bool isSameMount = ProbedMount.MountIdOf(folder) == ProbedMount.MountIdOf(top);
        if (!isSameMount || status.st_uid != Syscall.geteuid() || (status.st_mode & WritableByOthers) != 0)
        {
            step = ProbeStep.Refused;
            errno = isSameMount ? ProbeReply.NoFolder : (int)Errno.EXDEV;
            return false;
        }

        return true;
    }

    private static int OpenIn(int folder, byte[] name, out int errno)
    {
        const int flags = Libc.OpenPathOnly | Libc.OpenDirectory | Libc.OpenNoFollow | Libc.OpenCloseOnExec;
        fixed (byte* start = (byte[])[.. name, 0])
        {
            int opened = Libc.OpenAt(folder, start, flags, mode: 0);
            errno = opened < 0 ? LastErrno.Number : 0;
            return opened;
        }
    }

    /// <summary>True also when somebody else has just made it: whose it is is looked at afterwards.</summary>
    private static bool MakeIn(int folder, byte[] name, out int errno)
    {
        fixed (byte* start = (byte[])[.. name, 0])
        {
            errno = Libc.MakeFolderAt(folder, start, OwnerOnly) == 0 ? 0 : LastErrno.Number;
            return errno is 0 or (int)Errno.EEXIST;
        }
    }

    private static byte[][] SplitSegments(byte[] path)
    {
        var segments = new List<byte[]>();
        foreach (Range range in path.AsSpan().Split((byte)'/'))
        {
            ReadOnlySpan<byte> segment = path.AsSpan()[range];
            if (!segment.IsEmpty && !segment.SequenceEqual("."u8) && !segment.SequenceEqual(".."u8))
            {
                segments.Add(segment.ToArray());
            }
        }

        return [.. segments];
    }
}
