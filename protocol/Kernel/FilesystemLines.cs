using System.Text.RegularExpressions;

namespace Protocol.Kernel;

/// <summary>A line of Linux about a filesystem or its device, understood.</summary>
/// <param name="Kind">What it says.</param>
/// <param name="DeviceName">The device it speaks of; null where the line names none.</param>
public readonly record struct FilesystemLine(KernelLineKind Kind, string? DeviceName);

/// <summary>
/// Understands what Linux says of filesystems: the guest's agent in its kernel log, the host on the guest's console.
/// </summary>
public static partial class FilesystemLines
{
    /// <summary>What a line says of a filesystem or its device; null when nothing.</summary>
    /// <param name="text">The message alone, without a time or a level before it.</param>
    public static FilesystemLine? Understand(string text)
    {
        foreach ((Regex pattern, KernelLineKind kind) in Patterns)
        {
            if (pattern.Match(text) is { Success: true } match)
            {
                string device = match.Groups["device"].Value;
                return new FilesystemLine(kind, device.Length == 0 ? null : device);
            }
        }

        return null;
    }

    /// <summary>
    /// The words of kernels 2.6.27 to 6.18: fs/ext3, fs/ext4, fs/jbd, fs/jbd2, fs/xfs, fs/btrfs, fs/buffer.c,
    /// block/, drivers/block/xen-blkfront.c, kernel/hung_task.c. The first that fits counts.
    /// </summary>
    private static readonly (Regex Pattern, KernelLineKind Kind)[] Patterns =
    [
        (AbortingJournal(), KernelLineKind.JournalAborted),
        (AbortedJournal(), KernelLineKind.JournalAborted),
        (ExtendedShutDown(), KernelLineKind.ShutDown),
        (Remounting(), KernelLineKind.RemountedReadOnly),
        (WriteLost(), KernelLineKind.WriteLost),
        (ExtendedError(), KernelLineKind.FilesystemError),
        (ExtendedMounted(), KernelLineKind.Mounted),
        (ExtendedRemounted(), KernelLineKind.Remounted),
        (XfsShutDown(), KernelLineKind.ShutDown),
        (XfsMounted(), KernelLineKind.Mounted),
        (BtrfsForced(), KernelLineKind.ShutDown),
        (FlushFailed(), KernelLineKind.FlushDisabled),
        (DeviceError(), KernelLineKind.DeviceError),
        (TaskHung(), KernelLineKind.TaskHung),
    ];

    // jbd2 names its device with the journal's inode: "loop0-8", "dm-0-8".
    [GeneratedRegex(@"^Aborting journal on device (?<device>dm-\d+|[\w!]+)(?:-\d+)?\.")]
    private static partial Regex AbortingJournal();

    [GeneratedRegex(@"^EXT[34]-fs(?: error)? \((?:device )?(?<device>[^)]+)\).*: (?:Detected aborted journal|Journal has aborted|Abort forced by user)")]
    private static partial Regex AbortedJournal();

    [GeneratedRegex(@"^EXT4-fs \((?<device>[^)]+)\): shut down requested")]
    private static partial Regex ExtendedShutDown();

    [GeneratedRegex(@"^(?:EXT[34]-fs \((?<device>[^)]+)\): (?:error: )?)?[Rr]emounting filesystem read-only")]
    private static partial Regex Remounting();

    [GeneratedRegex(@"^(?:Buffer I/O error on dev (?<device>[\w!.-]+), logical block \d+, lost |lost page write due to I/O error on (?<device>[\w!.-]+)|JBD2?: Detected IO errors .*while flushing file data on (?<device>dm-\d+|[\w!]+))")]
    private static partial Regex WriteLost();

    [GeneratedRegex(@"^EXT[234]-fs error \(device (?<device>[^)]+)\)")]
    private static partial Regex ExtendedError();

    [GeneratedRegex(@"^EXT[234]-fs \((?<device>[^)]+)\): mounted filesystem")]
    private static partial Regex ExtendedMounted();

    [GeneratedRegex(@"^EXT[234]-fs \((?<device>[^)]+)\): re-mounted")]
    private static partial Regex ExtendedRemounted();

    [GeneratedRegex(@"^XFS \((?<device>[^)]+)\): .*([Ss]hutting down filesystem|has been shut down)")]
    private static partial Regex XfsShutDown();

    [GeneratedRegex(@"^XFS \((?<device>[^)]+)\): Mounting V")]
    private static partial Regex XfsMounted();

    [GeneratedRegex(@"^BTRFS.*\(device (?<device>[^): ]+)[^)]*\).*forced readonly")]
    private static partial Regex BtrfsForced();

    [GeneratedRegex(@"^blkfront: (?<device>\w+): (?:empty )?(?:flush|barrier|write barrier) op failed")]
    private static partial Regex FlushFailed();

    [GeneratedRegex(@"^(?:(?:end_request|blk_update_request|print_req_error): )?I/O error, dev (?<device>[\w!.-]+), sector")]
    private static partial Regex DeviceError();

    [GeneratedRegex(@"^INFO: task .* blocked for more than")]
    private static partial Regex TaskHung();
}
