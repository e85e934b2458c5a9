using GuestAgent.Detection;
using GuestAgent.Linux;

namespace GuestAgent.Probing;

/// <summary>
/// statfs(2), asked in the probe process and only after a probe that came back: it needs the mount's path, which the
/// agent itself never walks. Proves that there is no room for others while the probe, whose blocks are written, goes
/// on succeeding; and ST_RDONLY. It lies after an abort, when it says "writable" on every kernel that hides one, and
/// of what a quota leaves.
/// </summary>
internal static unsafe class RoomReading
{
    /// <summary>The room on the filesystem of a descriptor; null when it cannot be read.</summary>
    public static FilesystemRoom? Of(int fileDescriptor)
    {
        long* words = stackalloc long[FilesystemStatusWords.Count];
        if (Libc.FilesystemStatus(fileDescriptor, words) != 0)
        {
            return null;
        }

        long unit = words[FilesystemStatusWords.FragmentSize];
        unit = unit > 0 ? unit : words[FilesystemStatusWords.BlockSize];
        long blocks = Math.Clamp(words[FilesystemStatusWords.BlocksAvailable], 0, long.MaxValue / Math.Max(unit, 1));
        long? inodes = words[FilesystemStatusWords.Files] > 0 ? words[FilesystemStatusWords.FilesFree] : null;
        bool isReadOnly = (words[FilesystemStatusWords.Flags] & FilesystemStatusWords.ReadOnly) != 0;
        return new FilesystemRoom(blocks * unit, inodes, isReadOnly);
    }
}
