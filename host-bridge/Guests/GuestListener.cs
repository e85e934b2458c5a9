using HostBridge.Configuration;
using HostBridge.Recovery;
using HostBridge.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;

namespace HostBridge.Guests;

/// <summary>
/// Listens to every guest over xenstore. Events only mark what to read; one task reads, guest by guest, at a pace
/// that no guest can drive up.
/// </summary>
internal sealed partial class GuestListener(
    BridgeOptions options, XenstoreClient xenstore, IStorageGate storage, BridgeInputQueue inputs, BridgeClock clock,
    ILogger<GuestListener> logger) : BackgroundService
{
    private const string IntroduceDomain = "@introduceDomain";
    private const string ReleaseDomain = "@releaseDomain";
    private const string DomainsToken = "domains";
    private const string GuestToken = "guest-";
    private const string Domains = "/local/domain";

    /// <summary>How many domains are read at once; less than what the client has in flight.</summary>
    private const int ReadTogether = 16;

    /// <summary>Changes that come together are read together: what a guest says is known within half a second.</summary>
    private static readonly TimeSpan Debounce = TimeSpan.FromMilliseconds(200);

    /// <summary>Events are gathered this long by the link, which is lost in <see cref="Debounce"/>.</summary>
    public static TimeSpan EventPause { get; } = TimeSpan.FromMilliseconds(5);

    private static readonly TimeSpan IdleInterval = TimeSpan.FromSeconds(1);

    private readonly DomainReader _reader = new(xenstore);
    private readonly SemaphoreSlim _wake = new(0, 1);
    private readonly Lock _marksLock = new();
    private readonly HashSet<(DomainId Domain, string Key)> _marked = [];
    private readonly Dictionary<DomainId, ListenedDomain> _domains = [];
    private bool _scanDue;
    private bool _everythingDue;
    private bool _saidDisconnected;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        xenstore.Start();
        Task listening = ListenAsync(stoppingToken);
        Task reading = ReadOnAsync(stoppingToken);
        try
        {
            // Whichever ends first ended by a fault, or because everything stops.
            await (await Task.WhenAny(listening, reading).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Asked to stop.
        }
    }

    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        await foreach (XenstoreEvent happened in xenstore.Events(cancellationToken).ConfigureAwait(false))
        {
            switch (happened)
            {
                case XenstoreEvent.Connected:
                    _saidDisconnected = false;
                    LogConnected();
                    Mark(() => (_scanDue, _everythingDue) = (true, true));
                    break;
                case XenstoreEvent.Disconnected disconnected when !_saidDisconnected:
                    _saidDisconnected = true;
                    LogDisconnected(options.XenstorePath, disconnected.Reason);
                    break;
                case XenstoreEvent.WatchFired { Token: DomainsToken }:
                    Mark(() => _scanDue = true);
                    break;
                case XenstoreEvent.WatchFired fired when ParseToken(fired.Token) is { } domain
                    && OutdatedKeys.Of(domain, fired.Path) is { } key:
                    Mark(() => _marked.Add((domain, key)));
                    break;
                default:
                    break;
            }
        }
    }

    private async Task ReadOnAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await _wake.WaitAsync(IdleInterval, cancellationToken).ConfigureAwait(false);
            await Task.Delay(Debounce, clock.Time, cancellationToken).ConfigureAwait(false);
            try
            {
                await ReadDueAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (XenstoreLinkException)
            {
                // The listening side tells of it; once connected again, everything is read anew.
                Mark(() => _scanDue = true);
            }
        }
    }

    private async Task ReadDueAsync(CancellationToken cancellationToken)
    {
        bool scan, everything;
        List<(DomainId Domain, string Key)> marked;
        lock (_marksLock)
        {
            (scan, everything, marked) = (_scanDue, _everythingDue, [.. _marked]);
            (_scanDue, _everythingDue) = (false, false);
            _marked.Clear();
        }

        foreach ((DomainId domain, string key) in marked)
        {
            _domains.GetValueOrDefault(domain)?.MarkOutdated(key);
        }

        if (everything)
        {
            await WatchDomainsAsync(cancellationToken).ConfigureAwait(false);
            foreach (ListenedDomain domain in _domains.Values)
            {
                domain.Forget();
            }
        }

        if (scan)
        {
            await ScanAsync(cancellationToken).ConfigureAwait(false);
        }

        TimeSpan moment = clock.Now.Elapsed;
        IEnumerable<DomainTurn> turns = _domains.Values
            .Select(domain => new DomainTurn(domain, domain.TakeTurn(moment)))
            .Where(turn => turn.Keys.Count > 0);
        foreach (DomainTurn[] together in turns.Chunk(ReadTogether))
        {
            await TakeTurnsAsync(together, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// All are read at once, and what was read is taken in one by one. What could not be read has its turn again.
    /// </summary>
    private async Task TakeTurnsAsync(DomainTurn[] turns, CancellationToken cancellationToken)
    {
        TurnReading?[] readings = await Task
            .WhenAll(turns.Select(turn => ReadAsync(turn, cancellationToken))).ConfigureAwait(false);
        foreach ((DomainTurn turn, TurnReading? reading) in turns.Zip(readings))
        {
            if (reading is null || (!turn.IsWhole && reading.Part is null))
            {
                turn.Domain.MarkOutdated(OutdatedKeys.Everything);
            }
            else if (reading.Part is { } part)
            {
                await PostAsync(turn.Domain.Take(part), cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await TakeAsync(turn.Domain, reading.Whole, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Reads what is due of a domain; null when xenstore did not let it: the listening side tells why.</summary>
    private async Task<TurnReading?> ReadAsync(DomainTurn turn, CancellationToken cancellationToken)
    {
        ListenedDomain domain = turn.Domain;
        try
        {
            await WatchAsync(domain, cancellationToken).ConfigureAwait(false);
            return turn.IsWhole
                ? new TurnReading(await _reader.ReadAsync(domain.Domain, cancellationToken).ConfigureAwait(false), null)
                : new TurnReading(null, await _reader
                    .ReadKeysAsync(domain.Domain, domain.Guest, turn.Keys, cancellationToken).ConfigureAwait(false));
        }
        catch (XenstoreLinkException)
        {
            return null;
        }
    }

    private async Task WatchDomainsAsync(CancellationToken cancellationToken)
    {
        foreach (string special in new[] { IntroduceDomain, ReleaseDomain })
        {
            XenstoreError error = await xenstore.WatchAsync(special, DomainsToken, cancellationToken)
                .ConfigureAwait(false);
            if (error is not (XenstoreError.None or XenstoreError.EEXIST))
            {
                LogNoWatch(special, error);
            }
        }
    }

    private async Task ScanAsync(CancellationToken cancellationToken)
    {
        XenstoreResult<IReadOnlyList<string>> names = await xenstore.DirectoryAsync(Domains, cancellationToken)
            .ConfigureAwait(false);
        if (names.Value is null)
        {
            LogNoDomains(Domains, names.Error);
            return;
        }

        HashSet<DomainId> present = [.. names.Value.Select(DomainNodes.ParseDomainId).OfType<DomainId>()];
        foreach (DomainId gone in _domains.Keys.Where(known => !present.Contains(known)).ToList())
        {
            _domains.Remove(gone, out ListenedDomain? left);
            if (left!.Guest != Guid.Empty)
            {
                await PostAsync([new BridgeInput.GuestGone(left.Guest, gone)], cancellationToken)
                    .ConfigureAwait(false);
            }

            await xenstore.UnwatchAsync(ReportPath(gone), GuestToken + gone, cancellationToken).ConfigureAwait(false);
        }

        foreach (DomainId domain in present.Where(domain => !_domains.ContainsKey(domain)))
        {
            _domains[domain] = new ListenedDomain(domain, clock.Now.Elapsed);
        }
    }

    /// <summary>
    /// A guest may run in another domain by now, whose words counted for nothing as long as it was held to be in this.
    /// </summary>
    private void HearOtherDomains(Guid guest)
    {
        foreach (ListenedDomain domain in _domains.Values.Where(other => other.Guest == guest))
        {
            domain.Forget();
        }
    }

    private async Task WatchAsync(ListenedDomain domain, CancellationToken cancellationToken)
    {
        if (!domain.IsWatched)
        {
            XenstoreError error = await xenstore
                .WatchAsync(ReportPath(domain.Domain), GuestToken + domain.Domain, cancellationToken)
                .ConfigureAwait(false);
            domain.IsWatched = error is XenstoreError.None or XenstoreError.EEXIST;
        }
    }

    private async Task TakeAsync(ListenedDomain domain, DomainReading? reading, CancellationToken cancellationToken)
    {
        if (reading is null)
        {
            if (domain.Lose() is { } lost)
            {
                await PostAsync([new BridgeInput.GuestGone(lost, domain.Domain)], cancellationToken)
                    .ConfigureAwait(false);
            }

            return;
        }

        storage.Watch(domain.Domain, reading.Disks.Devices);
        await PostAsync(domain.Take(reading), cancellationToken).ConfigureAwait(false);
    }

    private async Task PostAsync(IEnumerable<BridgeInput> words, CancellationToken cancellationToken)
    {
        foreach (BridgeInput input in words)
        {
            await inputs.PostAsync(input, cancellationToken).ConfigureAwait(false);
            if (input is BridgeInput.GuestGone gone)
            {
                HearOtherDomains(gone.Guest);
            }
        }
    }

    private void Mark(Action mark)
    {
        lock (_marksLock)
        {
            mark();
            if (_wake.CurrentCount == 0)
            {
                _wake.Release();
            }
        }
    }

    /// <summary>A domain and what to read of it now.</summary>
    /// <param name="Domain">The domain.</param>
    /// <param name="Keys">See <see cref="ListenedDomain.TakeTurn"/>.</param>
    private sealed record DomainTurn(ListenedDomain Domain, IReadOnlyList<string> Keys)
    {
        public bool IsWhole => Keys[0] == OutdatedKeys.Everything;
    }

    /// <summary>What was read in a turn.</summary>
    /// <param name="Whole">Everything; null when there is no guest, or when less was to be read.</param>
    /// <param name="Part">Some keys; null when everything was to be read, or when the guest is there no more.</param>
    private sealed record TurnReading(DomainReading? Whole, IReadOnlyDictionary<string, byte[]?>? Part);

    private static string ReportPath(DomainId domain) => GuestKeys.Absolute(domain.Value, GuestKeys.Report);

    private static DomainId? ParseToken(string token)
        => token.StartsWith(GuestToken, StringComparison.Ordinal)
            ? DomainNodes.ParseDomainId(token[GuestToken.Length..])
            : null;

    [LoggerMessage(Level = LogLevel.Information, Message = "connected to xenstore; every guest is read")]
    private partial void LogConnected();

    [LoggerMessage(Level = LogLevel.Warning, Message = "xenstore at {Path}: {Reason}; trying again until it answers")]
    private partial void LogDisconnected(string path, string reason);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "{Path} cannot be watched ({Error}); host-bridge must run in Dom0 as root")]
    private partial void LogNoWatch(string path, XenstoreError error);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "{Path} cannot be listed ({Error}); host-bridge must run in Dom0 as root")]
    private partial void LogNoDomains(string path, XenstoreError error);
}
