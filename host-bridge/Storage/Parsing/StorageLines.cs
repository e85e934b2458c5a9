using System.Text.RegularExpressions;
using HostBridge.Storage.Judging;

namespace HostBridge.Storage.Parsing;

/// <summary>
/// Understands what Linux logs of storage. The words are those of kernels 2.6.27 to 6.18: libiscsi,
/// scsi_transport_iscsi, sd, scsi_error, scsi_transport_fc, nvme, dm-mpath, block/blk-core.c, fs/buffer.c. The
/// first pattern that fits counts.
/// </summary>
internal static partial class StorageLines
{
    /// <summary>What the kernel says of storage; null when nothing, or when a program wrote the record.</summary>
    public static StorageLine? Understand(KernelRecord record)
    {
        if (record.Facility != 0)
        {
            return null;
        }

        // Some drivers print their name with a space before it.
        string text = record.Text.Trim();
        foreach ((Regex pattern, StorageLineKind kind) in Patterns)
        {
            if (pattern.Match(text) is { Success: true } match)
            {
                return new StorageLine(kind, PartsOf(match), text);
            }
        }

        return null;
    }

    private static readonly (Regex Pattern, StorageLineKind Kind)[] Patterns =
    [
        (ConnectionLost(), StorageLineKind.Fault),
        (RecoveryTimedOut(), StorageLineKind.Fault),
        (ScsiReset(), StorageLineKind.Reset),
        (ScsiFault(), StorageLineKind.Fault),
        (ScsiAttached(), StorageLineKind.Attached),
        (LoopAttached(), StorageLineKind.Attached),
        (BlockError(), StorageLineKind.Fault),
        (BufferError(), StorageLineKind.Fault),
        (PathFailing(), StorageLineKind.Fault),
        (PortTimedOut(), StorageLineKind.Fault),
        (NvmeFault(), StorageLineKind.Fault),
        (Change(), StorageLineKind.Change),
    ];

    private static string[] PartsOf(Match match)
        =>
        [
            .. match.Groups["part"].Captures.Select(capture => capture.Value),
            .. match.Groups["session"].Captures.Select(capture => $"session{capture.Value}"),
        ];

    // "connection1:0: detected conn error (1011)", "connection1:0: ping timeout of 5 secs expired, …".
    [GeneratedRegex(@"^connection(?<session>\d+):\d+: (?:iscsi: )?(?:detected conn error|ping timeout of)")]
    private static partial Regex ConnectionLost();

    [GeneratedRegex(@"^session(?<session>\d+): (?:iscsi: )?session recovery timed out after")]
    private static partial Regex RecoveryTimedOut();

    [GeneratedRegex(@"^(?:sd|scsi) (?<part>\d+:\d+:\d+:\d+): (?:\[(?<part>\w+)\] )?(?:tag#\d+ )?(?:rejecting I/O to (?:offline|dead) device|Device offlined|.*FAILED Result: hostbyte=DID_(?!OK)|.*timing out command|.*[Dd]evice reset|.*[Cc]ommand timed out)")]
    private static partial Regex ScsiFault();

    // "sd 0:0:0:1: Power-on or device reset occurred" (scsi_report_sense in scsi_error.c), and the sense of the same
    // unit attention: "… Add. Sense: Power on, reset, or bus device reset occurred".
    [GeneratedRegex(@"^(?:sd|scsi) (?<part>\d+:\d+:\d+:\d+): (?:\[(?<part>\w+)\] )?.*[Rr]eset.* occurred")]
    private static partial Regex ScsiReset();

    [GeneratedRegex(@"^sd (?<part>\d+:\d+:\d+:\d+): \[(?<part>\w+)\] Attached SCSI")]
    private static partial Regex ScsiAttached();

    // A loop device is given another file: what its number said before was of that one.
    [GeneratedRegex(@"^(?<part>loop\d+): detected capacity change from 0 to ")]
    private static partial Regex LoopAttached();

    // Not "operation not supported error", which mkfs provokes on healthy disks.
    [GeneratedRegex(@"^(?:(?:end_request|blk_update_request|print_req_error): )?(?:I/O|timeout|recoverable transport|critical target|critical medium) error, dev (?<part>[\w!.-]+), sector")]
    private static partial Regex BlockError();

    [GeneratedRegex(@"^(?:Buffer I/O error on dev(?:ice)? (?<part>[\w!.-]+), logical block|lost page write due to I/O error on (?<part>[\w!.-]+))")]
    private static partial Regex BufferError();

    [GeneratedRegex(@"^device-mapper: multipath: (?:\d+:\d+: )?Failing path (?<part>\d+:\d+)")]
    private static partial Regex PathFailing();

    [GeneratedRegex(@"^(?<part>rport-\d+:\d+-\d+): blocked FC remote port time out")]
    private static partial Regex PortTimedOut();

    [GeneratedRegex(@"^nvme (?<part>nvme\d+): (?:starting error recovery|I/O .*timeout|.*timeout request|.*keep-alive|Removing ctrl|failed to connect)")]
    private static partial Regex NvmeFault();

    [GeneratedRegex(@"^(?:device-mapper: multipath: (?:(?:\d+:\d+: )?Reinstating path (?<part>\d+:\d+))?|nvme (?<part>nvme\d+): |(?<part>rport-\d+:\d+-\d+)|connection(?<session>\d+):\d+: |session(?<session>\d+): |(?:sd|scsi) (?<part>\d+:\d+:\d+:\d+): )")]
    private static partial Regex Change();
}
