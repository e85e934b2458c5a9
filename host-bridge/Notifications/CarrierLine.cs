using System.Threading.Channels;
using HostBridge.Incidents;
using HostBridge.Notifications.Carriers;
using HostBridge.Notifications.Grouping;
using HostBridge.Notifications.Telling;
using HostBridge.Notifications.Wording;
using Microsoft.Extensions.Logging;

namespace HostBridge.Notifications;

/// <summary>One carrier with its bounded queue: what comes in is gathered, told, and noted as told.</summary>
internal sealed partial class CarrierLine(
    INoticeCarrier carrier, CarrierDesk desk, MessageWriter writer, IncidentLog incidents, BridgeClock clock,
    ILogger logger)
{
    private const int QueueCapacity = 4096;

    /// <summary>How often it is looked whether something that waits is due.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private readonly Channel<Notice> _queue = Channel.CreateBounded<Notice>(
        new BoundedChannelOptions(QueueCapacity) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private RestoredNotices? _restored;
    private string? _problem;

    /// <summary>Takes in what was kept; it is looked at when the line runs.</summary>
    public void Restore(RestoredNotices notices) => Volatile.Write(ref _restored, notices);

    /// <summary>Queues a notice. Beyond the queue it stays in the state database until the next start.</summary>
    public void Add(Notice notice)
    {
        if (!_queue.Writer.TryWrite(notice))
        {
            LogFull(carrier.Name);
        }
    }

    /// <summary>Tells until the bridge stops.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        Task<bool> more = _queue.Reader.WaitToReadAsync(cancellationToken).AsTask();
        while (!cancellationToken.IsCancellationRequested)
        {
            if (Interlocked.Exchange(ref _restored, null) is { } restored)
            {
                IReadOnlySet<long> own = restored.Undelivered.GetValueOrDefault(carrier.Name) ?? new HashSet<long>();
                desk.Restore(
                    restored.Notices, own, restored.Folded.GetValueOrDefault(carrier.Name), clock.Now.Elapsed);
            }

            while (_queue.Reader.TryRead(out Notice? notice))
            {
                desk.Add(notice, clock.Now.Elapsed);
            }

            NoteFolded();
            if (desk.Take(clock.Now.Elapsed) is { } batch)
            {
                await DeliverAsync(batch, cancellationToken).ConfigureAwait(false);
                continue;
            }

            more = more.IsCompleted ? _queue.Reader.WaitToReadAsync(cancellationToken).AsTask() : more;
            await Task.WhenAny(more, Task.Delay(LookInterval, clock.Time, cancellationToken)).ConfigureAwait(false);
        }
    }

    private async Task DeliverAsync(NoticeBatch batch, CancellationToken cancellationToken)
    {
        string? problem = await carrier.DeliverAsync(writer.Write(batch), cancellationToken).ConfigureAwait(false);
        IReadOnlyList<long> told = desk.Complete(problem is null, clock.Now.Elapsed);
        if (problem is not null && problem != _problem)
        {
            LogProblem(carrier.Name, problem, desk.Waiting);
        }
        else if (problem is null && _problem is not null)
        {
            LogAgain(carrier.Name);
        }

        _problem = problem;
        if (told.Count > 0)
        {
            incidents.TryNote(new StateChange.Delivered(carrier.Name, told, desk.Folded));
        }
    }

    private void NoteFolded()
    {
        if (desk.TakeFoldedIds() is { Count: > 0 } folded)
        {
            incidents.TryNote(new StateChange.Delivered(carrier.Name, folded, desk.Folded));
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "notices by {Carrier}: {Problem}; {Count} wait and are tried again")]
    private partial void LogProblem(string carrier, string problem, int count);

    [LoggerMessage(Level = LogLevel.Information, Message = "notices by {Carrier} are delivered again")]
    private partial void LogAgain(string carrier);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "notices by {Carrier}: more than it can take; what is left out is told after the next start")]
    private partial void LogFull(string carrier);
}
