using System.Text.RegularExpressions;

namespace Protocol.Kernel;

/// <summary>What the block layer and the drivers of disks print, and the memory management of swap.</summary>
internal static partial class DiskFormats
{
    /// <summary>In the order in which they are tried.</summary>
    public static IReadOnlyList<KernelFormat> Rows =>
    [
        new(KernelLineKind.SwapFailed, KernelReaders.Guest, SwapFailed(), "2.6.18", null, "mm/page_io.c",
            "Write-error on swap-device (202:16:1048)"),
        new(KernelLineKind.DeviceAttached, KernelReaders.Both, LoopAttached(), "2.6.28", null, "block/genhd.c",
            "loop4: detected capacity change from 0 to 262144"),
        new(KernelLineKind.DeviceAttached, KernelReaders.Host, ScsiAttached(), "2.6.25", null, "drivers/scsi/sd.c",
            "sd 2:0:0:1: [sdb] Attached SCSI disk"),
        new(KernelLineKind.DeviceOffline, KernelReaders.Host, DiskVanished(), "2.6.28", null, "block/genhd.c",
            "sdb: detected capacity change from 41943040 to 0"),
        new(KernelLineKind.FlushDisabled, KernelReaders.Guest, FlushFailed(), "2.6.27", null,
            "drivers/block/xen-blkfront.c",
            "blkfront: xvda: empty flush op failed"),
        new(KernelLineKind.FlushEnabled, KernelReaders.Guest, FlushEnabled(), "2.6.27", null,
            "drivers/block/xen-blkfront.c",
            "blkfront: xvda: flush diskcache: enabled; persistent grants: enabled;"),
        new(KernelLineKind.FlushAbsent, KernelReaders.Guest, FlushAbsent(), "2.6.27", null,
            "drivers/block/xen-blkfront.c",
            "blkfront: xvda: barrier or flush: disabled; persistent grants: enabled;"),
        new(KernelLineKind.WritesRefused, KernelReaders.Host, WritesRefused(), "3.4", null, "block/blk-core.c",
            "critical space allocation error, dev sdb, sector 12345 op 0x1:(WRITE) flags 0x4800 phys_seg 1 "
                + "prio class 0"),
        new(KernelLineKind.DeviceOffline, KernelReaders.Both, RequestOffline(), "5.18", null, "block/blk-core.c",
            "device offline error, dev sdf, sector 1005856 op 0x1:(WRITE) flags 0x0 phys_seg 67 prio class 0"),
        new(KernelLineKind.ReadError, KernelReaders.Both, ReadFailed(), "4.3", null, "block/blk-core.c",
            "I/O error, dev xvda, sector 5040 op 0x0:(READ) flags 0x0 phys_seg 5 prio class 2"),
        new(KernelLineKind.DeviceError, KernelReaders.Both, RequestFailed(), "2.6.18", null, "block/blk-core.c",
            "end_request: I/O error, dev xvda, sector 5040"),
        new(KernelLineKind.DeviceError, KernelReaders.Host, BufferError(), "2.6.18", null, "fs/buffer.c",
            "Buffer I/O error on device sdb, logical block 229961"),
        new(KernelLineKind.DeviceReset, KernelReaders.Host, ScsiReset(), "2.6.18", null, "drivers/scsi/scsi_error.c",
            "sd 0:0:0:1: Power-on or device reset occurred"),
        new(KernelLineKind.DeviceError, KernelReaders.Host, ScsiFault(), "2.6.18", null, "drivers/scsi/scsi_lib.c",
            "sd 2:0:0:0: [sdc]  Result: hostbyte=DID_NO_CONNECT driverbyte=DRIVER_OK"),
        new(KernelLineKind.DeviceOffline, KernelReaders.Guest, GuestDiskOffline(), "2.6.18", null,
            "drivers/scsi/scsi_error.c",
            "sd 2:0:0:0: rejecting I/O to offline device"),
        new(KernelLineKind.DeviceError, KernelReaders.Guest, GuestScsiError(), "2.6.18", "2.6.24",
            "drivers/scsi/scsi_lib.c",
            "sd 0:0:0:2: SCSI error: return code = 0x00020000"),
        new(KernelLineKind.DeviceTimeout, KernelReaders.Guest, GuestScsiTimeout(), "2.6.18", null,
            "drivers/scsi/scsi_error.c",
            "sd 2:0:0:0: [sda] tag#12 FAILED Result: hostbyte=DID_TIME_OUT driverbyte=DRIVER_OK"),
        new(KernelLineKind.DeviceTimeout, KernelReaders.Guest, AtaTrouble(), "2.6.18", null, "drivers/ata/libata-eh.c",
            "ata3.00: exception Emask 0x0 SAct 0x0 SErr 0x0 action 0x6 frozen"),
        new(KernelLineKind.DeviceTimeout, KernelReaders.Guest, NvmeTrouble(), "3.3", null, "drivers/nvme/host/pci.c",
            "nvme nvme0: I/O 12 QID 3 timeout, aborting"),
        new(KernelLineKind.TaskHung, KernelReaders.Guest, TaskHung(), "2.6.26", null, "kernel/hung_task.c",
            "INFO: task jbd2/xvda1-8:312 blocked for more than 120 seconds."),
    ];

    [GeneratedRegex(@"^(?:Write|Read)-error on swap-device \((?<device>\d+:\d+):\d+\)")]
    private static partial Regex SwapFailed();

    [GeneratedRegex(@"^(?<device>loop\d+): detected capacity change from 0 to ")]
    private static partial Regex LoopAttached();

    [GeneratedRegex(@"^sd (?<part>\d+:\d+:\d+:\d+): \[(?<part>\w+)\] Attached SCSI")]
    private static partial Regex ScsiAttached();

    [GeneratedRegex(@"^(?<part>[\w!.-]+): detected capacity change from [1-9]\d* to 0$")]
    private static partial Regex DiskVanished();

    [GeneratedRegex(@"^blkfront: (?:(?<device>\w+): (?:empty )?(?:flush|barrier|write barrier)|(?:barrier|flush disk cache): (?:empty )?write (?<device>\w+)) op failed")]
    private static partial Regex FlushFailed();

    [GeneratedRegex(@"^blkfront: (?<device>\w+): (?:barrier|barriers|flush diskcache):? enabled")]
    private static partial Regex FlushEnabled();

    [GeneratedRegex(@"^blkfront: (?<device>\w+): (?:barrier or flush:|barriers) disabled")]
    private static partial Regex FlushAbsent();

    [GeneratedRegex(@"^(?:(?:end_request|blk_update_request|print_req_error): )?(?:critical space allocation|reservation conflict|critical nexus) error, dev (?<part>[\w!.-]+), sector")]
    private static partial Regex WritesRefused();

    [GeneratedRegex(@"^device offline error, dev (?<device>[\w!.-]+), sector (?<sector>\d+)")]
    private static partial Regex RequestOffline();

    [GeneratedRegex(@"^(?:(?:(?:blk_update_request|print_req_error): )?(?:I/O|timeout|protection|recoverable transport|critical (?:target|medium)) error, dev (?<device>[\w!.-]+), sector (?<sector>\d+) op 0x0:\(READ\)|Buffer I/O error on dev (?<device>[\w!.-]+), logical block \d+, async page read)")]
    private static partial Regex ReadFailed();

    [GeneratedRegex(@"^(?:(?:end_request|blk_update_request|print_req_error): )?(?:I/O|timeout|protection|recoverable transport|critical (?:target|medium|space allocation|nexus)|reservation conflict) error, dev (?<device>[\w!.-]+), sector (?<sector>\d+)")]
    private static partial Regex RequestFailed();

    [GeneratedRegex(@"^(?:Buffer I/O error on dev(?:ice)? (?<part>[\w!.-]+), logical block|lost page write due to I/O error on (?<part>[\w!.-]+))")]
    private static partial Regex BufferError();

    [GeneratedRegex(@"^(?:sd|scsi) (?<part>\d+:\d+:\d+:\d+): (?:\[(?<part>\w+)\] )?.*[Rr]eset.* occurred")]
    private static partial Regex ScsiReset();

    [GeneratedRegex(@"^(?:sd|scsi) (?<part>\d+:\d+:\d+:\d+): (?:\[(?<part>\w+)\] )?(?:tag#\d+ )?(?:rejecting I/O to (?:offline|dead) device|(?:scsi: )?Device offlined|.*Result: hostbyte=DID_(?!OK)|SCSI error: return code = 0x0*(?!0\b)|.*timing out command|.*[Dd]evice reset|.*[Cc]ommand timed out)")]
    private static partial Regex ScsiFault();

    [GeneratedRegex(@"^(?:s[dr] (?<device>\d+:\d+:\d+:\d+): .*(?:Device offlined|rejecting I/O to (?:offline|dead) device)|(?<device>ata\d+)(?:\.\d+)?: disabled|nvme (?<device>nvme\d+): Removing after probe failure|(?:blkfront: )?(?<device>xvd\w+) disabled for further use)")]
    private static partial Regex GuestDiskOffline();

    [GeneratedRegex(@"^sd (?<device>\d+:\d+:\d+:\d+): SCSI error: return code = 0x0*(?!0\b)")]
    private static partial Regex GuestScsiError();

    [GeneratedRegex(@"^(?:sd|scsi) (?<device>\d+:\d+:\d+:\d+): .*(?:timing out command|hostbyte=DID_(?:TIME_OUT|RESET|NO_CONNECT|TRANSPORT_DISRUPTED)|Power-on or device reset occurred|abort(?:ing)? |ABORT )")]
    private static partial Regex GuestScsiTimeout();

    [GeneratedRegex(@"^(?<device>ata\d+)(?:\.\d+)?: (?:exception Emask|failed command: |(?:hard|soft) resetting link|SRST failed|lost interrupt|qc timeout)")]
    private static partial Regex AtaTrouble();

    [GeneratedRegex(@"^nvme (?<device>nvme\d+): (?:I/O .*timeout|controller is down; will reset|Abort status)")]
    private static partial Regex NvmeTrouble();

    [GeneratedRegex(@"^INFO: task (?:(?:jbd2|xfsaild)/(?<device>dm-\d+|[\w!]+)(?:[-:]\d+)?|.*):\d+ blocked for more than")]
    private static partial Regex TaskHung();
}
