namespace HostBridge.Storage.Judging;

/// <summary>Whether two disks share bytes. Pure.</summary>
internal static class StackOverlap
{
    /// <summary>
    /// Whether one of two devices is the other, or stands on the other, under whatever name: what is used of one is used
    /// of the other. Two partitions of a disk, or two volumes of a group, stand side by side and do not overlap.
    /// </summary>
    public static bool Overlaps(BlockDevice one, BlockDevice other)
        => PartsOf(one).Any(part => IsSame(part, other)) || PartsOf(other).Any(part => IsSame(part, one));

    /// <summary>
    /// A device and all that it stands on. What carries the file of a loop device is left out: a filesystem lies between,
    /// which is mounted of need.
    /// </summary>
    public static IEnumerable<BlockDevice> PartsOf(BlockDevice device)
        => device is BlockDevice.Loop ? [device] : device.Below.SelectMany(PartsOf).Prepend(device);

    private static bool IsSame(BlockDevice one, BlockDevice other)
        => one.Number == other.Number
            || (one, other) switch
            {
                (BlockDevice.ScsiDisk { Wwid: { } wwid }, BlockDevice.ScsiDisk { Wwid: { } otherWwid }) => wwid == otherWwid,
                (BlockDevice.Nvme { Wwid: { } wwid }, BlockDevice.Nvme { Wwid: { } otherWwid }) => wwid == otherWwid,
                (BlockDevice.Loop { BackingFile: { } file }, BlockDevice.Loop { BackingFile: { } otherFile })
                    => file == otherFile,
                _ => false,
            };
}
