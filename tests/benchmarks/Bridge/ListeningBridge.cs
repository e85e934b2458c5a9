using HostBridge;
using HostBridge.Guests;
using HostBridge.Recovery;
using HostBridge.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Protocol.Xenstore.Client;

namespace Benchmarks.Bridge;

/// <summary>
/// The bridge from the watch event to the decision: its client, its listener and its loop, as host-bridge puts them
/// together. What it decides is kept instead of done.
/// </summary>
internal sealed class ListeningBridge : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly BridgeInputQueue _inputs = new();
    private readonly BridgeClock _clock = new(TimeProvider.System);
    private readonly WakeUp _wake = new();
    private readonly XenstoreClient _xenstore;
    private readonly GuestListener _listener;
    private readonly BridgeLoop _loop;
    private readonly Lock _gate = new();
    private readonly List<BridgeEffect> _effects = [];
    private readonly Task _driving;

    /// <summary>Begins to listen.</summary>
    public ListeningBridge(string socketPath, BridgeMode mode)
    {
        var options = new BridgeOptions
        {
            XenstorePath = socketPath,
            StateDirectory = "/nonexistent",
            Policy = new RecoveryPolicy { Mode = mode },
        };
        _loop = new BridgeLoop(options.Policy);
        _xenstore = new XenstoreClient(
            socketPath,
            new XenstoreClientOptions { Jitter = new Random(1), PauseAfterEvents = GuestListener.EventPause },
            _clock.Time);
        _listener = new GuestListener(
            options, _xenstore, new WatchedDisks(_clock, _wake), _inputs, _clock, NullLogger<GuestListener>.Instance);
        _driving = DriveAsync();
    }

    /// <summary>Every guest that it knows now.</summary>
    public IReadOnlyList<GuestRecord> Guests
    {
        get
        {
            lock (_gate)
            {
                return [.. _loop.Guests];
            }
        }
    }

    /// <summary>Every effect so far.</summary>
    public IReadOnlyList<BridgeEffect> Effects
    {
        get
        {
            lock (_gate)
            {
                return [.. _effects];
            }
        }
    }

    /// <summary>Waits until what it knows of its guests is as wanted; throws when it is not within the limit.</summary>
    public async Task UntilAsync(Func<IReadOnlyList<GuestRecord>, bool> isAsWanted, TimeSpan limit)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        using var limited = new CancellationTokenSource(limit);
        while (!isAsWanted(Guests))
        {
            if (_driving.IsFaulted || _listener.ExecuteTask is { IsFaulted: true })
            {
                await Task.WhenAll(_driving, _listener.ExecuteTask ?? Task.CompletedTask);
            }

            await timer.WaitForNextTickAsync(limited.Token);
        }
    }

    /// <summary>Stops.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _listener.StopAsync(CancellationToken.None);
        _listener.Dispose();
        await _xenstore.DisposeAsync();
        await _driving;
        _wake.Dispose();
        _stop.Dispose();
    }

    private async Task DriveAsync()
    {
        await _listener.StartAsync(_stop.Token).ConfigureAwait(false);
        Task ticking = TickAsync();
        try
        {
            await foreach (BridgeInput input in _inputs.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                lock (_gate)
                {
                    _effects.AddRange(_loop.Step(input, _clock.Now));
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            await ticking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TickAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), _clock.Time);
        while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
        {
            _inputs.TryPost(new BridgeInput.Tick());
        }
    }
}
