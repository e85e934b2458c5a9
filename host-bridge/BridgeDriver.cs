using HostBridge.Admin;
using HostBridge.Correlation;
using HostBridge.Incidents;
using HostBridge.Notifications;
using HostBridge.Recovery;
using HostBridge.Storage;
using Microsoft.Extensions.Hosting;

namespace HostBridge;

/// <summary>Turns the loop: one queue, one driver. Nothing here waits for anything but the next input.</summary>
internal sealed class BridgeDriver(
    BridgeLoop loop, EffectExecutor executor, IncidentLog incidents, BridgeInputQueue inputs, IStorageGate storage,
    BridgeClock clock, AdminDesk desk, NotificationService notifications)
    : BackgroundService
{
    private static readonly TimeSpan TickInterval = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        RestoredIncidents restored = await incidents.OpenAsync(stoppingToken).ConfigureAwait(false);
        foreach (SavedPause pause in restored.Pauses)
        {
            Step(new BridgeInput.Paused(pause.Guest, pause.Until), stoppingToken);
        }

        notifications.Restore(restored.Notices);
        Step(new BridgeInput.NoticesRestored(restored.Notices.Notices), stoppingToken);
        foreach (GuestHistory history in restored.Guests)
        {
            Step(new BridgeInput.HistoryRestored(history), stoppingToken);
        }

        Task ticking = TickAsync(stoppingToken);
        try
        {
            await foreach (BridgeInput input in inputs.ReadAllAsync(stoppingToken).ConfigureAwait(false))
            {
                Step(input, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            await ticking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Step(BridgeInput input, CancellationToken cancellationToken)
    {
        foreach (BridgeEffect effect in loop.Step(input, clock.Now))
        {
            executor.Begin(effect, cancellationToken);
        }

        foreach (TimelineEntry entry in loop.TakeTimeline())
        {
            executor.Tell(entry);
        }

        if (input is BridgeInput.Tick)
        {
            WatchDisks();
        }
        else if (input is BridgeInput.Asked)
        {
            desk.Answer(loop, clock.Now);
        }

        if (executor.Fault is { } fault)
        {
            throw new InvalidOperationException($"an effect ended by a fault of the program: {fault.Message}", fault);
        }
    }

    /// <summary>
    /// The listener names the disks of domains that run; those of a guest that is to be created are named here.
    /// </summary>
    private void WatchDisks()
    {
        foreach (GuestRecord guest in loop.InFlight)
        {
            storage.Watch(guest.Domain, guest.Disks.Devices);
        }
    }

    private async Task TickAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(TickInterval, clock.Time);
        while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false))
        {
            inputs.TryPost(new BridgeInput.Tick());
        }
    }
}
