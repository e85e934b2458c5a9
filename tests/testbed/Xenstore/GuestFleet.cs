using System.Globalization;
using Protocol.Health;
using Protocol.Xenstore;

namespace Testbed.Xenstore;

/// <summary>
/// Many guests of one daemon as they look from Dom0, each with a disk and a filesystem of its own. They write one
/// filesystem's line at a time, as an agent does. Dom0 makes their folders and writes for them, and xenstored is told
/// of no domain: it holds guests back that write much together (XSA-206), and looks at every domain it knows before
/// each request, while here it must keep up with a thousand. Used by one task.
/// </summary>
public sealed class GuestFleet : IDisposable
{
    private const int DiskMajor = 253;

    private const int Connections = 20;

    private readonly int _count;
    private readonly List<RawXenstoreClient> _writers = [];
    private long _sequence = 1;

    /// <summary>Makes the domains 1 to <paramref name="count"/>, which report that everything is well.</summary>
    public GuestFleet(string socketPath, int count)
    {
        _count = count;
        for (int connection = 0; connection < Connections; connection++)
        {
            _writers.Add(new RawXenstoreClient(socketPath));
        }

        for (int guest = 1; guest <= count; guest++)
        {
            foreach (DomainNode node in DomainNodes.For(guest, name: null, uuid: null).All())
            {
                WriterOf(guest).Demand(XenstoreOperation.Write, $"{node.Path}\0{node.Value}");
            }

            string disk = string.Create(
                CultureInfo.InvariantCulture,
                $"/local/domain/0/backend/vbd/{guest}/51712/physical-device\0{DiskMajor:x}:{guest:x}");
            WriterOf(guest).Demand(XenstoreOperation.Write, disk);
            GuestReport report = ReportOf(guest, _sequence);
            foreach ((string key, string value) in ReportCodec.ToNodes(
                report, _ => report.Sequence, ReportCodec.Heartbeat(1, 1), isQuotaExceeded: false))
            {
                WriterOf(guest).Demand(XenstoreOperation.Write, $"{GuestKeys.Absolute(guest, key)}\0{value}");
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
            for (int guest = 1; guest <= _count; guest++)
            {
                GuestReport report = ReportOf(guest, _sequence);
                string line = ReportCodec.ToLine(report.Filesystems[0], report.BootId, _sequence);
                string path = GuestKeys.Absolute(guest, GuestKeys.Filesystem(0));
                WriterOf(guest).Send(XenstoreOperation.Write, $"{path}\0{line}");
            }

            for (int guest = 1; guest <= _count; guest++)
            {
                string answer = WriterOf(guest).ReceiveText();
                if (answer != "OK\0")
                {
                    throw new InvalidDataException($"a report was refused: {answer}");
                }
            }

            await timer.WaitForNextTickAsync();
        }
    }

    /// <summary>Nobody writes any more; the domains stay.</summary>
    public void Dispose() => _writers.ForEach(writer => writer.Dispose());

    private RawXenstoreClient WriterOf(int guest) => _writers[guest % Connections];
}
