using System.Buffers.Binary;

namespace HostBridge.Toolstacks.Parsing;

/// <summary>A partition.</summary>
/// <param name="Number">The kernel's number for it, from 1.</param>
/// <param name="Offset">Where it begins, in bytes.</param>
/// <param name="Length">Its length in bytes.</param>
/// <param name="IsFirmware">Whether it belongs to a firmware or boot loader and holds no filesystem of Linux.</param>
internal sealed record DiskPartition(int Number, long Offset, long Length, bool IsFirmware);

/// <summary>What a disk's partition table says.</summary>
/// <param name="Partitions">The partitions; none where there is no table.</param>
/// <param name="Problem">Why the table is not believed; null when it is, or there is none.</param>
internal sealed record PartitionTable(IReadOnlyList<DiskPartition> Partitions, string? Problem);

/// <summary>
/// Reads a partition table, DOS or GPT, strictly: sums, bounds and overlaps must be right, or it is not believed. It is
/// read here and not by the kernel, as the kernel gives partitions of a volume or of a file no devices.
/// </summary>
internal static class PartitionTableReader
{
    /// <summary>Reads some bytes of the disk; fewer at its end.</summary>
    /// <param name="offset">Where, in bytes.</param>
    /// <param name="size">How many.</param>
    internal delegate byte[] ReadBytes(long offset, int size);

    private const int DosSectorBytes = 512;
    private const int DosEntriesOffset = 446;
    private const int DosEntryBytes = 16;
    private const int DosEntries = 4;
    private const int MaxLogical = 60;
    private const int FirstLogical = 5;
    private const byte DosProtective = 0xee;
    private const byte DosPowerPcBoot = 0x41;

    private const int GptHeaderBytes = 92;
    private const int GptEntryBytes = 128;
    private const int MaxGptEntries = 256;

    private static readonly byte[] DosExtended = [0x05, 0x0f, 0x85];

    private static readonly Guid BiosBoot = Guid.Parse("21686148-6449-6e6f-744e-656564454649");
    private static readonly Guid PowerPcBoot = Guid.Parse("9e1a2d38-c612-4316-aa26-8b49521e5a8b");

    /// <summary>Reads the table of a disk.</summary>
    /// <param name="read">Reads its bytes.</param>
    /// <param name="size">Its size in bytes.</param>
    /// <param name="blockBytes">Its logical block size: 512 or 4096.</param>
    public static PartitionTable Read(ReadBytes read, long size, int blockBytes)
    {
        byte[] first = read(0, DosSectorBytes);
        if (first.Length < DosSectorBytes || first[510] != 0x55 || first[511] != 0xaa)
        {
            return new PartitionTable([], Problem: null);
        }

        List<DosEntry> primary = EntriesOf(first);
        if (primary.Exists(entry => entry.Type == DosProtective))
        {
            return Checked(ReadGpt(read, size, blockBytes), size);
        }

        // The first sector of a FAT, or of an ext with a boot loader before it, ends like a table, and holds none.
        return primary.Count == 0 || primary.Exists(entry => !entry.IsPlausible(size, blockBytes))
            ? new PartitionTable([], primary.Count == 0 ? null : "its first sector is no partition table that holds together")
            : Checked(ReadDos(read, primary, blockBytes), size);
    }

    private static PartitionTable ReadDos(ReadBytes read, List<DosEntry> primary, int blockBytes)
    {
        var partitions = new List<DiskPartition>();
        foreach (DosEntry entry in primary)
        {
            if (!DosExtended.Contains(entry.Type))
            {
                partitions.Add(entry.At(entry.Slot + 1, origin: 0, blockBytes));
            }
            else if (AddLogical(read, partitions, entry, blockBytes) is { } problem)
            {
                return new PartitionTable([], problem);
            }
        }

        return new PartitionTable(partitions, Problem: null);
    }

    /// <summary>Follows the chain: each link holds one partition, and where the next link is.</summary>
    private static string? AddLogical(ReadBytes read, List<DiskPartition> partitions, DosEntry extended, int blockBytes)
    {
        long link = extended.Start;
        for (int count = 0; count < MaxLogical; count++)
        {
            byte[] sector = read(link * blockBytes, DosSectorBytes);
            if (sector.Length < DosSectorBytes || sector[510] != 0x55 || sector[511] != 0xaa)
            {
                return "a link of its extended partition is broken";
            }

            List<DosEntry> entries = EntriesOf(sector);
            partitions.AddRange(entries.Where(entry => entry.Slot == 0 && !DosExtended.Contains(entry.Type))
                .Select(entry => entry.At(FirstLogical + count, link, blockBytes)));
            if (entries.Find(entry => DosExtended.Contains(entry.Type)) is not { } next)
            {
                return null;
            }

            link = extended.Start + next.Start;
        }

        return "its extended partition has too many links";
    }

    private static PartitionTable ReadGpt(ReadBytes read, long size, int blockBytes)
    {
        byte[] header = read(blockBytes, blockBytes);
        if (header.Length < GptHeaderBytes || !header.AsSpan(0, 8).SequenceEqual("EFI PART"u8))
        {
            return new PartitionTable([], "its GPT has no header");
        }

        uint headerSize = Number(header, 12);
        uint count = Number(header, 80);
        if (headerSize is < GptHeaderBytes || headerSize > header.Length || count is 0 or > MaxGptEntries
            || Number(header, 84) != GptEntryBytes)
        {
            return new PartitionTable([], "the header of its GPT is out of bounds");
        }

        byte[] summed = header[..(int)headerSize];
        summed.AsSpan(16, sizeof(uint)).Clear();
        long place = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(72));
        byte[] entries = read(place * blockBytes, (int)count * GptEntryBytes);
        if (Crc32(summed) != Number(header, 16) || entries.Length != count * GptEntryBytes
            || Crc32(entries) != Number(header, 88))
        {
            return new PartitionTable([], "the sums of its GPT are wrong");
        }

        var partitions = new List<DiskPartition>();
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> entry = entries.AsSpan(i * GptEntryBytes, GptEntryBytes);
            var type = new Guid(entry[..16]);
            long first = BinaryPrimitives.ReadInt64LittleEndian(entry[32..]);
            long last = BinaryPrimitives.ReadInt64LittleEndian(entry[40..]);
            if (type == Guid.Empty)
            {
                continue;
            }

            if (first <= 0 || last < first || last > size / blockBytes)
            {
                return new PartitionTable([], "a partition of its GPT is out of bounds");
            }

            partitions.Add(new DiskPartition(
                i + 1, first * blockBytes, (last - first + 1) * blockBytes, type == BiosBoot || type == PowerPcBoot));
        }

        return new PartitionTable(partitions, Problem: null);
    }

    private static PartitionTable Checked(PartitionTable table, long size)
    {
        DiskPartition[] ordered = [.. table.Partitions.OrderBy(partition => partition.Offset)];
        for (int i = 0; i < ordered.Length; i++)
        {
            if (ordered[i].Length <= 0 || ordered[i].Offset + ordered[i].Length > size)
            {
                return new PartitionTable([], $"its partition {ordered[i].Number} reaches beyond its end");
            }

            if (i > 0 && ordered[i - 1].Offset + ordered[i - 1].Length > ordered[i].Offset)
            {
                return new PartitionTable([], $"its partitions {ordered[i - 1].Number} and {ordered[i].Number} overlap");
            }
        }

        return table.Problem is null && ordered.Length == 0
            ? new PartitionTable([], "its partition table is empty")
            : table;
    }

    private static List<DosEntry> EntriesOf(byte[] sector)
    {
        var entries = new List<DosEntry>();
        for (int slot = 0; slot < DosEntries; slot++)
        {
            ReadOnlySpan<byte> entry = sector.AsSpan(DosEntriesOffset + (slot * DosEntryBytes), DosEntryBytes);
            if (entry[4] != 0)
            {
                entries.Add(new DosEntry(slot, entry[0], entry[4], Number(entry, 8), Number(entry, 12)));
            }
        }

        return entries;
    }

    private static uint Number(ReadOnlySpan<byte> bytes, int offset)
        => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    /// <summary>CRC-32 of IEEE 802.3, reflected, as UEFI 2.10 (5.3.2) has it.</summary>
    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        const uint Polynomial = 0xedb88320;
        uint sum = uint.MaxValue;
        foreach (byte value in bytes)
        {
            sum ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                sum = (sum & 1) != 0 ? (sum >> 1) ^ Polynomial : sum >> 1;
            }
        }

        return ~sum;
    }

    /// <summary>An entry of a DOS table that is in use; places in logical blocks.</summary>
    private sealed record DosEntry(int Slot, byte Status, byte Type, long Start, long Length)
    {
        public bool IsPlausible(long size, int blockBytes)
            => Status is 0 or 0x80 && Start > 0 && Length > 0 && (Start + Length) * blockBytes <= size;

        public DiskPartition At(int number, long origin, int blockBytes)
            => new(number, (origin + Start) * blockBytes, Length * blockBytes, Type == DosPowerPcBoot);
    }
}
