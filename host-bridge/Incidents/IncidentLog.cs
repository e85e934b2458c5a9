using System.Collections.Concurrent;
using System.Globalization;
using HostBridge.Correlation;
using HostBridge.Recovery;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace HostBridge.Incidents;

/// <summary>
/// Writes the incidents, off the deciding thread: one thread of its own, as a disk may hang, and a bounded queue. What
/// there is no room for is dropped and counted, but never an intent: that is answered within a limit, and no act begins
/// without the answer. Nobody waits for a thread that hangs, not even the end of the program.
/// </summary>
internal sealed partial class IncidentLog(
    IncidentStore store, BridgeInputQueue inputs, BridgeClock clock, ILogger<IncidentLog> logger) : BackgroundService
{
    private const int QueueCapacity = 8192;

    /// <summary>Beyond this many that wait, only what a restart needs is taken.</summary>
    private const int StoryCapacity = 1024;

    /// <summary>How many are written at once, with one synchronisation.</summary>
    private const int MaxBatch = 256;

    /// <summary>Beyond this size of the write-ahead log, only what a restart needs is written.</summary>
    private const long MaxLogBytes = 64L * 1024 * 1024;

    /// <summary>How long the start waits for the database, all of which is looked through.</summary>
    private static readonly TimeSpan OpenLimit = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(5);

    private readonly BlockingCollection<Job> _queue = new(QueueCapacity);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Why nothing is written until the bridge starts anew; null when the directory was opened.</summary>
    private string? _refusal;
    private long _dropped;

    /// <summary>Since when the thread waits for the disk, on the monotonic clock; 0 while it does not.</summary>
    private long _busySince;

    /// <summary>How long whoever asks for something durable waits at most.</summary>
    public TimeSpan DurableLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the end of the program waits for what is still to be written.</summary>
    public TimeSpan CloseLimit { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>How many entries were dropped because there was no room for them.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Why nothing can be recorded at this moment, for a person; null when it can.</summary>
    public string? Trouble
        => Volatile.Read(ref _refusal) ?? Volatile.Read(ref _said)
            ?? (Interlocked.Read(ref _busySince) is not 0 and var since && clock.Time.GetElapsedTime(since) >= DurableLimit
                ? DoesNotAnswer(DurableLimit)
                : null);

    /// <summary>
    /// Opens the state directory, once, before anything is decided. When that fails, or does not end in time, the
    /// bridge goes on without it: it listens and tells, but every intent fails.
    /// </summary>
    public async Task<RestoredIncidents> OpenAsync(CancellationToken cancellationToken)
    {
        var opened = new TaskCompletionSource<RestoredIncidents>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() => Work(opened)) { IsBackground = true, Name = "incidents" }.Start();
        try
        {
            RestoredIncidents restored =
                await opened.Task.WaitAsync(OpenLimit, clock.Time, cancellationToken).ConfigureAwait(false);
            if (restored.Warning is { } warning)
            {
                LogWarning(warning);
            }

            return restored;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or TimeoutException)
        {
            string reason = failure is TimeoutException ? DoesNotAnswer(OpenLimit) : failure.Message;
            Volatile.Write(ref _refusal, $"{reason}; then restart host-bridge");
            LogUnusable(store.Path, reason);
            return new RestoredIncidents([], []);
        }
    }

    /// <summary>Writes an entry of a guest's story when there is room for it.</summary>
    public void TryAppend(IncidentEntry entry, OutgoingNotice? notice = null)
        => TryAdd(new StateChange.Story(entry) { Outgoing = notice });

    /// <summary>Writes an entry of a storage incident's timeline when there is room for it.</summary>
    public void TryAppend(TimelineEntry entry, OutgoingNotice? notice = null)
        => TryAdd(new StateChange.Happened(entry) { Outgoing = notice });

    /// <summary>Keeps over restarts what was faulty when a guest last listed it.</summary>
    public void TryRemember(StateChange.Remembered remembered) => TryAdd(remembered);

    /// <summary>Notes which notices a carrier need not deliver any more.</summary>
    public void TryNote(StateChange.Delivered delivered) => TryAdd(delivered);

    /// <summary>Writes an entry and waits until it survives a power cut.</summary>
    /// <returns>Null when it does; otherwise why not, for a person, after ten seconds at most.</returns>
    public Task<string?> AppendDurableAsync(
        IncidentEntry entry, CancellationToken cancellationToken, OutgoingNotice? notice = null)
        => WriteAsync(new StateChange.Story(entry) { Outgoing = notice }, cancellationToken);

    /// <summary>Keeps a pause over restarts.</summary>
    /// <returns>Null when it is durable; otherwise why not, for a person.</returns>
    public Task<string?> SavePauseAsync(SavedPause pause, CancellationToken cancellationToken)
        => WriteAsync(new StateChange.Paused(pause), cancellationToken);

    /// <summary>Ends a pause, of a guest or (null) of all, for later starts as well.</summary>
    /// <returns>Null when that is durable; otherwise why not, for a person.</returns>
    public Task<string?> RemovePauseAsync(Guid? guest, CancellationToken cancellationToken)
        => WriteAsync(new StateChange.Resumed(guest), cancellationToken);

    /// <summary>Notes that a person acknowledged what stands for a guest, and ends its hold.</summary>
    /// <returns>Null when that is durable; otherwise why not, for a person.</returns>
    public Task<string?> AcknowledgeAsync(Guid guest, CancellationToken cancellationToken)
        => WriteAsync(new StateChange.Acknowledged(guest), cancellationToken);

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken).ConfigureAwait(false);
        _queue.CompleteAdding();
        await Task.WhenAny(_ended.Task, Task.Delay(CloseLimit, clock.Time, CancellationToken.None))
            .ConfigureAwait(false);
    }

    /// <summary>Looks after the writing thread: only someone else can tell that it hangs.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(LookInterval, clock.Time);
        long told = 0;
        bool isStuck = false;
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            long since = Interlocked.Read(ref _busySince);
            bool wasStuck = isStuck;
            isStuck = since != 0 && clock.Time.GetElapsedTime(since) >= DurableLimit;
            if (isStuck && !wasStuck)
            {
                LogUnusable(store.Path, DoesNotAnswer(DurableLimit));
            }
            else if (wasStuck && !isStuck)
            {
                LogUsable(store.Path);
            }

            if (Dropped is var dropped && dropped > told)
            {
                LogDropped(store.Path, dropped - told);
                told = dropped;
            }
        }
    }

    private static string DoesNotAnswer(TimeSpan limit) => string.Create(
        CultureInfo.InvariantCulture,
        $"its file system has not answered for {limit.TotalSeconds:0} s; mend the storage under it");

    private void TryAdd(StateChange change)
    {
        bool hasRoom = change.IsNeeded || _queue.Count < StoryCapacity;
        if (!hasRoom || !TryQueue(new Job(change, Done: null)))
        {
            Interlocked.Increment(ref _dropped);
        }
    }

    private bool TryQueue(Job job)
    {
        try
        {
            return _queue.TryAdd(job);
        }
        catch (InvalidOperationException)
        {
            // The bridge stops.
            return false;
        }
    }

    private async Task<string?> WriteAsync(StateChange change, CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _refusal) is { } refusal)
        {
            return $"{store.Path}: {refusal}";
        }

        var done = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!TryQueue(new Job(change, done)))
        {
            return $"{store.Path} is too slow, its queue is full";
        }

        try
        {
            return await done.Task.WaitAsync(DurableLimit, clock.Time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Whoever is first, this or the thread, is right: the thread takes back what it wrote too late.
            done.TrySetResult($"{store.Path}: {DoesNotAnswer(DurableLimit)}");
            return await done.Task.ConfigureAwait(false);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "{Path} cannot be used: {Reason}. Nothing is done without a durable record")]
    private partial void LogUnusable(string path, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path} can be used again")]
    private partial void LogUsable(string path);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Warning}")]
    private partial void LogWarning(string warning);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Path} is too slow or has no room: {Count} entries of what is told were left out")]
    private partial void LogDropped(string path, long count);

    /// <summary>One change that waits.</summary>
    /// <param name="Change">The change.</param>
    /// <param name="Done">Whoever waits for it: null when it is durable, otherwise why not.</param>
    private sealed record Job(StateChange Change, TaskCompletionSource<string?>? Done);
}
