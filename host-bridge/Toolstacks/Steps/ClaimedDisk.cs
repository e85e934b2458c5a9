using HostBridge.Recovery;
using HostBridge.Storage;
using HostBridge.Storage.Judging;
using HostBridge.Toolstacks.Parsing;
using Microsoft.Win32.SafeHandles;

namespace HostBridge.Toolstacks.Steps;

/// <summary>Where an ext filesystem lies on a disk.</summary>
/// <param name="Text">For a person.</param>
/// <param name="Offset">In bytes.</param>
/// <param name="Length">In bytes.</param>
internal sealed record FilesystemPlace(string Text, long Offset, long Length);

/// <summary>
/// A disk that this process has for itself (O_EXCL), and what was found on it. The claim keeps everyone off who claims
/// as well: a mount, a map, a swap area, another e2fsck. It does not keep blkback off.
/// </summary>
internal sealed class ClaimedDisk : IDisposable
{
    private const int SectorBytes = 512;

    private ClaimedDisk(BlockDevice device) => Device = device;

    /// <summary>The disk.</summary>
    public BlockDevice Device { get; }

    /// <summary>Its name, for a person.</summary>
    public string Name => $"{(Device.Name.Length > 0 ? Device.Name : "a device that is not there")} ({Device.Number})";

    /// <summary>The claim; null when there is a problem.</summary>
    public SafeFileHandle? Handle { get; private set; }

    /// <summary>Its logical block size.</summary>
    public int BlockBytes { get; private set; } = SectorBytes;

    /// <summary>The ext filesystems on it; none on a disk for swapping.</summary>
    public IReadOnlyList<FilesystemPlace> Filesystems { get; private set; } = [];

    /// <summary>Why nothing can be done with it, for a person; null when something can.</summary>
    public string? Problem { get; private set; }

    /// <summary>Claims a disk and looks at what lies on it.</summary>
    public static ClaimedDisk Claim(BlockDevice device, HostFiles files)
    {
        var disk = new ClaimedDisk(device);
        if (device.SizeSectors is not { } sectors || device.Name.Length == 0)
        {
            disk.Problem = "it is not there";
            return disk;
        }

        disk.Handle = DeviceNodes.TryOpenExclusively(device.Number, device.Name, out string? problem);
        if (disk.Handle is null)
        {
            disk.Problem = $"it cannot be opened for this use alone (O_EXCL): {problem}";
            return disk;
        }

        disk.BlockBytes = (int)(HostFiles.TryReadNumber($"{files.Block(device.Number)}/queue/logical_block_size")
            ?? HostFiles.TryReadNumber($"{files.Block(device.Number)}/../queue/logical_block_size") ?? 0);
        if (disk.BlockBytes is not (SectorBytes or 4096))
        {
            disk.Problem = $"its logical block size {disk.BlockBytes} is not known here";
            return disk;
        }

        disk.Look(sectors * SectorBytes);
        return disk;
    }

    /// <inheritdoc/>
    public void Dispose() => Handle?.Dispose();

    private void Look(long size)
    {
        try
        {
            DiskContent whole = ContentOf(0, size);
            PartitionTable table = PartitionTableReader.Read(Read, size, BlockBytes);
            if (whole is not DiskContent.Unknown)
            {
                Problem = table.Partitions.Count > 0
                    ? $"it has a partition table, and also {Words(whole)}"
                    : Add($"the filesystem on {Device.Name}", whole, 0, size);
            }
            else if (table.Problem is not null || table.Partitions.Count == 0)
            {
                Problem = table.Problem ?? "nothing that is known here lies on it";
            }
            else
            {
                Problem = table.Partitions.Where(partition => !partition.IsFirmware)
                    .Select(partition => Add(
                        $"the filesystem on partition {partition.Number} of {Device.Name}",
                        ContentOf(partition.Offset, partition.Length),
                        partition.Offset,
                        partition.Length))
                    .FirstOrDefault(problem => problem is not null);
            }
        }
        catch (IOException failure)
        {
            Problem = $"it cannot be read: {failure.Message}";
        }
    }

    /// <summary>Takes in what is checked, passes by what needs no check; anything else is a problem.</summary>
    private string? Add(string text, DiskContent content, long offset, long length)
    {
        switch (content)
        {
            case DiskContent.Ext:
                Filesystems = [.. Filesystems, new FilesystemPlace(text, offset, length)];
                return null;
            case DiskContent.Swap or DiskContent.Fat:
                return null;
            default:
                return $"{text} is {Words(content)}, which cannot be checked from here";
        }
    }

    private DiskContent ContentOf(long offset, long length)
    {
        int edge = (int)Math.Min(DiskContentReader.EdgeBytes, length);
        return DiskContentReader.Tell(Read(offset, edge), Read(offset + length - edge, edge), length);
    }

    private byte[] Read(long offset, int size)
    {
        byte[] bytes = new byte[size];
        int read = 0;
        while (offset >= 0 && read < size
            && RandomAccess.Read(Handle!, bytes.AsSpan(read), offset + read) is var more && more > 0)
        {
            read += more;
        }

        return bytes[..read];
    }

    private static string Words(DiskContent content) => content switch
    {
        DiskContent.Ext => "an ext filesystem",
        DiskContent.ExtWithJournalElsewhere => "an ext filesystem with its journal on another device",
        DiskContent.ExtJournal => "a journal of another device",
        DiskContent.Swap => "a swap area",
        DiskContent.Fat => "a FAT",
        DiskContent.Xfs => "XFS",
        DiskContent.Btrfs => "Btrfs",
        DiskContent.Lvm => "a physical volume of LVM",
        DiskContent.Luks => "an encrypted volume (LUKS)",
        DiskContent.RaidMember => "a member of an array (md)",
        DiskContent.Image => "an image in a container format",
        DiskContent.Ambiguous => "more than one thing at once",
        _ => "nothing that is known here",
    };
}
