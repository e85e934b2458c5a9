using System.Globalization;
using Protocol.Health;
using Protocol.Xenstore;

namespace Testbed.Xenstore;

/// <summary>
/// Many guests of one daemon, each with a disk and a filesystem of its own. Each writes as its own domain and one
/// filesystem's line at a time, as an agent does. Used by one task.
/// </summary>
public sealed class GuestFleet : IDisposable
{
    private const int DiskMajor = 253;

    private readonly List<RawXenstoreClient> _guests = [];
    private long _sequence = 1;

    /// <summary>Makes the domains 1 to <paramref name="count"/>, which report that everything is well.</summary>
    public GuestFleet(IXenstoreDaemon daemon, int count)
    {
        using var dom0 = new RawXenstoreClient(daemon.SocketPath);
        for (int guest = 1; guest <= count; guest++)
        {
            daemon.IntroduceDomain(guest);
            dom0.Demand(
                XenstoreOperation.Write,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"/local/domain/0/backend/vbd/{guest}/51712/physical-device\0{DiskMajor:x}:{guest:x}"));
            var client = new RawXenstoreClient(daemon.DomainSocketPath(guest));
            _guests.Add(client);
            GuestReport report = ReportOf(guest, _sequence);
            foreach ((string key, string value) in ReportCodec.ToNodes(
                report, _ => report.Sequence, ReportCodec.Heartbeat(1, 1), isQuotaExceeded: false))
            {
                client.Demand(XenstoreOperation.Write, $"{key}\0{value}");
            }
        }
    }

    /// <summary>The sequence of the newest report, the same for every guest; 1 at first.</summary>
    public long Sequence => _sequence;

    /// <summary>
    /// What a guest says in its report of this number: in every second one its root is slow, and in each since
    /// another moment, so that no two reports of the fleet are the same.
    /// </summary>
    public static GuestReport ReportOf(int guest, long sequence)
    {
        DateTimeOffset since = DateTimeOffset.UnixEpoch.AddSeconds((sequence * 10_000) + guest);
        var root = new FilesystemHealth
        {
            MountPoint = MountPoint.FromText("/"),
            Device = "xvda",
            FilesystemType = "ext4",
            Role = FilesystemRole.Root,
            Verdict = sequence % 2 == 0 ? Verdict.Slow : Verdict.Writable,
            Since = since,
            Claims = MountClaim.Rw,
            Hidden = false,
        };
        _ = BootId.TryParse($"00000000-0000-4000-8000-{guest:x12}", out BootId bootId);
        return new GuestReport
        {
            BootId = bootId,
            Sequence = sequence,
            AgentVersion = "0.1.0",
            State = GuestState.Of([root], since),
            Filesystems = [root],
            FilesystemCount = 1,
        };
    }

    /// <summary>Every guest changes its report so often, all of them side by side.</summary>
    /// <param name="changes">How often.</param>
    /// <param name="interval">From one change of a guest to its next, as far as the daemon keeps up.</param>
    public async Task ChangeAsync(int changes, TimeSpan interval)
    {
        using var timer = new PeriodicTimer(interval);
        for (int change = 0; change < changes; change++)
        {
            _sequence++;
            for (int guest = 1; guest <= _guests.Count; guest++)
            {
                GuestReport report = ReportOf(guest, _sequence);
                string line = ReportCodec.ToLine(report.Filesystems[0], report.BootId, _sequence);
                _guests[guest - 1].Send(XenstoreOperation.Write, $"{GuestKeys.Filesystem(0)}\0{line}");
            }

            foreach (RawXenstoreClient guest in _guests)
            {
                string answer = guest.ReceiveText();
                if (answer != "OK\0")
                {
                    throw new InvalidDataException($"a guest's report was refused: {answer}");
                }
            }

            await timer.WaitForNextTickAsync();
        }
    }

    /// <summary>Every guest's program leaves; the domains stay.</summary>
    public void Dispose() => _guests.ForEach(guest => guest.Dispose());
}
