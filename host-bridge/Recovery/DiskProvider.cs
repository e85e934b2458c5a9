using System.Globalization;
using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>Who provides the disks under a filesystem of a guest.</summary>
internal enum DiskProvider
{
    /// <summary>Not known: nothing is repaired on such disks.</summary>
    NotKnown = 0,

    /// <summary>This host: the storage gate speaks of them.</summary>
    Host,

    /// <summary>The guest itself (its own iSCSI, NBD, a passed-through adapter): the storage gate says nothing of them.</summary>
    Guest,
}

/// <summary>
/// Whether the storage gate speaks of a filesystem's disks: by the origins that its agent reports, or else, as agents of
/// version 0.1.0 report none, by the name of the device and the guest's virtual block devices.
/// </summary>
internal static class DiskProviders
{
    // xen-vbd-interface(7): the number of a virtual block device.
    private const int XvdMajor = 202 << 8;
    private const int ExtendedXvd = 1 << 28;
    private const int PartitionBits = 4;
    private const int ExtendedPartitionBits = 8;
    private const int MostPartitions = 1 << PartitionBits;
    private const int MostExtendedPartitions = 1 << ExtendedPartitionBits;
    private const int MostXvdDisks = 1 << 16;
    private const int SdMajor = 8 << 8;
    private const int SdDisks = 16;

    /// <summary>hda to hdd.</summary>
    private static readonly int[] HdNumbers = [3 << 8, (3 << 8) + 64, 22 << 8, (22 << 8) + 64];

    /// <summary>Who provides its disks.</summary>
    /// <param name="filesystem">What the guest reports.</param>
    /// <param name="disks">The guest's disks by xenstore.</param>
    public static DiskProvider Of(FilesystemHealth filesystem, GuestDisks disks)
    {
        IReadOnlyList<DiskOrigin> origins = filesystem.Origins;
        return origins.Any(origin => origin.IsForeign()) ? DiskProvider.Guest
            : origins.Count > 0 && origins.All(origin => origin.IsServedByHost()) ? DiskProvider.Host
            : origins.Count == 0 && IsListed(filesystem.Device, disks) ? DiskProvider.Host
            : DiskProvider.NotKnown;
    }

    /// <summary>What is wrong and what to do, for an operator; null where the host provides them.</summary>
    public static string? Advice(FilesystemHealth filesystem, GuestDisks disks) => Of(filesystem, disks) switch
    {
        DiskProvider.Host => null,
        DiskProvider.Guest
            => $"its disk is not served by this host ({Words(filesystem.Origins)}); repair it in the guest",
        _ when filesystem.Origins.Count == 0
            => $"its agent does not report where {filesystem.Device} comes from, and no virtual block device of this guest "
                + "has that name: it is not repaired from here; repair it in the guest, or update its guest-agent",
        _ => $"it is not known whether this host serves its disk ({Words(filesystem.Origins)}); repair it in the guest",
    };

    /// <summary>Origins for an operator: <c>iscsi session of the guest</c>.</summary>
    private static string Words(IReadOnlyList<DiskOrigin> origins) => string.Join(", ", origins.Select(origin => origin switch
    {
        DiskOrigin.Vbd => "virtual block device",
        DiskOrigin.Emulated => "emulated disk",
        DiskOrigin.Iscsi => "iscsi session of the guest",
        DiskOrigin.Nbd => "nbd client of the guest",
        DiskOrigin.Drbd => "drbd of the guest",
        DiskOrigin.Rbd => "rbd of the guest",
        DiskOrigin.NvmeFabrics => "nvme over fabrics of the guest",
        DiskOrigin.PassedThrough => "passed-through adapter",
        DiskOrigin.Loop => "file in the guest",
        DiskOrigin.Memory => "memory of the guest",
        DiskOrigin.Virtio => "virtio disk",
        _ => "unrecognized device",
    }));

    /// <summary>
    /// Whether a device of a guest has the name of one of its virtual block devices. Only blkfront makes <c>xvd</c> names,
    /// and only an IDE driver <c>hd</c> names. A name like <c>sda</c> may be any disk: the guest's own iSCSI makes it, too.
    /// </summary>
    private static bool IsListed(string device, GuestDisks disks)
    {
        bool isXvd = device.StartsWith("xvd", StringComparison.Ordinal);
        if (disks.VirtualNumbers.Count == 0 || !(isXvd || device.StartsWith("hd", StringComparison.Ordinal)))
        {
            return false;
        }

        string rest = device[(isXvd ? 3 : 2)..];
        string letters = string.Concat(rest.TakeWhile(char.IsAsciiLetterLower));
        string digits = rest[letters.Length..];
        int partition = 0;
        if (IndexOf(letters) is not { } disk
            || (digits.Length > 0 && !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out partition)))
        {
            return false;
        }

        IEnumerable<int> numbers = isXvd ? NumbersOfXvd(disk, partition) : NumbersOfHd(disk);
        return numbers.Any(disks.VirtualNumbers.Contains);
    }

    /// <summary>
    /// The disk, or the partition where that alone is the virtual block device. Linux 2.6.38 and later show <c>hda</c>
    /// of the host as <c>xvda</c> and <c>sda</c> as <c>xvde</c> (xen_translate_vdev in drivers/block/xen-blkfront.c), or as
    /// <c>xvda</c> with sda_is_xvda.
    /// </summary>
    private static List<int> NumbersOfXvd(int disk, int partition)
    {
        var numbers = new List<int>();
        numbers.Add(ExtendedXvd | (disk << ExtendedPartitionBits));
        if (partition < MostExtendedPartitions)
        {
            numbers.Add(ExtendedXvd | (disk << ExtendedPartitionBits) | partition);
        }

        if (disk < SdDisks)
        {
            numbers.Add(XvdMajor | (disk << PartitionBits));
            if (partition < MostPartitions)
            {
                numbers.Add(XvdMajor | (disk << PartitionBits) | partition);
                numbers.Add(SdMajor | (disk << PartitionBits) | partition);
            }

            numbers.Add(SdMajor | (disk << PartitionBits));
        }

        if (disk < HdNumbers.Length)
        {
            numbers.Add(HdNumbers[disk]);
        }
        else if (disk - HdNumbers.Length < SdDisks)
        {
            numbers.Add(SdMajor | ((disk - HdNumbers.Length) << PartitionBits));
        }

        return numbers;
    }

    /// <summary>The device model shows the first four disks as IDE disks, whatever their virtual name.</summary>
    private static IEnumerable<int> NumbersOfHd(int disk)
        => disk < HdNumbers.Length ? [HdNumbers[disk], XvdMajor | (disk << PartitionBits)] : [];

    /// <summary>0 for <c>a</c>, 26 for <c>aa</c>; null when it is no name of a disk.</summary>
    private static int? IndexOf(string letters)
    {
        int index = -1;
        foreach (char letter in letters.Length > 4 ? string.Empty : letters)
        {
            index = ((index + 1) * 26) + (letter - 'a');
        }

        return index is >= 0 and < MostXvdDisks ? index : null;
    }
}
