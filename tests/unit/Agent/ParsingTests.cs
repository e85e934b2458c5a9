using System.Text;
using GuestAgent.Detection;
using GuestAgent.Signals.Parsing;
using CsCheck;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>What the kernel's files say.</summary>
public sealed class ParsingTests
{
    [Fact]
    public void A_line_of_mountinfo_is_taken_apart_at_its_separator()
    {
        MountEntry mount = Assert.Single(MountInfoParser.Parse(
            "36 35 202:1 / / rw,noatime master:1 propagate_from:2 - ext3 /dev/xvda1 rw,errors=remount-ro,emergency_ro\n"u8));
        Assert.Equal(36, mount.MountId);
        Assert.Equal(new DeviceNumber(202, 1), mount.Device);
        Assert.True(mount.MountPoint.IsRoot);
        Assert.Equal("ext3", mount.FilesystemType);
        Assert.Equal("/dev/xvda1", mount.Source.Encoded);
        Assert.Equal(["rw", "errors=remount-ro", "emergency_ro"], mount.SuperOptions);
        Assert.Equal(MountClaim.Rw, mount.Claims);
    }

    [Fact]
    public void Octal_escapes_become_the_bytes_they_stand_for()
    {
        MountEntry mount = Assert.Single(MountInfoParser.Parse(
            @"40 35 7:0 / /srv/a\040b\011\012\134c rw - ext4 /dev/loop0 rw"u8));
        Assert.Equal("/srv/a b\t\n\\c"u8.ToArray(), mount.MountPoint.ToBytes());
        Assert.Equal("/srv/a%20b%09%0A%5Cc", mount.MountPoint.Encoded);
    }

    [Fact]
    public void A_mount_point_that_is_not_utf8_survives_the_way_to_a_system_call()
    {
        byte[] line = [.. "40 35 7:0 / /srv/"u8, 0xff, 0xfe, .. " rw - ext4 /dev/loop0 rw"u8];
        MountEntry mount = Assert.Single(MountInfoParser.Parse(line));
        Assert.Equal([.. "/srv/"u8, 0xff, 0xfe], mount.MountPoint.ToBytes());
    }

    [Theory]
    [InlineData("36 35 8:1 / /b ro,relatime - ext4 /dev/sda1 rw", MountClaim.Ro)]
    [InlineData("36 35 8:1 / /b rw,relatime - ext4 /dev/sda1 ro", MountClaim.Ro)]
    [InlineData("36 35 8:1 / /b rw,relatime - ext4 /dev/sda1 rw", MountClaim.Rw)]
    public void Read_only_may_stand_in_either_field(string line, MountClaim claims)
        => Assert.Equal(claims, Assert.Single(MountInfoParser.Parse(Encoding.ASCII.GetBytes(line))).Claims);

    [Fact]
    public void Garbage_in_the_mount_table_is_left_out_and_never_throws()
        => Gen.Byte.Array[0, 200].Sample(bytes => MountInfoParser.Parse(bytes).Count >= 0);

    [Fact]
    public void A_cut_line_is_left_out()
    {
        byte[] line = Encoding.ASCII.GetBytes("36 35 202:1 / / rw,noatime master:1 - ext3 /dev/xvda1 rw,errors=continue");
        for (int length = 0; length < line.Length; length++)
        {
            Assert.True(MountInfoParser.Parse(line.AsSpan(0, length)).Count <= 1);
        }
    }

    [Fact]
    public void One_mount_is_watched_of_each_local_filesystem()
    {
        List<MountEntry> table = MountInfoParser.Parse("""
            22 1 202:1 / / rw - ext3 /dev/xvda1 rw
            30 22 202:1 /var/lib/docker /var/lib/docker rw - ext3 /dev/xvda1 rw
            31 22 0:40 / /proc rw - proc proc rw
            32 22 202:16 /part /mnt/part rw - ext4 /dev/xvdb rw
            33 22 202:16 / /mnt/whole rw - ext4 /dev/xvdb rw
            34 22 0:50 / /net rw - nfs server:/x rw
            """u8);
        IReadOnlyList<MountEntry> chosen = LocalFilesystems.Choose(table, new HashSet<MountPoint>());
        Assert.Equal(["/", "/mnt/whole"], chosen.Select(mount => mount.MountPoint.Encoded));
        IReadOnlyList<MountEntry> pod = LocalFilesystems.Choose(
            [AgentStage.Ext("/pod", 7, options: "ro", id: 30), AgentStage.Ext("/srv", 7, id: 40)], new HashSet<MountPoint>());
        Assert.Equal("/srv", Assert.Single(pod).MountPoint.Encoded);
        var leftOut = new HashSet<MountPoint> { MountPoint.Root };
        Assert.DoesNotContain(LocalFilesystems.Choose(table, leftOut), mount => mount.MountPoint.IsRoot);
    }

    [Fact]
    public void Fstab_says_who_is_to_be_read_only()
    {
        Dictionary<MountPoint, FstabWish> wishes = FstabParser.Parse("""
            # a comment
            UUID=1 / ext4 errors=remount-ro 0 1
            /dev/xvdb /srv/my\040data ext4 noatime,ro 0 2
            /dev/xvdc /both ext4 ro,rw 0 2
            none swap
            """);
        Assert.Equal(FstabWish.ReadWrite, wishes[MountPoint.Root]);
        Assert.Equal(FstabWish.ReadOnly, wishes[MountPoint.FromText("/srv/my data")]);
        Assert.Equal(FstabWish.ReadWrite, wishes[MountPoint.FromText("/both")]);
        Assert.Equal(3, wishes.Count);
    }

    [Fact]
    public void Block_statistics_count_writes_and_flushes_apart_from_reads()
    {
        string stat = "  446216   784926  9550688  4382310  100  200 17950104 3 0 4 5 0 0 0 0 23 6";
        Assert.Equal(123, BlockStatParser.WriteCompletions(stat));
        Assert.Equal(100, BlockStatParser.WriteCompletions("1 2 3 4 100 6 7 8 9 10 11"));
        Assert.Null(BlockStatParser.WriteCompletions("1 2 x"));
        Assert.Equal(7, BlockStatParser.Inflight("       3        4"));
        Assert.Null(BlockStatParser.Inflight("3"));
    }

    [Theory]
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
    [InlineData("INFO: task jbd2/loop0-8:2167 blocked for more than 120 seconds.", KernelLineKind.TaskHung, null)]
    internal void Kernel_lines_of_every_age_are_understood(string text, KernelLineKind kind, string? device)
    {
        KernelLine? line = KernelLogParser.Understand(new KernelRecord(0, TimeSpan.FromSeconds(1), text));
        Assert.Equal(kind, line?.Kind);
        Assert.Equal(device, line?.DeviceName);
    }

    [Theory]
    [InlineData("EXT4-fs (xvda1): error count since last fsck: 1")]
    [InlineData("EXT4-fs (xvda1): initial error at time 1700000000: ext4_journal_check_start:83")]
    [InlineData("EXT4-fs (xvda1): last error at time 1700000000: ext4_journal_check_start:83")]
    [InlineData("usb 1-1: new device")]
    public void Old_errors_that_the_kernel_repeats_daily_are_no_news(string text)
        => Assert.Null(KernelLogParser.Understand(new KernelRecord(0, TimeSpan.Zero, text)));

    [Fact]
    public void A_line_that_a_program_wrote_is_never_evidence()
    {
        KernelRecord? record = KernelLogParser.ParseRecord("12,500,9000,-;Aborting journal on device xvda-8.\n"u8);
        Assert.Equal(1, record?.Facility);
        Assert.Null(KernelLogParser.Understand(record!.Value));
    }

    [Fact]
    public void A_record_of_the_kernel_log_is_taken_apart()
    {
        KernelRecord? record = KernelLogParser.ParseRecord(
            "2,601,5140900,-,caller=T1;Aborting journal on device xvda-8.\n SUBSYSTEM=block\n DEVICE=b202:0\n"u8);
        Assert.Equal(0, record?.Facility);
        Assert.Equal(TimeSpan.FromMicroseconds(5140900), record?.At);
        Assert.Equal("Aborting journal on device xvda-8.", record?.Text);
    }

    [Fact]
    public void Garbage_in_the_kernel_log_never_throws()
        => Gen.Byte.Array[0, 120].Sample(bytes =>
        {
            if (KernelLogParser.ParseRecord(bytes) is { } record)
            {
                _ = KernelLogParser.Understand(record);
                Assert.InRange(record.Text.Length, 0, bytes.Length);
            }
        });
}
