using System.Buffers.Binary;

namespace HostBridge.Toolstacks.Parsing;

/// <summary>What lies on a device, told by its first and last bytes alone; nothing is mounted for that.</summary>
internal enum DiskContent
{
    /// <summary>None of what is known here.</summary>
    Unknown = 0,

    /// <summary>ext2, ext3 or ext4 with its journal in itself.</summary>
    Ext,

    /// <summary>ext3 or ext4 whose journal lies on another device.</summary>
    ExtWithJournalElsewhere,

    /// <summary>A journal for another device's ext3 or ext4.</summary>
    ExtJournal,

    /// <summary>A swap area.</summary>
    Swap,

    /// <summary>FAT, as of an EFI system partition.</summary>
    Fat,

    /// <summary>XFS.</summary>
    Xfs,

    /// <summary>Btrfs.</summary>
    Btrfs,

    /// <summary>A physical volume of LVM.</summary>
    Lvm,

    /// <summary>An encrypted volume of LUKS.</summary>
    Luks,

    /// <summary>A member of an array of md.</summary>
    RaidMember,

    /// <summary>An image in a container format (qcow2, VHD), which is no disk by itself.</summary>
    Image,

    /// <summary>Signs of more than one of these.</summary>
    Ambiguous,
}

/// <summary>
/// Tells what lies on a device by its magic numbers: the offsets are those of the formats (ext4_super_block, LABELONE of
/// LVM2, luks.h, xfs_dsb, btrfs_super_block, swap_header, mdp_super_t and mdp_superblock_1).
/// </summary>
internal static class DiskContentReader
{
    /// <summary>So much of the beginning, and of the end, is looked at.</summary>
    public const int EdgeBytes = 128 * 1024;

    private const int ExtOffset = 1024;
    private const int ExtMagicOffset = ExtOffset + 56;
    private const int ExtCompatibleOffset = ExtOffset + 92;
    private const int ExtIncompatibleOffset = ExtOffset + 96;
    private const int ExtJournalInodeOffset = ExtOffset + 224;
    private const ushort ExtMagic = 0xef53;
    private const uint ExtHasJournal = 0x4;
    private const uint ExtIsJournal = 0x8;

    private const int SectorBytes = 512;
    private const int BtrfsMagicOffset = (64 * 1024) + 64;
    private const uint RaidMagic = 0xa92b4efc;
    private const int RaidUnitBytes = 64 * 1024;

    /// <summary>Tells what lies there.</summary>
    /// <param name="begin">The first <see cref="EdgeBytes"/>, or all of a smaller device.</param>
    /// <param name="end">The last <see cref="EdgeBytes"/>, or all of a smaller device.</param>
    /// <param name="size">The size of the device in bytes.</param>
    public static DiskContent Tell(ReadOnlySpan<byte> begin, ReadOnlySpan<byte> end, long size)
    {
        var found = new List<DiskContent>();
        AddExt(found, begin);
        Add(found, DiskContent.Xfs, Has(begin, 0, "XFSB"u8));
        Add(found, DiskContent.Btrfs, Has(begin, BtrfsMagicOffset, "_BHRfS_M"u8));
        Add(found, DiskContent.Luks, Has(begin, 0, [.. "LUKS"u8, 0xba, 0xbe]));
        Add(found, DiskContent.Lvm, IsLvm(begin));
        Add(found, DiskContent.Swap, IsSwap(begin));
        Add(found, DiskContent.RaidMember, IsRaidMember(begin, end, size));
        Add(found, DiskContent.Image, Has(begin, 0, [.. "QFI"u8, 0xfb])
            || Has(begin, 0, "conectix"u8) || Has(begin, 0, "vhdxfile"u8));
        if (found.Count == 0 && (Has(begin, 54, "FAT"u8) || Has(begin, 82, "FAT32"u8)))
        {
            return DiskContent.Fat;
        }

        return found.Count switch
        {
            0 => DiskContent.Unknown,
            1 => found[0],
            _ => DiskContent.Ambiguous,
        };
    }

    private static void AddExt(List<DiskContent> found, ReadOnlySpan<byte> begin)
    {
        if (begin.Length < ExtJournalInodeOffset + sizeof(uint)
            || BinaryPrimitives.ReadUInt16LittleEndian(begin[ExtMagicOffset..]) != ExtMagic)
        {
            return;
        }

        bool isJournal = (Number(begin, ExtIncompatibleOffset) & ExtIsJournal) != 0;
        bool hasJournal = (Number(begin, ExtCompatibleOffset) & ExtHasJournal) != 0;
        found.Add(isJournal ? DiskContent.ExtJournal
            : hasJournal && Number(begin, ExtJournalInodeOffset) == 0 ? DiskContent.ExtWithJournalElsewhere
            : DiskContent.Ext);
    }

    /// <summary>A label lies in one of the first four sectors.</summary>
    private static bool IsLvm(ReadOnlySpan<byte> begin)
    {
        for (int sector = 0; sector < 4; sector++)
        {
            if (Has(begin, sector * SectorBytes, "LABELONE"u8))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The magic ends the first page, whose size is that of the guest's processor.</summary>
    private static bool IsSwap(ReadOnlySpan<byte> begin)
    {
        for (int page = 4096; page <= 65536; page *= 2)
        {
            if (Has(begin, page - 10, "SWAPSPACE2"u8) || Has(begin, page - 10, "SWAP-SPACE"u8))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Formats 1.1 and 1.2 lie at the beginning; 1.0 and 0.90 near the end.</summary>
    private static bool IsRaidMember(ReadOnlySpan<byte> begin, ReadOnlySpan<byte> end, long size)
    {
        long atEnd = size - end.Length;
        long format10 = (size & ~4095L) - 8192;
        long format090 = (size & -RaidUnitBytes) - RaidUnitBytes;
        return IsRaid(begin, 0) || IsRaid(begin, 4096)
            || IsRaid(end, format10 - atEnd) || IsRaid(end, format090 - atEnd);
    }

    private static bool IsRaid(ReadOnlySpan<byte> bytes, long offset)
        => offset >= 0 && offset + sizeof(uint) <= bytes.Length && Number(bytes, (int)offset) == RaidMagic;

    private static uint Number(ReadOnlySpan<byte> bytes, int offset)
        => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private static bool Has(ReadOnlySpan<byte> bytes, int offset, ReadOnlySpan<byte> magic)
        => bytes.Length >= offset + magic.Length && bytes.Slice(offset, magic.Length).SequenceEqual(magic);

    private static void Add(List<DiskContent> found, DiskContent content, bool isThere)
    {
        if (isThere)
        {
            found.Add(content);
        }
    }
}
