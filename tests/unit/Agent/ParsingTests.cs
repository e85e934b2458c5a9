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
        IReadOnlyList<MountEntry> chosen = LocalFilesystems.Choose(table, new MountChoice());
        Assert.Equal(["/", "/mnt/whole"], chosen.Select(mount => mount.MountPoint.Encoded));
        IReadOnlyList<MountEntry> pod = LocalFilesystems.Choose(
            [AgentStage.Ext("/pod", 7, options: "ro", id: 30), AgentStage.Ext("/srv", 7, id: 40)], new MountChoice());
        Assert.Equal("/srv", Assert.Single(pod).MountPoint.Encoded);
        var leftOut = new HashSet<MountPoint> { MountPoint.Root };
        IReadOnlyList<MountEntry> rest = LocalFilesystems.Choose(table, new MountChoice { Excluded = leftOut });
        Assert.DoesNotContain(rest, mount => mount.MountPoint.IsRoot);
    }

    [Fact]
    public void Fstab_says_who_is_to_be_read_only()
    {
        List<FstabEntry> entries = FstabParser.Parse("""
            # a comment
            UUID=1 / ext4 errors=remount-ro 0 1
            /dev/xvdb /srv/my\040data ext4 noatime,ro 0 2
            /dev/xvdc /both ext4 ro,rw
            none swap
            """u8);
        Assert.Equal(
            [("/", false, 1), ("/srv/my%20data", true, 2), ("/both", false, 0)],
            entries.Select(entry => (entry.MountPoint.Encoded, entry.IsReadOnly, entry.CheckPass)));
    }

    [Theory]
    [InlineData("/srv/archive/", "/srv/archive")]
    [InlineData("/srv//old", "/srv/old")]
    [InlineData("/srv/./old/.", "/srv/old")]
    [InlineData("/srv/new/../old", "/srv/old")]
    [InlineData("//", "/")]
    [InlineData("/..", "/")]
    [InlineData("/srv/my\\040data/", "/srv/my%20data")]
    public void Fstab_paths_are_read_as_mount_reads_them(string written, string mounted)
        => Assert.Equal(mounted, FstabParser.Parse(Encoding.UTF8.GetBytes($"/dev/xvdb {written} ext4 ro 0 2")).Single().MountPoint.Encoded);

    [Fact]
    public void Block_statistics_count_writes_and_flushes_apart_from_reads()
    {
        string stat = "  446216   784926  9550688  4382310  100  200 17950104 3 0 4 5 0 0 0 0 23 6";
        Assert.Equal(123, BlockStatParser.WriteCompletions(stat));
        Assert.Equal(100, BlockStatParser.WriteCompletions("1 2 3 4 100 6 7 8 9 10 11"));
        Assert.Null(BlockStatParser.WriteCompletions("1 2 x"));
        Assert.Equal((3, 4), BlockStatParser.Inflight("       3        4"));
        Assert.Null(BlockStatParser.Inflight("3"));
        Assert.Null(BlockStatParser.Inflight("3 4 5"));
        Assert.Null(BlockStatParser.Inflight("3 -4"));
    }

    [Fact]
    public void A_record_of_the_kernel_log_is_taken_apart()
    {
        KernelRecord? record = KernelLogParser.ParseRecord(
            "2,601,5140900,-,caller=T1;Aborting journal on device xvda-8.\n SUBSYSTEM=block\n DEVICE=b202:0\n"u8);
        Assert.Equal(0, record?.Facility);
        Assert.Equal(601, record?.Sequence);
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
