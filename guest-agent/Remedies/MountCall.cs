using GuestAgent.Detection;
using GuestAgent.Linux;
using Mono.Unix.Native;

namespace GuestAgent.Remedies;

/// <summary>mount(2) with the options of a line of the mount table.</summary>
internal static unsafe class MountCall
{
    public const ulong ReadOnly = 1; // MS_RDONLY and the others: sys/mount.h
    public const ulong RemountFlag = 32;
    public const ulong BindFlag = 4096;

    private static readonly (string Option, ulong Flag)[] Flags =
    [
        ("nosuid", 2), ("nodev", 4), ("noexec", 8), ("sync", 16), ("dirsync", 128), ("noatime", 1024),
        ("nodiratime", 2048), ("relatime", 1 << 21), ("strictatime", 1 << 24), ("lazytime", 1 << 25),
    ];

    /// <summary>What the kernel shows and does not take back.</summary>
    private static readonly string[] ShownOnly = ["rw", "ro", "emergency_ro", "shutdown", "lazytime", "sync", "dirsync"];

    /// <summary>The flags of a mount, without "read-only".</summary>
    public static ulong FlagsOf(MountEntry mount)
        => Flags
            .Where(flag => mount.MountOptions.Contains(flag.Option) || mount.SuperOptions.Contains(flag.Option))
            .Aggregate(0ul, (sum, flag) => sum | flag.Flag);

    /// <summary>The options of the filesystem's own, as mount(2) takes them.</summary>
    public static string DataOf(MountEntry mount)
        => string.Join(',', mount.SuperOptions.Where(option => !ShownOnly.Contains(option)));

    /// <summary>Calls mount(2) on what is at the folder now, and on nothing else. Null, or the errno's name.</summary>
    public static string? Run(byte[]? source, MountEntry mount, MountFolder folder, ulong flags, string? data)
    {
        int at = folder.Open();
        if (at < 0)
        {
            return LastErrno.Name;
        }

        try
        {
            fixed (byte* from = source is null ? null : (byte[])[.. source, 0],
                target = (byte[])[.. MountFolder.PathOf(at), 0],
                type = source is null ? null : SmallFile.Bytes(mount.FilesystemType),
                options = data is null ? null : SmallFile.Bytes(data))
            {
                return Libc.Mount(from, target, type, (nuint)flags, options) == 0 ? null : LastErrno.Name;
            }
        }
        finally
        {
            _ = Syscall.close(at);
        }
    }
}
