using System.Globalization;
using System.Text.RegularExpressions;

namespace Protocol.Kernel;

/// <summary>A line of Linux about a filesystem or its disk, understood.</summary>
/// <param name="Kind">What it says.</param>
/// <param name="DeviceName">The device it speaks of; null where the line names none.</param>
/// <param name="Sector">The sector that a failed request began at; null where the line names none.</param>
public readonly record struct FilesystemLine(KernelLineKind Kind, string? DeviceName, long? Sector);

/// <summary>
/// The words of kernels 2.6.27 to 6.18 for what happens to a filesystem and its disk, and nothing that they say of a
/// program that crashed. The daily <c>error count since last fsck</c>, <c>initial error at time</c> and
/// <c>last error at time</c> are old news and fit nowhere here.
/// </summary>
public static partial class FilesystemLines
{
    /// <summary>The first that fits counts.</summary>
    private static readonly (Regex Pattern, KernelLineKind Kind)[] InOrder =
    [
        (AbortingJournal(), KernelLineKind.JournalAborted),
        (AbortedJournal(), KernelLineKind.JournalAborted),
        (ExtendedShutDown(), KernelLineKind.ShutDown),
        (Remounting(), KernelLineKind.RemountedReadOnly),
        (WriteLost(), KernelLineKind.WriteLost),
        (ExtendedWriteLost(), KernelLineKind.WriteLost),
        (ExtendedMounted(), KernelLineKind.Mounted),
        (ExtendedRemounted(), KernelLineKind.Remounted),
        (ExtendedDeviceError(), KernelLineKind.DeviceError),
        (ExtendedError(), KernelLineKind.FilesystemError),
        (XfsShutDown(), KernelLineKind.ShutDown),
        (XfsMounted(), KernelLineKind.Mounted),
        (XfsError(), KernelLineKind.FilesystemError),
        (BtrfsForced(), KernelLineKind.ShutDown),
        (BtrfsMounted(), KernelLineKind.Mounted),
        (BtrfsError(), KernelLineKind.FilesystemError),
        (FlushFailed(), KernelLineKind.FlushDisabled),
        (FlushEnabled(), KernelLineKind.FlushEnabled),
        (FlushAbsent(), KernelLineKind.FlushAbsent),
        (ReadFailed(), KernelLineKind.ReadError),
        (RequestFailed(), KernelLineKind.DeviceError),
        (DeviceOffline(), KernelLineKind.DeviceOffline),
        (ScsiTimeout(), KernelLineKind.DeviceTimeout),
        (AtaTrouble(), KernelLineKind.DeviceTimeout),
        (NvmeTrouble(), KernelLineKind.DeviceTimeout),
        (TaskHung(), KernelLineKind.TaskHung),
    ];

    /// <summary>What a line says of a filesystem or its device; null when nothing.</summary>
    /// <param name="text">The message alone, without a time or a level before it.</param>
    public static FilesystemLine? Understand(string text)
    {
        if (OfProgram().IsMatch(text))
        {
            return null;
        }

        foreach ((Regex pattern, KernelLineKind kind) in InOrder)
        {
            if (pattern.Match(text) is { Success: true } match)
            {
                string device = match.Groups["device"].Value;
                return new FilesystemLine(
                    kind,
                    device.Length == 0 ? null : device,
                    long.TryParse(
                        match.Groups["sector"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture,
                        out long sector) ? sector : null);
            }
        }

        return null;
    }

    // "name[312]: segfault at 0 ... in file[1000+1000]" (arch/*/mm/fault.c, kernel/traps.c): any user chooses both
    // names, the first of 15 bytes, which may stand there as \x0a.
    [GeneratedRegex(@"^.{0,60}?\[\d+\][: ]")]
    private static partial Regex OfProgram();

    // fs/jbd/journal.c, fs/jbd2/journal.c. jbd2 names its device with the journal's inode: "loop0-8", "dm-0-8".
    [GeneratedRegex(@"^Aborting journal on device (?<device>dm-\d+|[\w!]+)(?:-\d+)?\.")]
    private static partial Regex AbortingJournal();

    // fs/ext3/super.c, fs/ext4/super.c, fs/ext4/ext4_jbd2.c. Before 2.6.32 some lines name no device.
    [GeneratedRegex(@"^(?:EXT[34]-fs(?: error)? \((?:device )?(?<device>[^)]+)\).*: (?:Detected aborted journal|Journal has aborted|Abort forced by user)|ext[34]_abort called\.|journal commit I/O error)")]
    private static partial Regex AbortedJournal();

    [GeneratedRegex(@"^EXT4-fs \((?<device>[^)]+)\): shut down requested")]
    private static partial Regex ExtendedShutDown();

    [GeneratedRegex(@"^(?:EXT[234]-fs \((?<device>[^)]+)\): (?:error: )?)?[Rr]emounting filesystem read-only")]
    private static partial Regex Remounting();

    // fs/buffer.c, fs/jbd2/commit.c, fs/iomap (xfs)
    [GeneratedRegex(@"^(?:Buffer I/O error on dev (?<device>[\w!.-]+), logical block \d+, lost |lost page write due to I/O error on (?<device>[\w!.-]+)|JBD2?: Detected IO errors .*while flushing file data on (?<device>dm-\d+|[\w!]+)|(?<device>[\w!.-]+): writeback error on inode )")]
    private static partial Regex WriteLost();

    // fs/ext4/inode.c, fs/ext4/page-io.c
    [GeneratedRegex(@"^EXT4-fs(?: warning)? \((?:device )?(?<device>[^)]+)\): (?:This should not happen!! +Data will be lost|failed to convert unwritten extents|ext4_end_bio:\d+: I/O error \S+ writing to inode)")]
    private static partial Regex ExtendedWriteLost();

    [GeneratedRegex(@"^(?:EXT[234]-fs \((?<device>[^)]+)\): mounted filesystem|EXT3 FS on (?<device>[\w!.-]+), )")]
    private static partial Regex ExtendedMounted();

    [GeneratedRegex(@"^EXT[234]-fs \((?<device>[^)]+)\): re-mounted")]
    private static partial Regex ExtendedRemounted();

    [GeneratedRegex(@"^(?:EXT4-fs \((?<device>[^)]+)\): (?:I/O error while writing superblock|previous I/O error to superblock)|JBD2: (?:I/O error|Error -\d+ detected) when updating journal superblock for (?<device>dm-\d+|[\w!]+))")]
    private static partial Regex ExtendedDeviceError();

    [GeneratedRegex(@"^EXT[234]-fs (?:error \(device (?<device>[^)]+)\)|\((?<device>[^)]+)\): error:)")]
    private static partial Regex ExtendedError();

    // fs/xfs/xfs_fsops.c, xfs_log.c
    [GeneratedRegex(@"^XFS \((?<device>[^)]+)\): .*(?:[Ss]hutting down filesystem|has been shut down|User initiated shutdown|xfs_do_force_shutdown)")]
    private static partial Regex XfsShutDown();

    [GeneratedRegex(@"^XFS \((?<device>[^)]+)\): Mounting V")]
    private static partial Regex XfsMounted();

    [GeneratedRegex(@"^XFS \((?<device>[^)]+)\): (?:[Mm]etadata (?:I/O error|corruption)|log I/O error|Internal error|writeback error)")]
    private static partial Regex XfsError();

    // fs/btrfs/messages.c: the state letter E stands from the error on until the filesystem is unmounted.
    [GeneratedRegex(@"^BTRFS.*\(device (?<device>[^): ]+)(?: state [A-Z]*E[A-Z]*\)|[^)]*\).*forced readonly)")]
    private static partial Regex BtrfsForced();

    [GeneratedRegex(@"^BTRFS info \(device (?<device>[^): ]+)\): (?:(?:first mount|last unmount) of filesystem|disk space caching is enabled|using free.space.tree|using \S+ .*checksum algorithm)")]
    private static partial Regex BtrfsMounted();

    [GeneratedRegex(@"^BTRFS(?:: error| error| critical) \(device (?<device>[^): ]+)")]
    private static partial Regex BtrfsError();

    // drivers/block/xen-blkfront.c; in 3.1 the arguments were swapped: "blkfront: barrier: empty write xvda op failed".
    [GeneratedRegex(@"^blkfront: (?:(?<device>\w+): (?:empty )?(?:flush|barrier|write barrier)|(?:barrier|flush disk cache): (?:empty )?write (?<device>\w+)) op failed")]
    private static partial Regex FlushFailed();

    [GeneratedRegex(@"^blkfront: (?<device>\w+): (?:barrier|barriers|flush diskcache):? enabled")]
    private static partial Regex FlushEnabled();

    [GeneratedRegex(@"^blkfront: (?<device>\w+): (?:barrier or flush:|barriers) disabled")]
    private static partial Regex FlushAbsent();

    // block/blk-core.c, blk-mq.c, fs/buffer.c: the operation stands there since 5.x.
    [GeneratedRegex(@"^(?:(?:blk_update_request: )?(?:[\w/ ]+) error, dev (?<device>[\w!.-]+), sector (?<sector>\d+) op 0x0:\(READ\)|Buffer I/O error on dev (?<device>[\w!.-]+), logical block \d+, async page read)")]
    private static partial Regex ReadFailed();

    [GeneratedRegex(@"^(?:(?:end_request|blk_update_request|print_req_error): )?(?:I/O|timeout|protection|recoverable transport|critical (?:target|medium|space allocation)) error, dev (?<device>[\w!.-]+), sector (?<sector>\d+)")]
    private static partial Regex RequestFailed();

    // drivers/scsi/scsi_error.c, scsi_lib.c, drivers/ata/libata-eh.c, drivers/block/xen-blkfront.c, drivers/nvme/host
    [GeneratedRegex(@"^(?:s[dr] (?<device>\d+:\d+:\d+:\d+): .*(?:Device offlined|rejecting I/O to (?:offline|dead) device)|(?<device>ata\d+)(?:\.\d+)?: disabled|nvme (?<device>nvme\d+): Removing after probe failure|(?:blkfront: )?(?<device>xvd\w+) disabled for further use)")]
    private static partial Regex DeviceOffline();

    [GeneratedRegex(@"^(?:sd|scsi) (?<device>\d+:\d+:\d+:\d+): .*(?:timing out command|hostbyte=DID_(?:TIME_OUT|RESET|NO_CONNECT|TRANSPORT_DISRUPTED)|Power-on or device reset occurred|abort(?:ing)? |ABORT )")]
    private static partial Regex ScsiTimeout();

    [GeneratedRegex(@"^(?<device>ata\d+)(?:\.\d+)?: (?:exception Emask|failed command: |(?:hard|soft) resetting link|SRST failed|lost interrupt|qc timeout)")]
    private static partial Regex AtaTrouble();

    [GeneratedRegex(@"^nvme (?<device>nvme\d+): (?:I/O .*timeout|controller is down; will reset|Abort status)")]
    private static partial Regex NvmeTrouble();

    // kernel/hung_task.c; only the threads of a filesystem's own name their device.
    [GeneratedRegex(@"^INFO: task (?:(?:jbd2|xfsaild)/(?<device>dm-\d+|[\w!]+)|.*)(?:-\d+)?:\d+ blocked for more than")]
    private static partial Regex TaskHung();
}
