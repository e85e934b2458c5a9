using System.Text;
using GuestAgent.Linux;
using Mono.Unix.Native;
using Protocol.Health;

namespace GuestAgent.Remedies;

/// <summary>
/// The way to a mount point, held by descriptor. A path is looked up anew at each call, and whoever may write to one
/// of its folders can put a symbolic link there between two calls: what was unmounted from <c>/home/alice/data</c>
/// would be mounted over <c>/etc</c>. So only a way that nobody but root can change is taken, and it is taken once.
/// </summary>
internal sealed unsafe class MountFolder : IDisposable
{
    /// <summary>What to answer for a way that is not safe.</summary>
    public const string NotSafe = "its path can be changed by others";

    private const int Flags = Libc.OpenPathOnly | Libc.OpenNoFollow | Libc.OpenDirectory | Libc.OpenCloseOnExec;

    private const FilePermissions WritableByOthers = FilePermissions.S_IWGRP | FilePermissions.S_IWOTH;

    private readonly int _parent;
    private readonly byte[] _name;

    private MountFolder(int parent, byte[] name)
    {
        _parent = parent;
        _name = name;
    }

    /// <summary>
    /// Walks from <c>/</c> to the folder above the mount point. Null unless each folder on the way is a folder (no
    /// symbolic link), is root's and is writable for root alone; a sticky bit does not help, for it protects only
    /// names that exist.
    /// </summary>
    public static MountFolder? TryFind(MountPoint mountPoint)
    {
        byte[][] names = Split(mountPoint.ToBytes());
        int folder = Open(Libc.CurrentDirectory, "/"u8);
        foreach (byte[] name in names.SkipLast(1))
        {
            int next = IsRootsAlone(folder) ? Open(folder, name) : -1;
            Close(folder);
            folder = next;
        }

        if (IsRootsAlone(folder))
        {
            return new MountFolder(folder, names.Length == 0 ? "."u8.ToArray() : names[^1]);
        }

        Close(folder);
        return null;
    }

    /// <summary>
    /// The mount point for umount2(2), which follows no link in the last place. It pins nothing: an open descriptor
    /// of the folder itself would keep the filesystem busy.
    /// </summary>
    public byte[] PathToUnmount() => [.. PathOf(_parent), (byte)'/', .. _name];

    /// <summary>
    /// Opens what is at the mount point now: the filesystem's root while it is mounted, the bare folder otherwise.
    /// −1 when it is no folder; the caller closes it.
    /// </summary>
    public int Open() => Open(_parent, _name);

    /// <summary>A path that leads to an open descriptor and nowhere else, without a terminating NUL.</summary>
    public static byte[] PathOf(int fileDescriptor) => Encoding.ASCII.GetBytes($"/proc/self/fd/{fileDescriptor}");

    public void Dispose() => Close(_parent);

    private static int Open(int parent, ReadOnlySpan<byte> name)
    {
        fixed (byte* path = (byte[])[.. name, 0])
        {
            return Libc.OpenAt(parent, path, Flags, mode: 0);
        }
    }

    private static bool IsRootsAlone(int folder)
        => folder >= 0
            && Syscall.fstat(folder, out Stat status) == 0
            && status.st_uid == 0
            && (status.st_mode & WritableByOthers) == 0;

    private static byte[][] Split(byte[] path)
        => [.. Encoding.Latin1.GetString(path)
            .Split('/', StringSplitOptions.RemoveEmptyEntries)
            .Select(Encoding.Latin1.GetBytes)];

    private static void Close(int file)
    {
        if (file >= 0)
        {
            _ = Syscall.close(file);
        }
    }
}
