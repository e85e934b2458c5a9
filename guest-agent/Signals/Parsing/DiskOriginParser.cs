using System.Text.RegularExpressions;
using Protocol.Health;

namespace GuestAgent.Signals.Parsing;

/// <summary>A PCI function's ids, as sysfs shows them in <c>vendor</c>, <c>device</c>, <c>subsystem_*</c>.</summary>
/// <param name="Vendor">The vendor.</param>
/// <param name="Device">The vendor's number of the device.</param>
/// <param name="SubsystemVendor">Who built the board; 0 where the device does not say.</param>
/// <param name="Subsystem">The board.</param>
internal readonly record struct PciIds(int Vendor, int Device, int SubsystemVendor, int Subsystem);

/// <summary>
/// Reads where a disk comes from out of its place in sysfs. The device model's own controllers are told from adapters
/// that are passed through by their PCI ids: QEMU gives its devices the subsystem 1af4:1100 (hw/pci/pci.c) or, in Xen's
/// older device models, 5853:0001; what is passed through shows the ids of its board.
/// </summary>
internal static partial class DiskOriginParser
{
    private const int RedHat = 0x1af4; // also QEMU's default subsystem vendor, with 1100; include/hw/pci/pci.h
    private const int QemuSubsystem = 0x1100;
    private const int RedHatQemu = 0x1b36; // PCI_VENDOR_ID_REDHAT: devices that exist in QEMU alone, NVMe (0010) too
    private const int XenSource = 0x5853; // PCI_VENDOR_ID_XEN
    private const int XenPlatform = 0x0001;
    private const int Intel = 0x8086;

    /// <summary>PIIX3 and PIIX4 IDE: no machine with an IOMMU, which passing through needs, has one.</summary>
    private static readonly int[] PiixIde = [0x7010, 0x7111];

    /// <summary>
    /// What the path of a whole disk says alone; null where the PCI ids decide (<see cref="OfPci"/>) or the transport
    /// of an NVMe controller does (<see cref="OfTransport"/>).
    /// </summary>
    /// <param name="path">The target of <c>/sys/class/block/NAME</c>.</param>
    public static DiskOrigin? OfPath(string path)
    {
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        string name = parts.Length == 0 ? string.Empty : parts[^1];
        return parts switch
        {
            // drivers/block/xen-blkfront.c on xenbus: devices/vbd-51712/block/xvda; xenlinux: devices/xen/vbd-51712.
            _ when parts.Any(part => VirtualBlockDeviceName().IsMatch(part)) => DiskOrigin.Vbd,

            // drivers/scsi/scsi_transport_iscsi.c, also below an adapter that speaks iSCSI itself.
            _ when parts.Any(part => SessionName().IsMatch(part)) => DiskOrigin.Iscsi,

            // drivers/nvme/host/fabrics.c.
            _ when parts.Contains("nvme-fabrics") => DiskOrigin.NvmeFabrics,

            // pcifront (devices/pci-0/pci0000:00/…), xen-scsifront (devices/vscsi-0/host0/…), xen-hcd (devices/vusb-0):
            // what Dom0 passes to a PV guest. A Fibre Channel port below any controller (scsi_transport_fc.c), and USB.
            _ when parts.Any(part => PassedThroughName().IsMatch(part)) => DiskOrigin.PassedThrough,
            _ when parts.Any(part => PciFunctionName().IsMatch(part)) => null,
            _ when parts.Contains("nvme-subsystem") => null,

            // drivers/block/rbd.c: devices/rbd/0/block/rbd0, and devices/virtual/block/rbd0 before 4.16.
            _ when RbdName().IsMatch(name) => DiskOrigin.Rbd,
            _ when NbdName().IsMatch(name) => DiskOrigin.Nbd,
            _ when DrbdName().IsMatch(name) => DiskOrigin.Drbd,
            _ when LoopName().IsMatch(name) => DiskOrigin.Loop,
            _ when MemoryName().IsMatch(name) => DiskOrigin.Memory,
            _ => DiskOrigin.Unrecognized,
        };
    }

    /// <summary>What the nearest PCI function above a disk says; null ids are those that cannot be read.</summary>
    public static DiskOrigin OfPci(PciIds? ids) => ids switch
    {
        null => DiskOrigin.Unrecognized,
        { Vendor: RedHat } => DiskOrigin.Virtio,
        { SubsystemVendor: RedHat, Subsystem: QemuSubsystem } => DiskOrigin.Emulated,
        { SubsystemVendor: XenSource, Subsystem: XenPlatform } => DiskOrigin.Emulated,
        { Vendor: RedHatQemu } => DiskOrigin.Emulated,
        { Vendor: Intel } known when PiixIde.Contains(known.Device) => DiskOrigin.Emulated,
        _ => DiskOrigin.PassedThrough,
    };

    /// <summary>
    /// What <c>/sys/class/nvme/NAME/transport</c> says; null for <c>pcie</c>, where the PCI ids decide.
    /// </summary>
    public static DiskOrigin? OfTransport(string? transport) => transport switch
    {
        "pcie" => null,
        "tcp" or "rdma" or "fc" or "loop" => DiskOrigin.NvmeFabrics,
        _ => DiskOrigin.Unrecognized,
    };

    /// <summary>The nearest PCI function on the way to a disk, for example <c>0000:00:01.1</c>; null for none.</summary>
    public static string? PciFunction(string path) => path.Split('/').LastOrDefault(part => PciFunctionName().IsMatch(part));

    [GeneratedRegex(@"\Avbd-\d+\z")]
    private static partial Regex VirtualBlockDeviceName();

    [GeneratedRegex(@"\Asession\d+\z")]
    private static partial Regex SessionName();

    [GeneratedRegex(@"\A(pci-\d+|vscsi-\d+|vusb-\d+|usb\d+|rport-[\d:-]+)\z")]
    private static partial Regex PassedThroughName();

    [GeneratedRegex(@"\A[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\z")]
    private static partial Regex PciFunctionName();

    [GeneratedRegex(@"\Arbd\d+\z")]
    private static partial Regex RbdName();

    [GeneratedRegex(@"\Anbd\d+\z")]
    private static partial Regex NbdName();

    [GeneratedRegex(@"\Adrbd\d+\z")]
    private static partial Regex DrbdName();

    [GeneratedRegex(@"\Aloop\d+\z")]
    private static partial Regex LoopName();

    [GeneratedRegex(@"\A(ram|zram)\d+\z")]
    private static partial Regex MemoryName();
}
