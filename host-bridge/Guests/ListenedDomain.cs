using System.Text;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Xenstore;

namespace HostBridge.Guests;

/// <summary>
/// What the listener remembers of one domain: whether it must be read, how often it may be, and what it said last.
/// Turns a reading into inputs, and says nothing twice. Used by one task.
/// </summary>
/// <param name="domain">The domain.</param>
/// <param name="now">The moment of creation, on the monotonic clock.</param>
internal sealed class ListenedDomain(DomainId domain, TimeSpan now)
{
    /// <summary>A burst of readings, and one a second after it: what a guest can make the bridge do.</summary>
    private const int ReadingBurst = 10;

    private static readonly TimeSpan ReadingInterval = TimeSpan.FromSeconds(1);

    /// <summary>
    /// A domain is read again after this time even when nothing was heard: its disks may have changed.
    /// </summary>
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(30);

    private readonly TokenBucket _bucket = new(ReadingBurst, ReadingInterval, now);
    private TimeSpan _readAt = now;
    private string? _reportText;
    private string _outcomeText = string.Empty;
    private string? _rejection;
    private BootId _bootId;
    private long _sequence;

    /// <summary>The domain.</summary>
    public DomainId Domain => domain;

    /// <summary>The guest in it; <see cref="Guid.Empty"/> before the first reading.</summary>
    public Guid Guest { get; private set; }

    /// <summary>Whether its watch is registered.</summary>
    public bool IsWatched { get; set; }

    /// <summary>Whether something changed since the last reading.</summary>
    public bool IsDirty { get; set; } = true;

    /// <summary>Whether to read it now; false when there is no need, or when it was read too often.</summary>
    public bool TakeTurn(TimeSpan moment)
    {
        if (!(IsDirty || moment - _readAt >= RefreshInterval) || !_bucket.TryTake(moment))
        {
            return false;
        }

        IsDirty = false;
        _readAt = moment;
        return true;
    }

    /// <summary>
    /// What was said may have been missed: everything is read and said again. The next reading finds what stands
    /// there, since whenever; only what changes after it is new.
    /// </summary>
    public void Forget()
    {
        IsDirty = true;
        _reportText = null;
        _outcomeText = string.Empty;
    }

    /// <summary>There is no guest in it any more: a folder may outlive its domain. Its guest; null when none was.</summary>
    public Guid? Lose()
    {
        Guid? left = Guest == Guid.Empty ? null : Guest;
        Guest = Guid.Empty;
        Forget();
        return left;
    }

    /// <summary>The inputs that a reading leads to.</summary>
    public IEnumerable<BridgeInput> Take(DomainReading reading)
    {
        if (Guest != Guid.Empty && Guest != reading.Guest.Uuid)
        {
            // The number was given to another guest.
            Forget();
            yield return new BridgeInput.GuestGone(domain);
        }

        Guest = reading.Guest.Uuid;
        yield return new BridgeInput.GuestSeen(reading.Guest, domain, reading.Disks);
        if (TakeReport(reading) is { } report)
        {
            yield return report;
        }

        if (TakeOutcome(reading) is { } outcome)
        {
            yield return outcome;
        }
    }

    private BridgeInput? TakeReport(DomainReading reading)
    {
        string text = TextOf(reading.Nodes.Where(node => node.Key != GuestKeys.Outcome));
        if (text == _reportText && reading.Oversized is null)
        {
            return null;
        }

        bool hasReadBefore = _reportText is not null;
        _reportText = text;
        AssembledReport assembled = reading.Oversized is { } key
            ? new AssembledReport(Report: null, $"{key} is longer than {FieldLine.MaxLength} bytes")
            : ReportAssembler.Assemble(reading.Nodes);
        if (assembled.Rejection is { } rejection)
        {
            bool isNew = rejection != _rejection;
            _rejection = rejection;
            return isNew ? new BridgeInput.ReportRejected(domain, rejection) : null;
        }

        if (assembled.Report is not { } report)
        {
            return null;
        }

        // What stands in xenstore is always the newest. The greatest number among its lines can still go down, when
        // a filesystem is gone or the agent started again.
        _sequence = report.BootId == _bootId ? Math.Max(_sequence, report.Sequence) : report.Sequence;
        _bootId = report.BootId;
        _rejection = null;
        return new BridgeInput.ReportRead(domain, report with { Sequence = _sequence }, hasReadBefore);
    }

    private BridgeInput? TakeOutcome(DomainReading reading)
    {
        if (!reading.Nodes.TryGetValue(GuestKeys.Outcome, out byte[]? bytes))
        {
            return null;
        }

        string text = Encoding.Latin1.GetString(bytes);
        if (text == _outcomeText)
        {
            return null;
        }

        _outcomeText = text;
        return RequestCodec.TryParseOutcome(bytes) is { } outcome
            ? new BridgeInput.OutcomeRead(domain, outcome)
            : new BridgeInput.ReportRejected(domain, "its outcome cannot be parsed");
    }

    private static string TextOf(IEnumerable<KeyValuePair<string, byte[]>> nodes)
        => string.Join('\n', nodes.Select(node => $"{node.Key}={Encoding.Latin1.GetString(node.Value)}"));
}
