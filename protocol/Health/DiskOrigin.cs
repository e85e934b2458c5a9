namespace Protocol.Health;

/// <summary>
/// Where a disk under a filesystem comes from, as the guest's sysfs shows it. Only <see cref="Vbd"/> and
/// <see cref="Emulated"/> are served by Dom0, so that its storage gate speaks of them.
/// </summary>
public enum DiskOrigin
{
    /// <summary>A disk whose parents say nothing of where it comes from.</summary>
    Unrecognized = 0,

    /// <summary>A Xen virtual block device of this guest (<c>vbd-51712</c>).</summary>
    Vbd,

    /// <summary>A disk that the device model emulates (IDE, AHCI, SCSI, NVMe of an HVM guest).</summary>
    Emulated,

    /// <summary>A session of the guest's own iSCSI initiator.</summary>
    Iscsi,

    /// <summary>A network block device (nbd).</summary>
    Nbd,

    /// <summary>DRBD in the guest.</summary>
    Drbd,

    /// <summary>A Ceph block device (rbd).</summary>
    Rbd,

    /// <summary>NVMe over TCP, RDMA or Fibre Channel.</summary>
    NvmeFabrics,

    /// <summary>A disk of an adapter that is passed through to the guest.</summary>
    PassedThrough,

    /// <summary>A loop device: a file in the guest.</summary>
    Loop,

    /// <summary>Memory of the guest (brd, zram).</summary>
    Memory,

    /// <summary>A virtio disk: the host serves it, but by no backend that its storage gate knows.</summary>
    Virtio,
}

/// <summary>The names of <see cref="DiskOrigin"/>.</summary>
public static class DiskOriginName
{
    private static readonly KebabNames<DiskOrigin> Names = new();

    /// <summary>The name, for example <c>nvme-fabrics</c>.</summary>
    public static string ToName(this DiskOrigin origin) => Names.ToName(origin);

    /// <summary>Reads a name; false when it is not an origin's.</summary>
    public static bool TryParse(string name, out DiskOrigin origin) => Names.TryParse(name, out origin);

    /// <summary>Whether Dom0 serves the disk, so that its storage gate speaks of it.</summary>
    public static bool IsServedByHost(this DiskOrigin origin) => origin is DiskOrigin.Vbd or DiskOrigin.Emulated;

    /// <summary>
    /// Whether the guest reaches the disk by itself. What is neither this nor served by the host is not known.
    /// </summary>
    public static bool IsForeign(this DiskOrigin origin)
        => origin is DiskOrigin.Iscsi or DiskOrigin.Nbd or DiskOrigin.Drbd or DiskOrigin.Rbd or DiskOrigin.NvmeFabrics
            or DiskOrigin.PassedThrough;
}
