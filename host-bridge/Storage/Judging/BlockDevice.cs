using HostBridge.Recovery;

namespace HostBridge.Storage.Judging;

/// <summary>
/// A block device of this host as sysfs showed it at one moment, with all that lies under it. What could not be read
/// is null; it is never taken for good.
/// </summary>
internal abstract record BlockDevice
{
    /// <summary>The unit of every size in sysfs, whatever the disk's own blocks are.</summary>
    public const int SectorBytes = 512;

    private BlockDevice()
    {
    }

    /// <summary>Its numbers.</summary>
    public required DeviceNumber Number { get; init; }

    /// <summary>The kernel's name, like <c>sda</c>, as its log has it; empty when it is not there.</summary>
    public required string Name { get; init; }

    /// <summary>Its size in units of <see cref="SectorBytes"/>; null when not known.</summary>
    public long? SizeSectors { get; init; }

    /// <summary>Whether the kernel refuses writes to it; null when not known.</summary>
    public bool? IsReadOnly { get; init; }

    /// <summary>What it stands on.</summary>
    public IReadOnlyList<BlockDevice> Below { get; init; } = [];

    /// <summary>A part of the one disk below.</summary>
    internal sealed record Partition : BlockDevice;

    /// <summary>A SCSI disk.</summary>
    internal sealed record ScsiDisk : BlockDevice
    {
        /// <summary>HOST:CHANNEL:TARGET:LUN.</summary>
        public required string Address { get; init; }

        /// <summary>running, blocked, offline, transport-offline, …; null when it cannot be read.</summary>
        public string? State { get; init; }

        /// <summary>After how long a command is given up; null when not known.</summary>
        public int? TimeoutSeconds { get; init; }

        /// <summary>The world-wide name by vital product data page 0x83; null when the disk has none.</summary>
        public string? Wwid { get; init; }

        /// <summary>How it is reached.</summary>
        public required ScsiTransport Transport { get; init; }
    }

    /// <summary>One disk over several paths, which are the devices below.</summary>
    internal sealed record Multipath : BlockDevice
    {
        /// <summary>The name of the map.</summary>
        public required string MapName { get; init; }

        /// <summary><c>mpath-</c> and the world-wide name of the disk.</summary>
        public required string Uuid { get; init; }

        /// <summary>Whether somebody suspended the map; null when not known.</summary>
        public bool? IsSuspended { get; init; }
    }

    /// <summary>
    /// Any other map of the device mapper (LVM, a crypt target, a partition of a multipath map), or md.
    /// </summary>
    internal sealed record Mapped : BlockDevice
    {
        /// <summary>The name of the map.</summary>
        public required string MapName { get; init; }

        /// <summary>LVM-…, CRYPT-…, part1-mpath-…; empty when the map has none.</summary>
        public required string Uuid { get; init; }

        /// <summary>Whether somebody suspended the map; null when not known.</summary>
        public bool? IsSuspended { get; init; }
    }

    /// <summary>A file as a disk. Below is what carries the file's filesystem, when that can be looked at.</summary>
    internal sealed record Loop : BlockDevice
    {
        /// <summary>The file; null when none is attached.</summary>
        public string? BackingFile { get; init; }

        /// <summary>Whether reads of it go past the page cache of the file (losetup --direct-io=on).</summary>
        public bool IsDirect { get; init; }

        /// <summary>The type of the filesystem it lies on; empty when not known.</summary>
        public string FilesystemType { get; init; } = string.Empty;

        /// <summary>Whether that filesystem takes no writes, by its own words.</summary>
        public bool IsFilesystemReadOnly { get; init; }
    }

    /// <summary>A namespace of an NVMe subsystem.</summary>
    internal sealed record Nvme : BlockDevice
    {
        /// <summary>The subsystem's name (nqn); empty when not known.</summary>
        public required string SubsystemName { get; init; }

        /// <summary>The world-wide name; null when not known.</summary>
        public string? Wwid { get; init; }

        /// <summary>The ways to it; one without native multipath.</summary>
        public required IReadOnlyList<NvmePath> Paths { get; init; }
    }

    /// <summary>A disk of this host that tells nothing of its state (virtio); the direct read alone speaks.</summary>
    internal sealed record Plain : BlockDevice;

    /// <summary>A kind of device that the bridge does not know how to look at.</summary>
    internal sealed record Unknown : BlockDevice
    {
        /// <summary>Why, for a person.</summary>
        public required string Reason { get; init; }
    }

    /// <summary>There is no such device, or no longer.</summary>
    internal sealed record Absent : BlockDevice;
}
