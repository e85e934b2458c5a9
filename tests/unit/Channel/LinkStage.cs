using Protocol.Channel;

namespace Tests.Unit.Channel;

/// <summary>
/// Two links, a ring between them with a backend that may be stuck, and a way that may be bad. Time is a number.
/// </summary>
internal sealed class LinkStage(Random? random = null)
{
    public const uint HostSession = 77;

    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(100);

    private readonly Random _random = random ?? new Random(1);
    private readonly List<byte[]> _toHost = [];
    private readonly List<byte[]> _toGuest = [];
    private readonly byte[] _wire = new byte[ChannelLimits.MaxFrameBytes];
    private uint _session = 1000;

    public ChannelLink Guest { get; private set; } = new(ChannelEnd.Guest, session: 1000);

    public ChannelLink Host { get; private set; } = new(ChannelEnd.Host, HostSession);

    public TimeSpan Now { get; private set; } = TimeSpan.FromSeconds(1000);

    public List<byte[]> AtHost { get; } = [];

    public List<byte[]> AtGuest { get; } = [];

    public List<byte[]> DeliveredByGuest { get; } = [];

    public long GuestWritten { get; private set; }

    public int LossPercent { get; set; }

    public int RepetitionPercent { get; set; }

    public int ReorderingPercent { get; set; }

    public int DamagePercent { get; set; }

    /// <summary>The guest's terminal gives back what it gets.</summary>
    public bool IsEchoing { get; init; }

    /// <summary>The backend takes nothing out of the ring, and puts nothing in.</summary>
    public bool RingIsStuck { get; set; }

    public bool HostIsThere { get; set; } = true;

    /// <summary>Bytes of the guest that the backend has not taken.</summary>
    public int InRing => _toHost.Sum(frame => frame.Length);

    public static byte[] Message(int size, int seed)
    {
        byte[] message = new byte[size];
        new Random(seed).NextBytes(message);
        return message;
    }

    public void BeKind() => (LossPercent, RepetitionPercent, ReorderingPercent, DamagePercent) = (0, 0, 0, 0);

    public void RestartGuest() => Guest = new ChannelLink(ChannelEnd.Guest, ++_session);

    public void RestartHost() => Host = new ChannelLink(ChannelEnd.Host, HostSession + ++_session);

    public void Pass(double seconds)
    {
        for (TimeSpan end = Now + TimeSpan.FromSeconds(seconds); Now < end; Now += Turn)
        {
            GuestWritten += Drain(Guest, _toHost);
            if (HostIsThere)
            {
                _ = Drain(Host, _toGuest);
            }

            if (!RingIsStuck)
            {
                Carry(_toHost, piece => Note(Host.Receive(piece, Now), AtHost, delivered: []), isListening: HostIsThere);
                if (IsEchoing)
                {
                    foreach (byte[] frame in _toGuest)
                    {
                        _ = Host.Receive(frame, Now);
                    }
                }

                Carry(_toGuest, piece => Note(Guest.Receive(piece, Now), AtGuest, DeliveredByGuest), isListening: true);
            }
        }
    }

    /// <summary>What the host would send goes nowhere.</summary>
    public void DrainHost() => _ = Drain(Host, []);

    private int Drain(ChannelLink link, List<byte[]> way)
    {
        int total = 0;
        while (link.TakeFrame(_wire, Now) is var size && size > 0)
        {
            way.Add(_wire[..size]);
            total += size;
        }

        return total;
    }

    private void Carry(List<byte[]> way, Action<byte[]> receive, bool isListening)
    {
        if (way.Count > 1 && Happens(ReorderingPercent))
        {
            way.Reverse();
        }

        foreach (byte[] frame in way.Where(_ => isListening && !Happens(LossPercent)))
        {
            if (Happens(DamagePercent))
            {
                frame[_random.Next(frame.Length)] ^= (byte)(1 << _random.Next(8));
            }

            for (int copy = Happens(RepetitionPercent) ? 2 : 1; copy > 0; copy--)
            {
                foreach (byte[] piece in frame.Chunk(_random.Next(1, 300)))
                {
                    receive(piece);
                }
            }
        }

        way.Clear();
    }

    private bool Happens(int percent) => _random.Next(100) < percent;

    private static void Note(
        IReadOnlyList<ChannelLinkEvent> events, List<byte[]> received, List<byte[]> delivered)
    {
        received.AddRange(events.OfType<ChannelLinkEvent.Received>().Select(one => one.Message));
        delivered.AddRange(events.OfType<ChannelLinkEvent.Delivered>().Select(one => one.Message));
    }
}
