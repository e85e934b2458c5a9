using System.Text.RegularExpressions;

namespace Protocol.Kernel;

/// <summary>
/// What ext2, ext3, ext4 and their journals print. jbd2 names its device with the journal's inode: <c>loop0-8</c>, and
/// <c>sda1:8</c> before 2.6.32; before 2.6.32 some lines name no device.
/// </summary>
internal static partial class ExtendedFormats
{
    /// <summary>In the order in which they are tried.</summary>
    public static IReadOnlyList<KernelFormat> Rows =>
    [
        new(KernelLineKind.JournalAborted, KernelReaders.Both, AbortingJournal(), "2.6.18", null, "fs/jbd2/journal.c",
            "Aborting journal on device xvda1-8."),
        new(KernelLineKind.JournalAborted, KernelReaders.Both, AbortedJournal(), "2.6.18", null, "fs/ext4/super.c",
            "EXT4-fs error (device xvda1): ext4_journal_check_start:83: comm dd: Detected aborted journal"),
        new(KernelLineKind.JournalAborted, KernelReaders.Guest, WritesAfterAbort(), "2.6.27", null, "fs/ext4/inode.c",
            "EXT4-fs (xvda1): ext4_writepages: jbd2_start: 1024 pages, ino 131; err -30"),
        new(KernelLineKind.ShutDown, KernelReaders.Both, ShutDown(), "4.11", null, "fs/ext4/ioctl.c",
            "EXT4-fs (xvda1): shut down requested (2)"),
        new(KernelLineKind.RemountedReadOnly, KernelReaders.Both, Remounting(), "2.6.18", null, "fs/ext4/super.c",
            "EXT4-fs (xvda1): Remounting filesystem read-only"),
        new(KernelLineKind.WriteLost, KernelReaders.Guest, PageWriteLost(), "2.6.18", null, "fs/buffer.c",
            "Buffer I/O error on dev xvda1, logical block 585, lost sync page write"),
        new(KernelLineKind.WriteLost, KernelReaders.Guest, DataLost(), "2.6.27", null, "fs/ext4/page-io.c",
            "EXT4-fs warning (device sdb8): ext4_end_bio:258: I/O error writing to inode 8520021 (offset 0 "
                + "size 4096 starting block 155716958)"),
        new(KernelLineKind.Mounted, KernelReaders.Guest, Mounted(), "2.6.18", null, "fs/ext4/super.c",
            "EXT4-fs (xvda1): mounted filesystem 1c6d5928-a1f6-4a7e-9c41-0a2a8e2a2a11 r/w with ordered data mode."),
        new(KernelLineKind.Remounted, KernelReaders.Guest, Remounted(), "2.6.18", null, "fs/ext4/super.c",
            "EXT4-fs (xvda1): re-mounted 1c6d5928-a1f6-4a7e-9c41-0a2a8e2a2a11 ro."),
        new(KernelLineKind.DeviceError, KernelReaders.Guest, SuperblockError(), "2.6.32", null, "fs/jbd2/journal.c",
            "JBD2: I/O error detected when updating journal superblock for dm-0-8."),
        new(KernelLineKind.FilesystemError, KernelReaders.Guest, Error(), "2.6.18", null, "fs/ext4/super.c",
            "EXT4-fs error (device loop0): trigger_test_error:129: comm trig: boom"),
    ];

    [GeneratedRegex(@"^Aborting journal on device (?<device>dm-\d+|[\w!]+)(?:[-:]\d+)?\.")]
    private static partial Regex AbortingJournal();

    [GeneratedRegex(@"^(?:EXT[34]-fs(?: error)? \((?:device )?(?<device>[^)]+)\).*: (?:Detected aborted journal|Journal has aborted|Abort forced by user)|ext[34]_abort called\.|journal commit I/O error)")]
    private static partial Regex AbortedJournal();

    [GeneratedRegex(@"^EXT4-fs \((?<device>[^)]+)\): (?:ext4_(?:da_)?writepages: jbd2_start: .*err -30|[Dd]elayed block allocation failed .* with error -?30)")]
    private static partial Regex WritesAfterAbort();

    [GeneratedRegex(@"^EXT4-fs \((?<device>[^)]+)\): shut down requested")]
    private static partial Regex ShutDown();

    [GeneratedRegex(@"^(?:EXT[234]-fs \((?<device>[^)]+)\): (?:error: )?)?[Rr]emounting filesystem read-only")]
    private static partial Regex Remounting();

    [GeneratedRegex(@"^(?:Buffer I/O error on dev (?<device>[\w!.-]+), logical block \d+, lost |lost page write due to I/O error on (?<device>[\w!.-]+)|JBD2?: Detected IO errors .*while flushing file data on (?<device>dm-\d+|[\w!]+)|(?<device>[\w!.-]+): writeback error on inode )")]
    private static partial Regex PageWriteLost();

    [GeneratedRegex(@"^EXT4-fs(?: warning)? \((?:device )?(?<device>[^)]+)\): (?:This should not happen!! +Data will be lost|failed to convert unwritten extents|[Dd]elayed block allocation failed .* with error -?(?!28\b)|ext4_end_bio:\d+: I/O error (?:\S+ )?writing to inode)")]
    private static partial Regex DataLost();

    [GeneratedRegex(@"^(?:EXT[234]-fs \((?<device>[^)]+)\): mounted filesystem|EXT3 FS on (?<device>[\w!.-]+), )")]
    private static partial Regex Mounted();

    [GeneratedRegex(@"^EXT[234]-fs \((?<device>[^)]+)\): re-mounted")]
    private static partial Regex Remounted();

    [GeneratedRegex(@"^(?:EXT4-fs \((?<device>[^)]+)\): (?:I/O error while writing superblock|previous I/O error to superblock|write access unavailable)|JBD2: (?:I/O error(?: detected)?|Error -\d+ detected) when updating journal superblock for (?<device>dm-\d+|[\w!]+))")]
    private static partial Regex SuperblockError();

    [GeneratedRegex(@"^EXT[234]-fs (?:error \(device (?<device>[^)]+)\)|\((?<device>[^)]+)\): error:)")]
    private static partial Regex Error();
}
