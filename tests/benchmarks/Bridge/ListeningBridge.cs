using HostBridge;
using HostBridge.Configuration;
using HostBridge.Guests;
using HostBridge.Incidents;
using HostBridge.Notifications;
using HostBridge.Recovery;
using HostBridge.Storage;
using HostBridge.Toolstacks;
using Microsoft.Extensions.Logging.Abstractions;
using Protocol.Xenstore.Client;

namespace Benchmarks.Bridge;

/// <summary>
/// The bridge from the watch event to the decision: its client, its listener and its loop, as host-bridge puts them
/// together. What it decides is kept, and done only when it has a state directory.
/// </summary>
internal sealed class ListeningBridge : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly BridgeInputQueue _inputs = new();
    private readonly BridgeClock _clock = new(TimeProvider.System);
    private readonly WakeUp _wake = new();
    private readonly XenstoreClient _xenstore;
    private readonly GuestListener _listener;
    private readonly WatchedDisks _disks;
    private readonly IncidentLog? _incidents;
    private readonly EffectExecutor? _executor;
    private readonly BridgeLoop _loop;
    private readonly Lock _gate = new();
    private readonly List<BridgeEffect> _effects = [];
    private readonly Task _driving;

    /// <summary>Begins to listen.</summary>
    /// <param name="socketPath">xenstored's socket.</param>
    /// <param name="policy">By which it decides.</param>
    /// <param name="stateDirectory">
    /// The directory of its incident log: what it decides is done then, without a toolstack, and every disk of a guest
    /// is held to be well. Null: nothing is done, and nothing is known of any disk.
    /// </param>
    public ListeningBridge(string socketPath, RecoveryPolicy policy, string? stateDirectory = null)
    {
        var options = new BridgeOptions
        {
            XenstorePath = socketPath,
            StateDirectory = stateDirectory ?? "/nonexistent",
            Policy = policy,
        };
        _loop = new BridgeLoop(options.Policy);
        _xenstore = new XenstoreClient(
            socketPath,
            new XenstoreClientOptions { Jitter = new Random(1), PauseAfterEvents = GuestListener.EventPause },
            _clock.Time);
        _disks = new WatchedDisks(_clock, _wake);
        _listener = new GuestListener(
            options, _xenstore, _disks, _inputs, _clock, NullLogger<GuestListener>.Instance);
        if (stateDirectory is not null)
        {
            var store = new IncidentStore(stateDirectory, StateLock.TryTake(stateDirectory).Lock);
            _incidents = new IncidentLog(store, _inputs, _clock, NullLogger<IncidentLog>.Instance);
            _executor = new EffectExecutor(
                _incidents, Silent(_incidents, _clock), new GuestRequests(_xenstore, _clock.Time), new NoToolstack(),
                _inputs, _clock,
                NullLogger<EffectExecutor>.Instance);
        }

        _driving = DriveAsync();
    }

    /// <summary>Nobody is told anything.</summary>
    private static NotificationService Silent(IncidentLog incidents, BridgeClock clock) => new(
        new NotificationSettings { Journal = false }, incidents, clock, NullLogger<NotificationService>.Instance);

    /// <summary>
    /// Told of every step of the loop, by the task that makes it: the input, and the effects that it led to.
    /// </summary>
    public event Action<BridgeInput, IReadOnlyList<BridgeEffect>>? Stepped;

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
        if (_incidents is not null)
        {
            await _incidents.StopAsync(CancellationToken.None);
            _incidents.Dispose();
        }

        _wake.Dispose();
        _stop.Dispose();
    }

    private async Task DriveAsync()
    {
        if (_incidents is not null)
        {
            await _incidents.OpenAsync(_stop.Token).ConfigureAwait(false);
        }

        await _listener.StartAsync(_stop.Token).ConfigureAwait(false);
        Task ticking = TickAsync();
        try
        {
            await foreach (BridgeInput input in _inputs.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                Step(input);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            await ticking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Step(BridgeInput input)
    {
        IReadOnlyList<BridgeEffect> effects;
        lock (_gate)
        {
            effects = _loop.Step(input, _clock.Now);
            _effects.AddRange(effects);
            Stepped?.Invoke(input, effects);
        }

        foreach (BridgeEffect effect in _executor is null ? [] : effects)
        {
            _executor!.Begin(effect, _stop.Token);
        }
    }

    private async Task TickAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), _clock.Time);
        while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
        {
            if (_executor is not null)
            {
                _inputs.TryPost(new BridgeInput.DisksChecked([.. _disks.Take().Select(IsWell)]));
            }

            _inputs.TryPost(new BridgeInput.Tick());
        }
    }

    private static DiskCondition IsWell(DeviceNumber disk)
        => new(disk, Operational: true, "held to be well", [$"lun-{disk}"]);
}
