using System.Buffers.Binary;
using GuestAgent.Linux;

namespace GuestAgent.Probing;

/// <summary>
/// Which filesystem a file lies in, as a hash of its UUID: a name like xvdb or loop4 may be another disk's tomorrow.
/// Asked in the probe process, after a probe that wrote, so that it waits for no disk.
/// </summary>
internal static unsafe class FilesystemIdentity
{
    private const int UuidBytes = 16;
    private const int XfsGeometryBytes = 112; // struct xfs_fsop_geom_v1, fs/xfs/libxfs/xfs_fs.h
    private const int XfsUuidOffset = 64;
    private const int BtrfsInfoBytes = 1024; // struct btrfs_ioctl_fs_info_args, linux/btrfs.h
    private const int BtrfsUuidOffset = 16;

    /// <summary>
    /// The hash; null when it cannot be asked for. ext2 to ext4 and most others make f_fsid from the UUID (fs/ext4/super.c,
    /// ext4_statfs); xfs puts the device's number there, and btrfs mixes in the subvolume's, so they are asked themselves.
    /// </summary>
    public static ulong? Of(int file)
    {
        long* words = stackalloc long[FilesystemStatusWords.Count];
        if (Libc.FilesystemStatus(file, words) != 0)
        {
            return null;
        }

        return words[FilesystemStatusWords.Type] switch
        {
            Libc.XfsType => OfUuid(file, Libc.XfsGeometry, XfsGeometryBytes, XfsUuidOffset),
            Libc.BtrfsType => OfUuid(file, Libc.BtrfsFilesystemInfo, BtrfsInfoBytes, BtrfsUuidOffset),
            _ => (ulong)words[FilesystemStatusWords.FilesystemId] is var id and not 0 ? id : null,
        };
    }

    private static ulong? OfUuid(int file, ulong request, int size, int offset)
    {
        byte* answer = stackalloc byte[BtrfsInfoBytes];
        new Span<byte>(answer, size).Clear();
        if (Libc.Control(file, request, answer) != 0)
        {
            return null;
        }

        var uuid = new ReadOnlySpan<byte>(answer + offset, UuidBytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(uuid)
            ^ BinaryPrimitives.ReadUInt64LittleEndian(uuid[sizeof(ulong)..]);
    }
}
