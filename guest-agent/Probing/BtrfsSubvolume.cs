using System.Buffers.Binary;
using GuestAgent.Linux;
using Mono.Unix.Native;

namespace GuestAgent.Probing;

/// <summary>
/// Whether a btrfs subvolume has the read-only property, as snapshots have: every write meets EROFS while the mount
/// table says rw and statfs has no ST_RDONLY. Asked in the probe process, after a probe that met EROFS.
/// </summary>
internal static unsafe class BtrfsSubvolume
{
    private const ulong ReadOnlyFlag = 2; // BTRFS_SUBVOL_RDONLY, linux/btrfs.h

    // struct btrfs_ioctl_get_subvol_info_args, linux/btrfs.h: treeid, name[256], parent_id, dirid, generation, flags
    private const int InfoBytes = 504;
    private const int InfoFlagsOffset = 8 + 256 + 8 + 8 + 8;
    private const ulong InfoReadOnlyFlag = 1; // BTRFS_ROOT_SUBVOL_RDONLY, linux/btrfs_tree.h

    /// <summary>False on other types, and where it cannot be asked.</summary>
    /// <param name="folder">A folder of the subvolume; O_PATH suffices.</param>
    public static bool IsReadOnly(int folder)
    {
        long* words = stackalloc long[FilesystemStatusWords.Count];
        if (Libc.FilesystemStatus(folder, words) != 0 || words[FilesystemStatusWords.Type] != Libc.BtrfsType)
        {
            return false;
        }

        const int flags = Libc.OpenReadOnly | Libc.OpenDirectory | Libc.OpenCloseOnExec | Libc.OpenNoAccessTime;
        int opened;
        fixed (byte* here = SmallFile.Bytes("."))
        {
            opened = Libc.OpenAt(folder, here, flags, mode: 0);
        }

        if (opened < 0)
        {
            return false;
        }

        bool isReadOnly = HasFlag(opened);
        _ = Syscall.close(opened);
        return isReadOnly;
    }

    /// <summary>The first question is answered at a subvolume's top folder alone, the second one in any folder.</summary>
    private static bool HasFlag(int folder)
    {
        ulong flags;
        if (Libc.Control(folder, Libc.BtrfsGetSubvolumeFlags, (byte*)&flags) == 0)
        {
            return (flags & ReadOnlyFlag) != 0;
        }

        byte* info = stackalloc byte[InfoBytes];
        return Libc.Control(folder, Libc.BtrfsGetSubvolumeInfo, info) == 0
            && (BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(info + InfoFlagsOffset, sizeof(ulong)))
                & InfoReadOnlyFlag) != 0;
    }
}
