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
    private readonly HashSet<string> _outdated = [OutdatedKeys.Everything];
    private TimeSpan _readAt = now;

    /// <summary>What the last reading found, kept up to date by every further one.</summary>
    private Dictionary<string, byte[]> _nodes = [];
    private string? _oversized;

    /// <summary>The nodes of the last report that was told; null when none was.</summary>
    private Dictionary<string, byte[]>? _told;
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

    /// <summary>Something changed since the last reading.</summary>
    /// <param name="key">A key, or <see cref="OutdatedKeys.Everything"/>.</param>
    public void MarkOutdated(string key) => _outdated.Add(key);

    /// <summary>
    /// The keys to read now, or <see cref="OutdatedKeys.Everything"/> alone; none when there is no need, or when it
    /// was read too often: what is outdated stays so until its turn.
    /// </summary>
    public IReadOnlyList<string> TakeTurn(TimeSpan moment)
    {
        bool isRefresh = moment - _readAt >= RefreshInterval;
        if (!(_outdated.Count > 0 || isRefresh) || !_bucket.TryTake(moment))
        {
            return [];
        }

        bool everything = isRefresh || Guest == Guid.Empty || _oversized is not null
            || _outdated.Contains(OutdatedKeys.Everything);
        List<string> keys = everything ? [OutdatedKeys.Everything] : [.. _outdated];
        _outdated.Clear();
        _readAt = everything ? moment : _readAt;
        return keys;
    }

    /// <summary>
    /// What was said may have been missed: everything is read and said again. The next reading finds what stands
    /// there, since whenever; only what changes after it is new.
    /// </summary>
    public void Forget()
    {
        MarkOutdated(OutdatedKeys.Everything);
        _told = null;
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

    /// <summary>The inputs that a reading of everything leads to.</summary>
    public IEnumerable<BridgeInput> Take(DomainReading reading)
    {
        if (Guest != Guid.Empty && Guest != reading.Guest.Uuid)
        {
            // The number was given to another guest.
            yield return new BridgeInput.GuestGone(Guest, domain);
            _told = null;
            _outcomeText = string.Empty;
        }

        Guest = reading.Guest.Uuid;
        _nodes = [];
        _oversized = null;
        yield return new BridgeInput.GuestSeen(reading.Guest, domain, reading.Disks);
        foreach (BridgeInput input in TakeNodes(reading.Nodes))
        {
            yield return input;
        }
    }

    /// <summary>The inputs that a reading of some keys leads to, of the same guest as before.</summary>
    /// <param name="nodes">Their values; null for a key that is absent.</param>
    public IEnumerable<BridgeInput> Take(IReadOnlyDictionary<string, byte[]?> nodes)
        => _outdated.Contains(OutdatedKeys.Everything)
            ? [] // It was forgotten while they were read: everything is read and said anew.
            : TakeNodes(nodes);

    private IEnumerable<BridgeInput> TakeNodes(IReadOnlyDictionary<string, byte[]?> nodes)
    {
        foreach ((string key, byte[]? value) in nodes)
        {
            if (value is null || value.Length > FieldLine.MaxLength)
            {
                _nodes.Remove(key);
                _oversized ??= value is null ? null : key;
            }
            else
            {
                _nodes[key] = value;
            }
        }

        if (TakeReport() is { } report)
        {
            yield return report;
        }

        if (TakeOutcome() is { } outcome)
        {
            yield return outcome;
        }
    }

    private BridgeInput? TakeReport()
    {
        var nodes = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (string key in ReportAssembler.KeysOf(_nodes.GetValueOrDefault(GuestKeys.FilesystemCount)))
        {
            if (_nodes.TryGetValue(key, out byte[]? value))
            {
                nodes[key] = value;
            }
        }

        if (_oversized is null && _told is not null && AreEqual(nodes, _told))
        {
            return null;
        }

        bool hasReadBefore = _told is not null;
        _told = nodes;
        AssembledReport assembled = _oversized is { } tooLong
            ? new AssembledReport(Report: null, $"{tooLong} is longer than {FieldLine.MaxLength} bytes")
            : ReportAssembler.Assemble(nodes);
        if (assembled.Rejection is { } rejection)
        {
            bool isNew = rejection != _rejection;
            _rejection = rejection;
            return isNew ? new BridgeInput.ReportRejected(Guest, domain, rejection) : null;
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
        return new BridgeInput.ReportRead(Guest, domain, report with { Sequence = _sequence }, hasReadBefore);
    }

    private BridgeInput? TakeOutcome()
    {
        if (!_nodes.TryGetValue(GuestKeys.Outcome, out byte[]? bytes))
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
            ? new BridgeInput.OutcomeRead(Guest, domain, outcome)
            : new BridgeInput.ReportRejected(Guest, domain, "its outcome cannot be parsed");
    }

    private static bool AreEqual(Dictionary<string, byte[]> some, Dictionary<string, byte[]> others)
        => some.Count == others.Count
            && some.All(node => others.TryGetValue(node.Key, out byte[]? other)
                && node.Value.AsSpan().SequenceEqual(other));
}
