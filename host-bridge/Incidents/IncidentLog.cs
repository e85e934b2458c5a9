using System.Threading.Channels;
using HostBridge.Correlation;
using HostBridge.Recovery;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace HostBridge.Incidents;

/// <summary>
/// Writes the incident log, off the deciding thread: one writer, a bounded queue. What cannot wait is dropped and
/// counted, but never an intent: that is answered, and no act begins without the answer.
/// </summary>
internal sealed partial class IncidentLog(
    IncidentFile file, BridgeInputQueue inputs, BridgeClock clock, ILogger<IncidentLog> logger) : BackgroundService
{
    private const int QueueCapacity = 1024;
    private static readonly TimeSpan HoldInterval = TimeSpan.FromSeconds(5);

    private readonly Channel<Job> _queue = Channel.CreateBounded<Job>(
        new BoundedChannelOptions(QueueCapacity) { SingleReader = true });

    private readonly Channel<TimelineEntry> _moments = Channel.CreateBounded<TimelineEntry>(
        new BoundedChannelOptions(QueueCapacity) { SingleReader = true });

    private string? _failure;
    private bool _saidFull;
    private long _dropped;

    /// <summary>How many entries were dropped because the queue was full.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>
    /// Opens the state directory, once, before anything is decided. When that fails the bridge goes on without it:
    /// it listens and tells, but every intent fails.
    /// </summary>
    public IReadOnlyList<GuestHistory> Open()
    {
        try
        {
            RestoredIncidents restored = file.Open(clock.Now.Wall);
            if (restored.MalformedLines > 0)
            {
                LogMalformed(file.LogPath, restored.MalformedLines);
            }

            return restored.Guests;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _failure = failure.Message;
            LogUnusable(file.LogPath, failure.Message);
            return [];
        }
    }

    /// <summary>Appends an entry when there is room for it.</summary>
    public void TryAppend(IncidentEntry entry)
    {
        if (!_queue.Writer.TryWrite(new Job(entry, Done: null)))
        {
            Interlocked.Increment(ref _dropped);
        }
    }

    /// <summary>Appends a moment of a storage incident when there is room for it.</summary>
    public void TryAppend(TimelineEntry entry)
    {
        if (!_moments.Writer.TryWrite(entry))
        {
            Interlocked.Increment(ref _dropped);
        }
    }

    /// <summary>Appends an entry and waits until it survives a power cut.</summary>
    /// <returns>Null when it does; otherwise why not, for a person.</returns>
    public async Task<string?> AppendDurableAsync(IncidentEntry entry, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        return _queue.Writer.TryWrite(new Job(entry, done))
            ? await done.Task.WaitAsync(cancellationToken).ConfigureAwait(false)
            : $"{file.LogPath} is too slow, its queue is full";
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(HoldInterval, clock.Time);
        Task<bool> tick = timer.WaitForNextTickAsync(stoppingToken).AsTask();
        Task<bool> ready = _queue.Reader.WaitToReadAsync(stoppingToken).AsTask();
        Task<bool> moment = _moments.Reader.WaitToReadAsync(stoppingToken).AsTask();
        try
        {
            while (true)
            {
                Task<bool> first = await Task.WhenAny(ready, moment, tick).ConfigureAwait(false);
                await first.ConfigureAwait(false);
                if (first == tick)
                {
                    await CheckHoldsAsync(stoppingToken).ConfigureAwait(false);
                    tick = timer.WaitForNextTickAsync(stoppingToken).AsTask();
                    continue;
                }

                WriteAll();
                ready = first == ready ? _queue.Reader.WaitToReadAsync(stoppingToken).AsTask() : ready;
                moment = first == moment ? _moments.Reader.WaitToReadAsync(stoppingToken).AsTask() : moment;
            }
        }
        catch (OperationCanceledException)
        {
            WriteAll();
        }
    }

    private void WriteAll()
    {
        while (_queue.Reader.TryRead(out Job job))
        {
            string? failure = _failure is null ? Write(job) : $"{file.LogPath}: {_failure}";
            job.Done?.TrySetResult(failure);
        }

        try
        {
            while (_moments.Reader.TryRead(out TimelineEntry? entry) && _failure is null)
            {
                file.Append(entry);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogUnusable(file.TimelinePath, failure.Message);
        }
    }

    private string? Write(Job job)
    {
        bool needed = job.Done is not null || job.Entry.EndsIntent == true || job.Entry.Standing == true
            || job.Entry.Kind == IncidentEntry.KindName(TellKind.Proof);
        try
        {
            if (needed || !file.IsFull)
            {
                file.Append(job.Entry, durable: needed);
            }
            else if (!_saidFull)
            {
                _saidFull = true;
                LogFull(file.LogPath, IncidentFile.MaxChattyBytes);
            }

            return null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogUnusable(file.LogPath, failure.Message);
            return $"{file.LogPath}: {failure.Message}";
        }
    }

    private async Task CheckHoldsAsync(CancellationToken cancellationToken)
    {
        if (_failure is not null)
        {
            return;
        }

        IReadOnlyCollection<Guid> released;
        try
        {
            released = file.TakeReleased();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Nothing is released by a directory that cannot be read; whatever must be written next tells of it.
            return;
        }

        foreach (Guid guest in released)
        {
            var acknowledged = new BridgeInput.EffectCompleted(guest, new RecoveryInput.HoldReleased());
            await inputs.PostAsync(acknowledged, cancellationToken).ConfigureAwait(false);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "{Path} cannot be used: {Reason}; nothing is done without a durable record, mend it")]
    private partial void LogUnusable(string path, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path}: {Count} lines are not understood and left out")]
    private partial void LogMalformed(string path, int count);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Path} is larger than {Bytes} bytes; only intents and their ends are added, move it away "
            + "and restart host-bridge")]
    private partial void LogFull(string path, long bytes);

    private readonly record struct Job(IncidentEntry Entry, TaskCompletionSource<string?>? Done);
}
