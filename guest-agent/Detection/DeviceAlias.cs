namespace GuestAgent.Detection;

/// <summary>Sectors of 512 bytes on a disk, from the first to before the end.</summary>
internal readonly record struct SectorRange(long First, long End)
{
    /// <summary>A whole disk, or one of which it is not known which part is meant.</summary>
    public static SectorRange All { get; } = new(0, long.MaxValue);

    /// <summary>Whether a sector lies in it; one that is not known may.</summary>
    public bool MayHold(long? sector) => sector is null || (sector >= First && sector < End);
}

/// <summary>
/// A name under which the kernel may speak of a filesystem's storage: the device itself, the disk it is a partition
/// of, the disks under a logical volume, and their addresses (<c>0:0:0:1</c>, <c>ata1</c>, <c>nvme0</c>,
/// <c>vbd-51712</c>).
/// </summary>
/// <param name="Name">The name.</param>
/// <param name="Sectors">The part of it that belongs to the filesystem.</param>
internal readonly record struct DeviceAlias(string Name, SectorRange Sectors);
