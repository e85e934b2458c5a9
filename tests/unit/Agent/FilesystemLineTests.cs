using GuestAgent.Detection;
using GuestAgent.Signals.Parsing;
using Protocol.Kernel;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>What the kernel's lines say, from 2.6.27 to 6.18.</summary>
public sealed class FilesystemLineTests
{
    [Theory]
    [InlineData("EXT4-fs warning (device sdb8): ext4_end_bio:258: I/O error writing to inode 8520021 (offset 0 size 4096 starting block 155716958)", KernelLineKind.WriteLost, "sdb8")]
    [InlineData("JBD2: I/O error detected when updating journal superblock for dm-0-8.", KernelLineKind.DeviceError, "dm-0")]
    [InlineData("Filesystem \"sda2\": Log I/O Error Detected.  Shutting down filesystem: sda2", KernelLineKind.ShutDown, "sda2")]
    [InlineData("Filesystem \"dm-0\": Corruption of in-memory data detected.  Shutting down filesystem: dm-0", KernelLineKind.ShutDown, "dm-0")]
    [InlineData("xfs_force_shutdown(sda2,0x2) called from line 956 of file fs/xfs/xfs_log.c.  Return address = 0x801288d8", KernelLineKind.ShutDown, "sda2")]
    [InlineData("XFS (dm-0): xfs_log_force: error -5 returned.", KernelLineKind.ShutDown, "dm-0")]
    [InlineData("XFS (dm-0): xfs_log_force: error 5 returned.", KernelLineKind.ShutDown, "dm-0")]
    [InlineData("Filesystem \"sda2\": xfs_log_force: error 5 returned.", KernelLineKind.ShutDown, "sda2")]
    [InlineData("XFS (dm-0): Please umount the filesystem and rectify the problem(s)", KernelLineKind.ShutDown, "dm-0")]
    [InlineData("XFS (dm-0): Please unmount the filesystem and rectify the problem(s)", KernelLineKind.ShutDown, "dm-0")]
    [InlineData("XFS (xvdb): Mounting Filesystem", KernelLineKind.Mounted, "xvdb")]
    [InlineData("XFS (xvdb): Ending clean mount", KernelLineKind.Mounted, "xvdb")]
    [InlineData("XFS mounting filesystem sda2", KernelLineKind.Mounted, "sda2")]
    [InlineData("Ending clean XFS mount for filesystem: sda2", KernelLineKind.Mounted, "sda2")]
    [InlineData("XFS: Internal error XFS_WANT_CORRUPTED_RETURN at line 332 of file fs/xfs/xfs_alloc.c.  Caller 0xffffffffa0", KernelLineKind.FilesystemError, null)]
    [InlineData("I/O error in filesystem (\"sda2\") meta-data dev sda2 block 0x1e8e", KernelLineKind.FilesystemError, "sda2")]
    [InlineData("btrfs is forced readonly", KernelLineKind.ShutDown, null)]
    [InlineData("BTRFS warning (device xvdc): Skipping commit of aborted transaction.", KernelLineKind.ShutDown, "xvdc")]
    [InlineData("Aborting journal on device sda1:8.", KernelLineKind.JournalAborted, "sda1")]
    [InlineData("INFO: task jbd2/sda1:8:312 blocked for more than 120 seconds.", KernelLineKind.TaskHung, "sda1")]
    [InlineData("INFO: task jbd2/dm-0-8:312 blocked for more than 120 seconds.", KernelLineKind.TaskHung, "dm-0")]
    [InlineData("device offline error, dev sdf, sector 1005856 op 0x1:(WRITE) flags 0x0 phys_seg 67 prio class 0", KernelLineKind.DeviceOffline, "sdf")]
    [InlineData("sd 0:0:0:2: SCSI error: return code = 0x00020000", KernelLineKind.DeviceError, "0:0:0:2")]
    [InlineData("reservation conflict error, dev sdb, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2", KernelLineKind.DeviceError, "sdb")]
    [InlineData("EXT4-fs (xvda1): ext4_writepages: jbd2_start: 1024 pages, ino 131; err -30", KernelLineKind.JournalAborted, "xvda1")]
    [InlineData("EXT4-fs (xvda1): Delayed block allocation failed for inode 131 at logical offset 0 with max blocks 2 with error -30", KernelLineKind.JournalAborted, "xvda1")]
    [InlineData("EXT4-fs (xvda1): Delayed block allocation failed for inode 131 at logical offset 0 with max blocks 2 with error -5", KernelLineKind.WriteLost, "xvda1")]
    [InlineData("EXT4-fs (xvda1): write access unavailable, skipping orphan cleanup", KernelLineKind.DeviceError, "xvda1")]
    [InlineData("REISERFS abort (device xvda1): Journal write error in flush_commit_list", KernelLineKind.JournalAborted, "xvda1")]
    [InlineData("REISERFS: abort (device xvda1): Journal write error in flush_commit_list", KernelLineKind.JournalAborted, "xvda1")]
    [InlineData("REISERFS error (device xvda1): vs-5150 search_by_key: invalid format found in block 8211", KernelLineKind.FilesystemError, "xvda1")]
    [InlineData("ERROR: (device xvda1): remounting filesystem as read-only", KernelLineKind.RemountedReadOnly, "xvda1")]
    [InlineData("ERROR: (device xvda1): diRead: i_ino != di_number", KernelLineKind.FilesystemError, "xvda1")]
    [InlineData("F2FS-fs (xvdb): Stopped filesystem due to reason: 3", KernelLineKind.ShutDown, "xvdb")]
    [InlineData("WARNING: Pool 'tank' has encountered an uncorrectable I/O failure and has been suspended.", KernelLineKind.DeviceOffline, "tank")]
    [InlineData("bcachefs (xvdb): emergency read only", KernelLineKind.ShutDown, "xvdb")]
    [InlineData("Write-error on swap-device (202:16:1048)", KernelLineKind.SwapFailed, "202:16")]
    [InlineData("Read-error on swap-device (8:0:96)", KernelLineKind.SwapFailed, "8:0")]
    [InlineData("Aborting journal on device loop0-8.", KernelLineKind.JournalAborted, "loop0")]
    [InlineData("Aborting journal on device dm-0-8.", KernelLineKind.JournalAborted, "dm-0")]
    [InlineData("Aborting journal on device dm-0.", KernelLineKind.JournalAborted, "dm-0")]
    [InlineData("Aborting journal on device xvda1.", KernelLineKind.JournalAborted, "xvda1")]
    [InlineData("Aborting journal on device nvme0n1p1-8.", KernelLineKind.JournalAborted, "nvme0n1p1")]
    [InlineData("EXT3-fs error (device xvda1): ext3_journal_start_sb: Detected aborted journal", KernelLineKind.JournalAborted, "xvda1")]
    [InlineData("EXT3-fs (xvda1): error: ext3_journal_start_sb: Detected aborted journal", KernelLineKind.JournalAborted, "xvda1")]
    [InlineData("EXT4-fs error (device xvda): ext4_journal_check_start:83: comm dd: Detected aborted journal", KernelLineKind.JournalAborted, "xvda")]
    [InlineData("EXT4-fs error (device xvda) in ext4_setattr:5695: Journal has aborted", KernelLineKind.JournalAborted, "xvda")]
    [InlineData("EXT4-fs (xvda1): Remounting filesystem read-only", KernelLineKind.RemountedReadOnly, "xvda1")]
    [InlineData("EXT3-fs (xvda1): error: remounting filesystem read-only", KernelLineKind.RemountedReadOnly, "xvda1")]
    [InlineData("Remounting filesystem read-only", KernelLineKind.RemountedReadOnly, null)]
    [InlineData("EXT4-fs error (device loop0): trigger_test_error:129: comm trig: boom", KernelLineKind.FilesystemError, "loop0")]
    [InlineData("EXT4-fs (loop0): shut down requested (2)", KernelLineKind.ShutDown, "loop0")]
    [InlineData("XFS (loop0): Log I/O Error (0x2) detected at xlog_ioend_work. Shutting down filesystem.", KernelLineKind.ShutDown, "loop0")]
    [InlineData("XFS (xvda1): Filesystem has been shut down due to log error (0x2).", KernelLineKind.ShutDown, "xvda1")]
    [InlineData("BTRFS info (device loop3 state E): forced readonly", KernelLineKind.ShutDown, "loop3")]
    [InlineData("Buffer I/O error on dev xvda, logical block 585, lost sync page write", KernelLineKind.WriteLost, "xvda")]
    [InlineData("lost page write due to I/O error on xvda1", KernelLineKind.WriteLost, "xvda1")]
    [InlineData("JBD2: Detected IO errors [-5] while flushing file data on xvda1-8", KernelLineKind.WriteLost, "xvda1")]
    [InlineData("I/O error, dev xvda, sector 5040 op 0x1:(WRITE) flags 0x9800 phys_seg 5 prio class 2", KernelLineKind.DeviceError, "xvda")]
    [InlineData("end_request: I/O error, dev xvda, sector 1", KernelLineKind.DeviceError, "xvda")]
    [InlineData("blkfront: xvda: empty flush op failed", KernelLineKind.FlushDisabled, "xvda")]
    [InlineData("EXT4-fs (loop0): mounted filesystem 1234 r/w with ordered data mode. Quota mode: none.", KernelLineKind.Mounted, "loop0")]
    [InlineData("EXT4-fs (loop0): re-mounted 1234 ro.", KernelLineKind.Remounted, "loop0")]
    [InlineData("INFO: task jbd2/loop0-8:2167 blocked for more than 120 seconds.", KernelLineKind.TaskHung, "loop0")]
    [InlineData("INFO: task xfsaild/dm-0:411 blocked for more than 120 seconds.", KernelLineKind.TaskHung, "dm-0")]
    [InlineData("INFO: task dd:2167 blocked for more than 120 seconds.", KernelLineKind.TaskHung, null)]
    [InlineData("ext3_abort called.", KernelLineKind.JournalAborted, null)]
    [InlineData("journal commit I/O error", KernelLineKind.JournalAborted, null)]
    [InlineData("EXT3-fs error (device xvda1): ext3_find_entry: reading directory #2 offset 0", KernelLineKind.FilesystemError, "xvda1")]
    [InlineData("EXT3-fs (xvda1): error: ext3_get_inode_loc: unable to read inode block", KernelLineKind.FilesystemError, "xvda1")]
    [InlineData("EXT3 FS on xvda1, internal journal", KernelLineKind.Mounted, "xvda1")]
    [InlineData("EXT4-fs (xvda1): I/O error while writing superblock", KernelLineKind.DeviceError, "xvda1")]
    [InlineData("EXT4-fs (xvda1): previous I/O error to superblock detected", KernelLineKind.DeviceError, "xvda1")]
    [InlineData("JBD2: I/O error when updating journal superblock for dm-0-8.", KernelLineKind.DeviceError, "dm-0")]
    [InlineData("JBD2: Error -5 detected when updating journal superblock for xvda-8.", KernelLineKind.DeviceError, "xvda")]
    [InlineData("EXT4-fs warning (device xvda): ext4_end_bio:343: I/O error 10 writing to inode 57345 starting block 229961)", KernelLineKind.WriteLost, "xvda")]
    [InlineData("EXT4-fs (xvda1): This should not happen!! Data will be lost", KernelLineKind.WriteLost, "xvda1")]
    [InlineData("EXT4-fs (xvda1): failed to convert unwritten extents to written extents -- potential data loss!  (inode 12, error -5)", KernelLineKind.WriteLost, "xvda1")]
    [InlineData("JBD: Detected IO errors while flushing file data on xvda1", KernelLineKind.WriteLost, "xvda1")]
    [InlineData("dm-0: writeback error on inode 131, offset 0, sector 96", KernelLineKind.WriteLost, "dm-0")]
    [InlineData("XFS (xvdb): User initiated shutdown received.", KernelLineKind.ShutDown, "xvdb")]
    [InlineData("XFS (dm-0): xfs_do_force_shutdown(0x2) called from line 1111 of file fs/xfs/xfs_log.c.  Return address = x", KernelLineKind.ShutDown, "dm-0")]
    [InlineData("XFS (dm-0): metadata I/O error in \"xfs_buf_ioend\" at daddr 0x2 len 1 error 5", KernelLineKind.FilesystemError, "dm-0")]
    [InlineData("XFS (loop0): Mounting V5 Filesystem 1234", KernelLineKind.Mounted, "loop0")]
    [InlineData("BTRFS: error (device xvdc) in btrfs_commit_transaction:2413: errno=-5 IO failure (Error while writing out transaction)", KernelLineKind.FilesystemError, "xvdc")]
    [InlineData("BTRFS error (device xvdc state EA): parent transid verify failed", KernelLineKind.ShutDown, "xvdc")]
    [InlineData("BTRFS error (device xvdc): bdev /dev/xvdc errs: wr 1, rd 0, flush 0, corrupt 0, gen 0", KernelLineKind.FilesystemError, "xvdc")]
    [InlineData("BTRFS info (device loop0): first mount of filesystem 1234", KernelLineKind.Mounted, "loop0")]
    [InlineData("blkfront: xvda: barrier op failed", KernelLineKind.FlushDisabled, "xvda")]
    [InlineData("blkfront: xvda: write barrier op failed", KernelLineKind.FlushDisabled, "xvda")]
    [InlineData("blkfront: flush disk cache: empty write xvda op failed", KernelLineKind.FlushDisabled, "xvda")]
    [InlineData("blkfront: xvda: barrier: enabled; persistent grants: enabled; indirect descriptors: enabled;", KernelLineKind.FlushEnabled, "xvda")]
    [InlineData("blkfront: xvda: flush diskcache: enabled; persistent grants: enabled;", KernelLineKind.FlushEnabled, "xvda")]
    [InlineData("blkfront: xvda: barrier or flush: disabled; persistent grants: enabled;", KernelLineKind.FlushAbsent, "xvda")]
    [InlineData("I/O error, dev xvda, sector 8 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2", KernelLineKind.ReadError, "xvda")]
    [InlineData("blk_update_request: I/O error, dev xvda, sector 8 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 0", KernelLineKind.ReadError, "xvda")]
    [InlineData("Buffer I/O error on dev xvda1, logical block 0, async page read", KernelLineKind.ReadError, "xvda1")]
    [InlineData("blk_update_request: critical target error, dev sda, sector 100", KernelLineKind.DeviceError, "sda")]
    [InlineData("blk_update_request: critical medium error, dev sda, sector 100 op 0x1:(WRITE) flags 0x0", KernelLineKind.DeviceError, "sda")]
    [InlineData("timeout error, dev sda, sector 100 op 0x1:(WRITE) flags 0x0 phys_seg 1 prio class 2", KernelLineKind.DeviceError, "sda")]
    [InlineData("print_req_error: I/O error, dev sda, sector 1", KernelLineKind.DeviceError, "sda")]
    [InlineData("sd 2:0:0:1: [sdb] tag#78 timing out command, waited 180s", KernelLineKind.DeviceTimeout, "2:0:0:1")]
    [InlineData("sd 2:0:0:0: [sda] tag#5 FAILED Result: hostbyte=DID_TIME_OUT driverbyte=DRIVER_OK cmd_age=30s", KernelLineKind.DeviceTimeout, "2:0:0:0")]
    [InlineData("sd 0:0:0:0: Power-on or device reset occurred", KernelLineKind.DeviceTimeout, "0:0:0:0")]
    [InlineData("sd 0:0:0:0: Device offlined - not ready after error recovery", KernelLineKind.DeviceOffline, "0:0:0:0")]
    [InlineData("sd 0:0:0:1: rejecting I/O to offline device", KernelLineKind.DeviceOffline, "0:0:0:1")]
    [InlineData("ata1.00: exception Emask 0x0 SAct 0x0 SErr 0x0 action 0x6 frozen", KernelLineKind.DeviceTimeout, "ata1")]
    [InlineData("ata1: hard resetting link", KernelLineKind.DeviceTimeout, "ata1")]
    [InlineData("ata1.00: disabled", KernelLineKind.DeviceOffline, "ata1")]
    [InlineData("nvme nvme0: I/O 123 QID 4 timeout, aborting", KernelLineKind.DeviceTimeout, "nvme0")]
    [InlineData("nvme nvme0: I/O tag 5 (1005) opcode 0x1 (I/O Cmd) QID 2 timeout, reset controller", KernelLineKind.DeviceTimeout, "nvme0")]
    [InlineData("xvda disabled for further use", KernelLineKind.DeviceOffline, "xvda")]
    internal void Kernel_lines_of_every_age_are_understood(string text, KernelLineKind kind, string? device)
    {
        KernelLine? line = KernelLogParser.Understand(new KernelRecord(0, 1, TimeSpan.FromSeconds(1), text));
        Assert.Equal(kind, line?.Kind);
        Assert.Equal(device, line?.DeviceName);
    }

    [Theory]
    [InlineData("EXT4-fs (xvda1): error count since last fsck: 1")]
    [InlineData("EXT4-fs (xvda1): initial error at time 1700000000: ext4_journal_check_start:83")]
    [InlineData("EXT4-fs (xvda1): last error at time 1700000000: ext4_journal_check_start:83")]
    [InlineData("EXT4-fs (xvda1): warning: mounting fs with errors, running e2fsck is recommended")]
    [InlineData("ata1: SATA link up 6.0 Gbps (SStatus 133 SControl 300)")]
    [InlineData("sd 0:0:0:0: [sda] Attached SCSI disk")]
    [InlineData("usb 1-1: new device")]
    public void Old_errors_that_the_kernel_repeats_daily_are_no_news(string text)
        => Assert.Null(KernelLogParser.Understand(new KernelRecord(0, 1, TimeSpan.Zero, text)));

    [Fact]
    public void A_line_that_a_program_wrote_is_never_evidence()
    {
        KernelRecord? record = KernelLogParser.ParseRecord("12,500,9000,-;Aborting journal on device xvda-8.\n"u8);
        Assert.Equal(1, record?.Facility);
        Assert.Equal(string.Empty, record?.Text);
        Assert.Null(KernelLogParser.Understand(record!.Value));
    }

    [Theory]
    [InlineData("I/O error, dev xvda, sector 5040 op 0x1:(WRITE) flags 0x9800 phys_seg 5 prio class 2", 5040L)]
    [InlineData("I/O error, dev xvda, sector 8 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2", 8L)]
    [InlineData("end_request: I/O error, dev xvda, sector 1", 1L)]
    [InlineData("Aborting journal on device xvda-8.", null)]
    public void The_sector_of_a_failed_request_is_read(string text, long? sector)
        => Assert.Equal(sector, KernelLogParser.Understand(new KernelRecord(0, 1, TimeSpan.Zero, text))?.Sector);
}
