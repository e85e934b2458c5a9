using System.Globalization;
using Protocol.Health;
using Protocol.Xenstore;

namespace Testbed.Xenstore;

/// <summary>
/// A guest with one disk and one root filesystem that writes its report through its own socket, line by line, as an
/// agent does. Used by one task.
/// </summary>
public sealed class QuietGuest : IDisposable
{
    private const int DiskMajor = 253;

    private readonly RawXenstoreClient _client;

    /// <summary>Makes the domain with a disk of its own, and reports that its root is well.</summary>
    /// <param name="daemon">Where.</param>
    /// <param name="dom0">The toolstack's hand.</param>
    /// <param name="domainId">Its number.</param>
    public QuietGuest(IXenstoreDaemon daemon, RawXenstoreClient dom0, int domainId)
    {
        DomainId = domainId;
        daemon.IntroduceDomain(domainId);
        string disk = string.Create(
            CultureInfo.InvariantCulture,
            $"/local/domain/0/backend/vbd/{domainId}/51712/physical-device\0{DiskMajor:x}:{domainId:x}");
        dom0.Demand(XenstoreOperation.Write, disk);
        _client = new RawXenstoreClient(daemon.DomainSocketPath(domainId));
        Report = ReportOf(BootOf(domainId, boot: 1), sequence: 1, Verdict.Writable);
        foreach ((string key, string value) in NodesOf(Report))
        {
            _client.Demand(XenstoreOperation.Write, $"{key}\0{value}");
        }
    }

    /// <summary>Its domain's number.</summary>
    public int DomainId { get; }

    /// <summary>What it said last.</summary>
    public GuestReport Report { get; private set; }

    /// <summary>The name of a boot, another one for each domain and each of its boots.</summary>
    public static BootId BootOf(int domainId, int boot)
        => BootId.TryParse(
            string.Create(CultureInfo.InvariantCulture, $"{boot:x8}-0000-4000-8000-{domainId:x12}"), out BootId id)
            ? id
            : default;

    /// <summary>The report of a guest whose root is like this.</summary>
    public static GuestReport ReportOf(BootId boot, long sequence, Verdict verdict)
    {
        var root = new FilesystemHealth
        {
            MountPoint = MountPoint.Root,
            Device = "xvda",
            FilesystemType = "ext4",
            Role = FilesystemRole.Root,
            Verdict = verdict,
            Since = DateTimeOffset.UnixEpoch,
            Claims = MountClaim.Rw,
            Hidden = verdict == Verdict.JournalAborted,
        };
        return new GuestReport
        {
            BootId = boot,
            Sequence = sequence,
            AgentVersion = "0.1.0",
            State = GuestState.Of([root], DateTimeOffset.UnixEpoch),
            Filesystems = [root],
            FilesystemCount = 1,
        };
    }

    /// <summary>The nodes of a report, relative to the home of the domain.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> NodesOf(GuestReport report)
        => ReportCodec.ToNodes(report, _ => report.Sequence, ReportCodec.Heartbeat(1, 1), isQuotaExceeded: false);

    /// <summary>Its root is like this from now on: one write. The sequence of the report.</summary>
    public long Say(Verdict verdict)
    {
        Report = ReportOf(Report.BootId, Report.Sequence + 1, verdict);
        string line = ReportCodec.ToLine(Report.Filesystems[0], Report.BootId, Report.Sequence);
        _client.Demand(XenstoreOperation.Write, $"{GuestKeys.Filesystem(0)}\0{line}");
        return Report.Sequence;
    }

    /// <summary>It writes no more; its domain stays.</summary>
    public void Dispose() => _client.Dispose();
}
