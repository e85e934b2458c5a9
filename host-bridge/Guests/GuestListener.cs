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

    /// <summary>Changes that come together are read together.</summary>
    private static readonly TimeSpan Debounce = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan IdleInterval = TimeSpan.FromSeconds(1);

    private readonly DomainReader _reader = new(xenstore);
    private readonly SemaphoreSlim _wake = new(0, 1);
    private readonly Lock _marksLock = new();
    private readonly HashSet<DomainId> _marked = [];
    private readonly Dictionary<DomainId, ListenedDomain> _domains = [];
    private bool _scanDue;
    private bool _everythingDue;
    private bool _saidDisconnected;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        xenstore.Start();
        Task listening = ListenAsync(stoppingToken);
        Task reading = ReadAsync(stoppingToken);
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
                case XenstoreEvent.WatchFired fired when ParseToken(fired.Token) is { } domain:
                    Mark(() => _marked.Add(domain));
                    break;
                default:
                    break;
            }
        }
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
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
        List<DomainId> marked;
        lock (_marksLock)
        {
            (scan, everything, marked) = (_scanDue, _everythingDue, [.. _marked]);
            (_scanDue, _everythingDue) = (false, false);
            _marked.Clear();
        }

        foreach (ListenedDomain domain in marked.Select(_domains.GetValueOrDefault).OfType<ListenedDomain>())
        {
            domain.IsDirty = true;
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

        foreach (ListenedDomain domain in _domains.Values)
        {
            if (domain.TakeTurn(clock.Now.Elapsed))
            {
                await ReadDomainAsync(domain, cancellationToken).ConfigureAwait(false);
            }
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
            await inputs.PostAsync(new BridgeInput.GuestGone(gone), cancellationToken).ConfigureAwait(false);
            HearNewerDomains(left!.Guest);
            await xenstore.UnwatchAsync(ReportPath(gone), GuestToken + gone, cancellationToken).ConfigureAwait(false);
        }

        foreach (DomainId domain in present.Where(domain => !_domains.ContainsKey(domain)))
        {
            _domains[domain] = new ListenedDomain(domain, clock.Now.Elapsed);
        }
    }

    /// <summary>
    /// A guest may run in a newer domain, whose words counted for nothing as long as the older one was there.
    /// </summary>
    private void HearNewerDomains(Guid guest)
    {
        foreach (ListenedDomain newer in _domains.Values.Where(other => other.Guest == guest))
        {
            newer.Forget();
        }
    }

    private async Task ReadDomainAsync(ListenedDomain domain, CancellationToken cancellationToken)
    {
        if (!domain.IsWatched)
        {
            XenstoreError error = await xenstore
                .WatchAsync(ReportPath(domain.Domain), GuestToken + domain.Domain, cancellationToken)
                .ConfigureAwait(false);
            domain.IsWatched = error is XenstoreError.None or XenstoreError.EEXIST;
        }

        DomainReading? reading = await _reader.ReadAsync(domain.Domain, cancellationToken).ConfigureAwait(false);
        if (reading is null)
        {
            if (domain.Lose() is { } lost)
            {
                await inputs.PostAsync(new BridgeInput.GuestGone(domain.Domain), cancellationToken)
                    .ConfigureAwait(false);
                HearNewerDomains(lost);
            }

            return;
        }

        storage.Watch(reading.Disks.Devices);
        foreach (BridgeInput input in domain.Take(reading))
        {
            await inputs.PostAsync(input, cancellationToken).ConfigureAwait(false);
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
