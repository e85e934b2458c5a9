using HostBridge.Configuration;
using HostBridge.Recovery;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Protocol.Xenstore.Client;

namespace HostBridge.Guests.Channels;

/// <summary>
/// Listens to every guest that has a channel. Looks in xenstore which do, and keeps one connection to each; while
/// xenstore does not answer, those that there are go on.
/// </summary>
internal sealed partial class ChannelListener(
    BridgeOptions options, XenstoreClient xenstore, ChannelBook book, BridgeInputQueue inputs, BridgeClock clock,
    ILogger<ChannelListener> logger) : BackgroundService
{
    /// <summary>More than any host has guests.</summary>
    private const int MaxConnections = 2048;

    private static readonly TimeSpan ScanInterval = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Channels cannot be plugged in: a domain that has been there for a while is rarely looked at again.
    /// </summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(60);

    private readonly Dictionary<DomainId, TimeSpan> _lookAt = [];
    private readonly Dictionary<DomainId, Kept> _kept = [];
    private readonly Random _jitter = new();

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Channel is not { } name)
        {
            return;
        }

        var finder = new ChannelFinder(xenstore, name);
        using var timer = new PeriodicTimer(ScanInterval, clock.Time);
        try
        {
            do
            {
                await ScanAsync(finder, stoppingToken).ConfigureAwait(false);
                TellChanges();
            }
            while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Asked to stop.
        }
        finally
        {
            foreach (DomainId domain in _kept.Keys.ToList())
            {
                await EndAsync(domain).ConfigureAwait(false);
            }
        }
    }

    private async Task ScanAsync(ChannelFinder finder, CancellationToken cancellationToken)
    {
        try
        {
            IReadOnlySet<DomainId> domains = await finder.DomainsAsync(cancellationToken).ConfigureAwait(false);
            foreach (DomainId gone in _lookAt.Keys.Where(known => !domains.Contains(known)).ToList())
            {
                _lookAt.Remove(gone);
                await EndAsync(gone).ConfigureAwait(false);
            }

            TimeSpan now = clock.Now.Elapsed;
            foreach (DomainId domain in domains.Where(one => !_lookAt.TryGetValue(one, out TimeSpan due) || due <= now))
            {
                ChannelPlace? place = await finder.FindAsync(domain, cancellationToken).ConfigureAwait(false);
                _lookAt[domain] = _lookAt.ContainsKey(domain) ? now + LookAgain : now + ScanInterval;
                await KeepAsync(domain, place, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (XenstoreLinkException)
        {
            // The listener of xenstore tells of it.
        }
    }

    private async Task KeepAsync(DomainId domain, ChannelPlace? place, CancellationToken cancellationToken)
    {
        if (_kept.TryGetValue(domain, out Kept? kept) && kept.Connection.Place == place)
        {
            return;
        }

        await EndAsync(domain).ConfigureAwait(false);
        if (place is null || _kept.Count >= MaxConnections)
        {
            return;
        }

        var connection = new ChannelConnection(place, inputs, clock, _jitter);
        var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _kept[domain] = new Kept(connection, stop, connection.RunAsync(stop.Token));
        book.Add(connection);
        LogFound(place.Guest, domain.Value, place.Path);
    }

    private async Task EndAsync(DomainId domain)
    {
        if (_kept.Remove(domain, out Kept? kept))
        {
            book.Remove(domain);
            await kept.Stop.CancelAsync().ConfigureAwait(false);
            await kept.Running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            kept.Stop.Dispose();
        }
    }

    private void TellChanges()
    {
        foreach ((DomainId domain, Kept kept) in _kept)
        {
            if (kept.Running.IsFaulted)
            {
                // A broken invariant: it ends the process, as everywhere.
                kept.Running.GetAwaiter().GetResult();
            }

            if (kept.Connection.IsAnswered != kept.WasAnswered)
            {
                kept.WasAnswered = kept.Connection.IsAnswered;
                string what = kept.WasAnswered ? "answers" : "does not answer any more";
                LogHeard(kept.Connection.Place.Guest, domain.Value, what);
            }

            if (kept.Connection.Trouble is { } trouble && trouble != kept.ToldTrouble)
            {
                kept.ToldTrouble = trouble;
                LogTrouble(kept.Connection.Place.Guest, domain.Value, trouble);
            }
        }
    }

    private sealed record Kept(ChannelConnection Connection, CancellationTokenSource Stop, Task Running)
    {
        public bool WasAnswered { get; set; }

        public string? ToldTrouble { get; set; }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "guest {Uuid} (domain {Domain}): its channel is {Path}")]
    private partial void LogFound(Guid uuid, int domain, string path);

    [LoggerMessage(Level = LogLevel.Information, Message = "guest {Uuid} (domain {Domain}): its channel {What}")]
    private partial void LogHeard(Guid uuid, int domain, string what);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "guest {Uuid} (domain {Domain}): {Reason}; trying again, xenstore carries its reports alone")]
    private partial void LogTrouble(Guid uuid, int domain, string reason);
}
