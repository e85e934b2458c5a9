using System.Globalization;
using Protocol.Health;
using Protocol.Xenstore;

namespace Testbed.Xenstore;

/// <summary>With what a <see cref="HostileGuest"/> floods.</summary>
public enum HostileFlood
{
    /// <summary>Its own root dies and recovers, over and over: each line is a good one.</summary>
    Flips = 0,

    /// <summary>Long names below its report, each another one: an event of its own each.</summary>
    Names,

    /// <summary>Those and huge values, garbage, many nodes, words in the name of others and writes to their nodes.</summary>
    Everything,
}

/// <summary>
/// A guest that writes through its own socket as fast as the daemon answers, whatever it is allowed to and more.
/// Used by one task; repeatable by its seed, apart from how far it comes.
/// </summary>
public sealed class HostileGuest : IDisposable
{
    /// <summary>So many requests are sent before their answers are read: less than the daemon lets wait.</summary>
    private const int Together = 16;

    /// <summary>A value that just fits into a node, by xenstored's default limit of 2048 bytes.</summary>
    private const int HugeValueBytes = 1900;

    /// <summary>The longest name whose parent still fits into a node.</summary>
    private const int LongNameLength = 1800;

    /// <summary>More nodes than a guest may have.</summary>
    private const int ManyNodes = 3000;

    private const string Junk = GuestKeys.Report + "/junk";

    private readonly int _domainId;
    private readonly IReadOnlyList<GuestReport> _others;
    private readonly IReadOnlyList<int> _otherDomains;
    private readonly RawXenstoreClient _client;
    private readonly Random _random;
    private readonly HashSet<uint> _trespasses = [];
    private int _boot = 1;
    private long _sequence = 1;

    /// <summary>Takes over a domain that exists.</summary>
    /// <param name="daemon">Where.</param>
    /// <param name="domainId">Its number.</param>
    /// <param name="others">The guests in whose names it speaks.</param>
    /// <param name="seed">Repeats what it says.</param>
    public HostileGuest(IXenstoreDaemon daemon, int domainId, IReadOnlyList<QuietGuest> others, int seed)
    {
        _domainId = domainId;
        _others = [.. others.Select(other => other.Report)];
        _otherDomains = [.. others.Select(other => other.DomainId)];
        _random = new Random(seed);
        _client = new RawXenstoreClient(daemon.DomainSocketPath(domainId));
    }

    /// <summary>Requests of other guests that it answers in their place.</summary>
    public IReadOnlyList<GuestRequest> OthersRequests { get; set; } = [];

    /// <summary>How many requests it made so far.</summary>
    public long Requests { get; private set; }

    /// <summary>How many of its writes to nodes of others the daemon took.</summary>
    public int Trespasses { get; private set; }

    /// <summary>Floods until told to stop; blocks.</summary>
    public void Flood(HostileFlood flood, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            for (int one = 0; one < Together; one++)
            {
                Send(flood switch
                {
                    HostileFlood.Flips => Flip(),
                    HostileFlood.Names => LongName(),
                    _ => Anything(),
                });
            }

            for (int one = 0; one < Together; one++)
            {
                XenstoreMessage answer = _client.Receive() ?? throw new InvalidDataException("the daemon hung up");
                Trespasses += _trespasses.Remove(answer.RequestId) && answer.Type != XenstoreOperation.Error ? 1 : 0;
            }

            Requests += Together;
        }
    }

    /// <summary>Clears away all that it wrote and says a report as a well-behaved guest does, of a new boot.</summary>
    public GuestReport SayLastWords(Verdict verdict)
    {
        _ = _client.Ask(XenstoreOperation.Remove, $"{GuestKeys.Report}\0");
        GuestReport report = QuietGuest.ReportOf(QuietGuest.BootOf(_domainId, ++_boot), ++_sequence, verdict);
        foreach ((string key, string value) in QuietGuest.NodesOf(report))
        {
            _client.Demand(XenstoreOperation.Write, $"{key}\0{value}");
        }

        return report;
    }

    /// <summary>It writes no more; its domain and what it wrote stay.</summary>
    public void Dispose() => _client.Dispose();

    private void Send((XenstoreOperation Operation, string Payload) one)
    {
        uint number = _client.Send(one.Operation, one.Payload);
        if (one.Payload.StartsWith('/'))
        {
            _trespasses.Add(number);
        }
    }

    private (XenstoreOperation Operation, string Payload) Anything() => _random.Next(16) switch
    {
        <= 3 => Flip(),
        4 => OwnNode(),
        5 => LongName(),
        6 => Write($"{Junk}-{_random.Next(ManyNodes)}", string.Empty),
        7 => Write(AnyKey(), new string('x', HugeValueBytes)),
        8 => Write(AnyKey(), Garbage(_random.Next(300))),
        9 => Write(GuestKeys.FilesystemCount, $"{_random.Next(-1, 20_000)}"),
        10 => AnyOf(QuietGuest.NodesOf(Other())),
        11 => Write(GuestKeys.Filesystem(_random.Next(4)), LineOf(Other() with { Sequence = long.MaxValue })),
        12 or 13 => ForgedOutcome(),
        14 => Trespass(),
        _ => _random.Next(50) == 0 ? Remove(GuestKeys.Report) : Remove(AnyKey()),
    };

    private (XenstoreOperation Operation, string Payload) Flip()
    {
        Verdict verdict = ++_sequence % 2 == 0 ? Verdict.JournalAborted : Verdict.Writable;
        return Write(GuestKeys.Filesystem(0), LineOf(Own(verdict)));
    }

    private (XenstoreOperation Operation, string Payload) OwnNode() => AnyOf(QuietGuest.NodesOf(Own(Verdict.Writable)));

    private (XenstoreOperation Operation, string Payload) LongName()
    {
        string number = (++_sequence).ToString(CultureInfo.InvariantCulture);
        return _sequence % 2 == 0
            ? Write($"{Junk}/{number.PadLeft(LongNameLength, '0')}", string.Empty)
            : Remove(Junk);
    }

    private (XenstoreOperation Operation, string Payload) ForgedOutcome()
    {
        if (OthersRequests.Count == 0)
        {
            return Write(GuestKeys.Outcome, Garbage(40));
        }

        GuestRequest request = OthersRequests[_random.Next(OthersRequests.Count)];
        return Write(GuestKeys.Outcome, RequestCodec.ToLine(new RequestOutcome
        {
            Id = request.Id,
            BootId = request.BootId,
            Status = (RequestStatus)_random.Next(4),
            Detail = $"number {_random.Next()}",
        }));
    }

    private (XenstoreOperation Operation, string Payload) Trespass()
    {
        int other = _random.Next(_others.Count);
        string line = LineOf(_others[other] with
        {
            Sequence = long.MaxValue,
            Filesystems = Own(Verdict.JournalAborted).Filesystems,
        });
        string key = _random.Next(3) switch
        {
            0 => GuestKeys.Filesystem(0),
            1 => GuestKeys.Outcome,
            _ => GuestKeys.Request,
        };
        return Write(GuestKeys.Absolute(_otherDomains[other], key), line);
    }

    private GuestReport Own(Verdict verdict)
        => QuietGuest.ReportOf(QuietGuest.BootOf(_domainId, _boot), _sequence, verdict);

    private GuestReport Other() => _others[_random.Next(_others.Count)];

    private string AnyKey() => AnyOf(QuietGuest.NodesOf(Own(Verdict.Writable))).Payload.Split('\0')[0];

    private string Garbage(int length)
        => string.Create(length, _random, static (text, random) =>
        {
            for (int index = 0; index < text.Length; index++)
            {
                text[index] = (char)random.Next(256);
            }
        });

    private (XenstoreOperation Operation, string Payload) AnyOf(IReadOnlyList<KeyValuePair<string, string>> nodes)
    {
        (string key, string value) = nodes[_random.Next(nodes.Count)];
        return Write(key, value);
    }

    private static string LineOf(GuestReport report)
        => ReportCodec.ToLine(report.Filesystems[0], report.BootId, report.Sequence);

    private static (XenstoreOperation Operation, string Payload) Write(string path, string value)
        => (XenstoreOperation.Write, $"{path}\0{value}");

    private static (XenstoreOperation Operation, string Payload) Remove(string path)
        => (XenstoreOperation.Remove, $"{path}\0");
}
