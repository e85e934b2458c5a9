using System.Buffers.Text;
using System.Text;
using System.Text.RegularExpressions;
using GuestAgent.Detection;

namespace GuestAgent.Signals.Parsing;

/// <summary>One record of <c>/dev/kmsg</c>.</summary>
/// <param name="Facility">0 for the kernel itself; anything else was written by a program.</param>
/// <param name="At">Time since boot.</param>
/// <param name="Text">The message, without its dictionary.</param>
internal readonly record struct KernelRecord(int Facility, TimeSpan At, string Text);

/// <summary>
/// Reads records of <c>/dev/kmsg</c> (kernel: Documentation/ABI/testing/dev-kmsg):
/// <c>6,339,5140900,-;message</c>, then lines that begin with a space (the dictionary, left out here).
/// </summary>
internal static partial class KernelLogParser
{
    private const int FacilityShift = 3;
    private const int MaxTextBytes = 512;

    /// <summary>Takes a record apart; null when it is malformed.</summary>
    public static KernelRecord? ParseRecord(ReadOnlySpan<byte> record)
    {
        int semicolon = record.IndexOf((byte)';');
        if (semicolon < 0)
        {
            return null;
        }

        ReadOnlySpan<byte> prefix = record[..semicolon];
        if (!Utf8Parser.TryParse(prefix, out int priority, out int used) || !Skip(ref prefix, used)
            || !Utf8Parser.TryParse(prefix, out long _, out used) || !Skip(ref prefix, used)
            || !Utf8Parser.TryParse(prefix, out long microseconds, out _))
        {
            return null;
        }

        ReadOnlySpan<byte> text = record[(semicolon + 1)..];
        int end = text.IndexOf((byte)'\n');
        text = text[..Math.Min(end < 0 ? text.Length : end, MaxTextBytes)];
        return new KernelRecord(
            priority >> FacilityShift, TimeSpan.FromMicroseconds(microseconds), Encoding.Latin1.GetString(text));
    }

    /// <summary>
    /// What a record says of a filesystem or its device; null when nothing, or when the kernel did not write it.
    /// </summary>
    public static KernelLine? Understand(KernelRecord record)
    {
        if (record.Facility != 0)
        {
            return null;
        }

        foreach ((Regex pattern, KernelLineKind kind) in Patterns)
        {
            if (pattern.Match(record.Text) is { Success: true } match)
            {
                string device = match.Groups["device"].Value;
                return new KernelLine(kind, device.Length == 0 ? null : device, record.At);
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

    private static bool Skip(ref ReadOnlySpan<byte> prefix, int used)
    {
        bool comma = used < prefix.Length && prefix[used] == ',';
        prefix = comma ? prefix[(used + 1)..] : [];
        return comma;
    }

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
