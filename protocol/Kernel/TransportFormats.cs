using System.Text.RegularExpressions;

namespace Protocol.Kernel;

/// <summary>What is printed of sessions, paths, mapped devices and network disks, in Dom0.</summary>
internal static partial class TransportFormats
{
    /// <summary>In the order in which they are tried.</summary>
    public static IReadOnlyList<KernelFormat> Rows =>
    [
        new(KernelLineKind.SessionLost, KernelReaders.Host, ConnectionLost(), "2.6.18", null, "drivers/scsi/libiscsi.c",
            "connection1:0: detected conn error (1011)"),
        new(KernelLineKind.SessionLost, KernelReaders.Host, SessionTimedOut(), "2.6.18", null,
            "drivers/scsi/scsi_transport_iscsi.c",
            "session2: session recovery timed out after 5 secs"),
        new(KernelLineKind.PathLost, KernelReaders.Host, PathFailing(), "2.6.18", null, "drivers/md/dm-mpath.c",
            "device-mapper: multipath: 253:4: Failing path 8:16."),
        new(KernelLineKind.PathLost, KernelReaders.Host, PortTimedOut(), "2.6.18", null,
            "drivers/scsi/scsi_transport_fc.c",
            "rport-3:0-1: blocked FC remote port time out: removing target and saving binding"),
        new(KernelLineKind.PathLost, KernelReaders.Host, NvmeFault(), "4.8", null, "drivers/nvme/host/tcp.c",
            "nvme nvme1: starting error recovery"),
        new(KernelLineKind.WritesRefused, KernelReaders.Host, ThinPool(), "3.2", null, "drivers/md/dm-thin.c",
            "device-mapper: thin: 253:4: switching pool to out-of-data-space (queue IO) mode"),
        new(KernelLineKind.WritesRefused, KernelReaders.Host, Snapshot(), "2.6.18", null, "drivers/md/dm-snap.c",
            "device-mapper: snapshots: Invalidating snapshot: Unable to allocate exception."),
        new(KernelLineKind.WritesRefused, KernelReaders.Host, Cache(), "3.9", null, "drivers/md/dm-cache-target.c",
            "device-mapper: cache: 253:5: switching cache to read-only mode"),
        new(KernelLineKind.DeviceError, KernelReaders.Host, Raid(), "2.6.37", null, "drivers/md/raid5.c",
            "md/raid:md0: Cannot continue operation (2/3 failed)."),
        new(KernelLineKind.PeerLost, KernelReaders.Host, NfsSilent(), "2.6.18", null, "net/sunrpc/clnt.c",
            "nfs: server 10.0.0.9 not responding, timed out"),
        new(KernelLineKind.DeviceError, KernelReaders.Host, DrbdFault(), "2.6.33", null,
            "drivers/block/drbd/drbd_req.c",
            "block drbd0: IO ERROR: neither local nor remote disk"),
        new(KernelLineKind.DeviceError, KernelReaders.Host, RbdFault(), "2.6.37", null, "drivers/block/rbd.c",
            "rbd: rbd0: write 1000 at 0 (0) result -108"),
        new(KernelLineKind.PeerLost, KernelReaders.Host, NbdFault(), "2.6.18", null, "drivers/block/nbd.c",
            "block nbd0: Connection timed out"),
        new(KernelLineKind.DeviceError, KernelReaders.Host, LoopFault(), "2.6.18", null, "drivers/block/loop.c",
            "loop: Write error at byte offset 4096, length 512."),
        new(KernelLineKind.StorageChanged, KernelReaders.Host, Ceph(), "2.6.34", null, "net/ceph/messenger.c",
            "libceph: osd12 (1)10.0.0.5:6801 socket closed (con state OPEN)"),
        new(KernelLineKind.StorageChanged, KernelReaders.Host, Change(), "2.6.18", null, "drivers/md/dm-mpath.c",
            "device-mapper: multipath: 253:4: Reinstating path 8:16."),
    ];

    [GeneratedRegex(@"^(?:connection(?<session>\d+):\d+: (?:iscsi: )?(?:detected conn error|ping timeout of)|iscsi: detected conn error)")]
    private static partial Regex ConnectionLost();

    [GeneratedRegex(@"^session(?<session>\d+): (?:iscsi: )?session recovery timed out after")]
    private static partial Regex SessionTimedOut();

    [GeneratedRegex(@"^device-mapper: multipath: (?:\d+:\d+: )?Failing path (?<part>\d+:\d+)")]
    private static partial Regex PathFailing();

    [GeneratedRegex(@"^(?<part>rport-\d+:\d+-\d+): blocked FC remote port time out")]
    private static partial Regex PortTimedOut();

    [GeneratedRegex(@"^nvme (?<part>nvme\d+): (?:starting error recovery|I/O .*timeout|.*timeout request|.*keep-alive|Removing ctrl|failed to connect)")]
    private static partial Regex NvmeFault();

    [GeneratedRegex(@"^device-mapper: thin: (?:(?<part>\d+:\d+): )?(?:switching pool to (?:out-of-data-space|read-only|failure|fail)|no free (?:data|metadata) space available|metadata operation .* failed|aborting current metadata transaction|unable to service pool target messages)")]
    private static partial Regex ThinPool();

    [GeneratedRegex(@"^device-mapper: snapshots: (?:(?<part>\d+:\d+): )?(?:Invalidating snapshot|Unable to allocate exception|Snapshot is marked invalid)")]
    private static partial Regex Snapshot();

    [GeneratedRegex(@"^device-mapper: cache: (?:(?<part>\d+:\d+): )?(?:switching cache to (?:read-only|fail)|aborting current metadata transaction|metadata operation .* failed)")]
    private static partial Regex Cache();

    [GeneratedRegex(@"^md/raid\d*:(?<part>md\d+): .*(?:[Cc]annot continue operation|not enough operational|too many failed)")]
    private static partial Regex Raid();

    [GeneratedRegex(@"^nfs: server (?<part>\S{1,64}) not responding, (?:timed out|still trying)")]
    private static partial Regex NfsSilent();

    [GeneratedRegex(@"^(?:block |drbd \S{1,64} )(?<part>drbd\d+): (?:IO ERROR: neither local nor remote|disk\( \w+ -> (?:Failed|Diskless) \)|quorum\( yes -> no \)|[Ll]ocal (?:WRITE|READ)? ?(?:IO|I/O)? ?error|.*Remote failed to finish a request)")]
    private static partial Regex DrbdFault();

    [GeneratedRegex(@"^rbd: (?<part>rbd\d+): .*result -\d+")]
    private static partial Regex RbdFault();

    [GeneratedRegex(@"^(?:block )?(?<part>nbd\d+): (?:Connection timed out|Receive control failed|Send (?:control|data) failed|Dead connection|Possible stuck request|shutting down sockets|Other side returned error)")]
    private static partial Regex NbdFault();

    [GeneratedRegex(@"^loop(?<part>)?: (?:Write|Read) error at byte offset")]
    private static partial Regex LoopFault();

    [GeneratedRegex(@"^libceph: (?:osd|mon)\d+ .*(?:socket (?:closed|error)|session lost|down)")]
    private static partial Regex Ceph();

    [GeneratedRegex(@"^(?:device-mapper: multipath: (?:(?:\d+:\d+: )?Reinstating path (?<part>\d+:\d+))?|device-mapper: (?:thin|cache): (?:(?<part>\d+:\d+): )?|nvme (?<part>nvme\d+): |(?<part>rport-\d+:\d+-\d+)|connection(?<session>\d+):\d+: |session(?<session>\d+): |(?:sd|scsi) (?<part>\d+:\d+:\d+:\d+): |nfs: server (?<part>\S{1,64}) OK|(?<part>[\w!.-]{1,32}): detected capacity change from |block (?<part>drbd\d+): |(?<part>drbd\d+): |drbd \S{1,64} (?<part>drbd\d+): )")]
    private static partial Regex Change();
}
