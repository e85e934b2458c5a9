using System.Buffers.Binary;
using HostBridge.Recovery;
using HostBridge.Storage.Judging;
using HostBridge.Toolstacks.Parsing;
using Xunit;

namespace Tests.Unit.Bridge.Toolstacks;

/// <summary>What lies on a disk, by bytes alone.</summary>
public sealed class DiskContentTests
{
    private const int SizeBytes = 4 * 1024 * 1024;

    private static readonly byte[] ExtMagic = [0x53, 0xef];
    private static readonly byte[] RaidMagic = [0xfc, 0x4e, 0x2b, 0xa9];

    private static DiskContent Tell(params (int Offset, byte[] Bytes)[] marks)
    {
        byte[] disk = Disk(marks);
        return DiskContentReader.Tell(
            disk.AsSpan(0, DiskContentReader.EdgeBytes), disk.AsSpan(SizeBytes - DiskContentReader.EdgeBytes), SizeBytes);
    }

    private static byte[] Disk(params (int Offset, byte[] Bytes)[] marks)
    {
        byte[] disk = new byte[SizeBytes];
        foreach ((int offset, byte[] bytes) in marks)
        {
            bytes.CopyTo(disk, offset);
        }

        return disk;
    }

    [Fact]
    public void An_ext_filesystem_is_told_by_its_superblock_and_where_its_journal_is()
    {
        Assert.Equal(DiskContent.Ext, Tell((1080, ExtMagic)));
        Assert.Equal(DiskContent.Ext, Tell((1080, ExtMagic), (1116, [4]), (1248, [8])));
        Assert.Equal(DiskContent.ExtWithJournalElsewhere, Tell((1080, ExtMagic), (1116, [4])));
        Assert.Equal(DiskContent.ExtJournal, Tell((1080, ExtMagic), (1120, [8])));
    }

    [Fact]
    public void A_member_of_an_array_is_never_taken_for_the_filesystem_that_it_carries_a_part_of()
    {
        Assert.Equal(DiskContent.Ambiguous, Tell((1080, ExtMagic), (SizeBytes - 8192, RaidMagic)));
        Assert.Equal(DiskContent.Ambiguous, Tell((1080, ExtMagic), (SizeBytes - 65536, RaidMagic)));
        Assert.Equal(DiskContent.RaidMember, Tell((4096, RaidMagic)));
    }

    [Fact]
    public void Two_signs_are_no_sign()
        => Assert.Equal(DiskContent.Ambiguous, Tell((1080, ExtMagic), (512, "LABELONE"u8.ToArray())));

    [Fact]
    public void An_empty_a_tiny_and_a_random_disk_are_not_known()
    {
        Assert.Equal(DiskContent.Unknown, Tell());
        Assert.Equal(DiskContent.Unknown, DiskContentReader.Tell([], [], 0));
        Assert.Equal(DiskContent.Unknown, DiskContentReader.Tell(new byte[7], new byte[7], 7));
        Assert.Equal(DiskContent.Luks, Tell((0, [.. "LUKS"u8, 0xba, 0xbe])));
        Assert.Equal(DiskContent.Image, Tell((0, [.. "QFI"u8, 0xfb])));
    }

    private static PartitionTable Table(byte[] disk, int blockBytes = 512)
        => PartitionTableReader.Read(
            (offset, size) => offset < 0 || offset >= disk.Length
                ? []
                : disk[(int)offset..(int)Math.Min(disk.Length, offset + size)],
            disk.Length,
            blockBytes);

    private static byte[] Entry(byte type, uint start, uint length)
    {
        byte[] entry = new byte[16];
        entry[4] = type;
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(8), start);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(12), length);
        return entry;
    }

    [Fact]
    public void A_DOS_table_with_logical_partitions_is_followed()
    {
        byte[] disk = Disk(
            (510, [0x55, 0xaa]), (446, Entry(0x83, 64, 100)), (462, Entry(0x05, 1000, 4000)),
            ((1000 * 512) + 446, Entry(0x83, 10, 200)), ((1000 * 512) + 462, Entry(0x05, 500, 600)),
            ((1000 * 512) + 510, [0x55, 0xaa]),
            ((1500 * 512) + 446, Entry(0x82, 20, 300)), ((1500 * 512) + 510, [0x55, 0xaa]));
        Assert.Equal(
            [(1, 64L, 100L), (5, 1010L, 200L), (6, 1520L, 300L)],
            Table(disk).Partitions.Select(one => (one.Number, one.Offset / 512, one.Length / 512)));
    }

    [Fact]
    public void A_DOS_table_that_does_not_hold_together_is_not_believed()
    {
        Assert.Equal(new PartitionTable([], null).Problem, Table(Disk()).Problem);
        Assert.NotNull(Table(Disk((510, [0x55, 0xaa]), (446, Entry(0x83, 64, 100_000)))).Problem);
        Assert.Contains("overlap", Table(
            Disk((510, [0x55, 0xaa]), (446, Entry(0x83, 64, 100)), (462, Entry(0x83, 100, 100)))).Problem);
        Assert.Contains("broken", Table(Disk((510, [0x55, 0xaa]), (446, Entry(0x05, 64, 100)))).Problem);
        // A chain that leads to itself ends.
        Assert.Contains("too many", Table(Disk(
            (510, [0x55, 0xaa]), (446, Entry(0x05, 64, 100)),
            ((64 * 512) + 510, [0x55, 0xaa]), ((64 * 512) + 462, Entry(0x05, 0, 100)))).Problem);
    }

    [Fact]
    public void A_GPT_is_believed_only_with_the_right_sums()
    {
        byte[] disk = Gpt();
        Assert.Equal([(1, 40L, 100L), (2, 200L, 50L)],
            Table(disk).Partitions.Select(one => (one.Number, one.Offset / 512, one.Length / 512)));
        Assert.True(Table(disk).Partitions[1].IsFirmware);
        foreach (int place in new[] { 512, 512 + 16, 512 + 40, 1024 + 33, 1024 + 200 })
        {
            byte[] damaged = [.. disk];
            damaged[place] ^= 1;
            Assert.NotNull(Table(damaged).Problem);
        }
    }

    private static byte[] Gpt()
    {
        byte[] disk = Disk((510, [0x55, 0xaa]), (446, Entry(0xee, 1, 8000)), (512, "EFI PART"u8.ToArray()));
        Span<byte> header = disk.AsSpan(512, 92);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], 92);
        BinaryPrimitives.WriteInt64LittleEndian(header[72..], 2);
        BinaryPrimitives.WriteUInt32LittleEndian(header[80..], 4);
        BinaryPrimitives.WriteUInt32LittleEndian(header[84..], 128);
        Span<byte> entries = disk.AsSpan(1024, 512);
        Guid.Parse("0fc63daf-8483-4772-8e79-3d69d8477de4").TryWriteBytes(entries);
        BinaryPrimitives.WriteInt64LittleEndian(entries[32..], 40);
        BinaryPrimitives.WriteInt64LittleEndian(entries[40..], 139);
        Guid.Parse("21686148-6449-6e6f-744e-656564454649").TryWriteBytes(entries[128..]);
        BinaryPrimitives.WriteInt64LittleEndian(entries[160..], 200);
        BinaryPrimitives.WriteInt64LittleEndian(entries[168..], 249);
        BinaryPrimitives.WriteUInt32LittleEndian(header[88..], Sum(entries));
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], Sum(header));
        return disk;
    }

    /// <summary>CRC-32 by its table, unlike the one that is tested.</summary>
    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint[] table = [.. Enumerable.Range(0, 256).Select(index =>
        {
            uint value = (uint)index;
            for (int bit = 0; bit < 8; bit++)
            {
                value = (value & 1) == 1 ? 0xedb88320 ^ (value >> 1) : value >> 1;
            }

            return value;
        })];
        uint sum = 0xffffffff;
        foreach (byte value in bytes)
        {
            sum = table[(sum ^ value) & 0xff] ^ (sum >> 8);
        }

        return sum ^ 0xffffffff;
    }

    private static BlockDevice.ScsiDisk Disk(int minor, string? wwid) => new()
    {
        Number = new DeviceNumber(8, minor),
        Name = $"sd{minor}",
        Address = $"0:0:0:{minor}",
        Wwid = wwid,
        Transport = new ScsiTransport.Local(),
    };

    private static BlockDevice.Mapped Map(int minor, params BlockDevice[] below) => new()
    {
        Number = new DeviceNumber(253, minor),
        Name = $"dm-{minor}",
        MapName = $"vg-{minor}",
        Uuid = $"LVM-{minor}",
        IsSuspended = false,
        Below = below,
    };

    private static BlockDevice.Partition Part(int minor, BlockDevice disk)
        => new() { Number = new DeviceNumber(8, minor), Name = $"part{minor}", Below = [disk] };

    [Fact]
    public void What_stands_on_a_disk_overlaps_it_and_what_stands_beside_does_not()
    {
        BlockDevice.ScsiDisk disk = Disk(0, "naa.1");
        Assert.True(StackOverlap.Overlaps(disk, disk));
        Assert.True(StackOverlap.Overlaps(Map(0, disk), disk));
        Assert.True(StackOverlap.Overlaps(disk, Map(0, disk)));
        Assert.False(StackOverlap.Overlaps(Map(0, disk), Map(1, disk)));
        Assert.False(StackOverlap.Overlaps(Part(1, disk), Part(2, disk)));
        Assert.True(StackOverlap.Overlaps(Part(1, disk), Map(0, Part(1, disk))));
    }

    [Fact]
    public void The_same_disk_over_another_path_is_the_same_disk()
    {
        Assert.True(StackOverlap.Overlaps(Disk(0, "naa.1"), Disk(16, "naa.1")));
        Assert.True(StackOverlap.Overlaps(Disk(0, "naa.1"), Map(0, Disk(16, "naa.1"))));
        Assert.False(StackOverlap.Overlaps(Disk(0, "naa.1"), Disk(16, "naa.2")));
        Assert.False(StackOverlap.Overlaps(Disk(0, wwid: null), Disk(16, wwid: null)));
    }
}
