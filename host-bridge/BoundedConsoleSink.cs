using System.Collections.Concurrent;
using Serilog.Core;
using Serilog.Events;

namespace HostBridge;

/// <summary>
/// Hands log events to a sink on a thread of its own: nobody who logs ever waits for a pipe that is not read. What
/// does not fit into the queue is dropped and counted.
/// </summary>
internal sealed class BoundedConsoleSink : ILogEventSink, IDisposable
{
    private const int Capacity = 1024;
    private static readonly TimeSpan DrainLimit = TimeSpan.FromMilliseconds(300);

    private readonly BlockingCollection<LogEvent> _events = new(Capacity);
    private readonly Thread _thread;
    private readonly Serilog.ILogger _target;
    private long _dropped;

    /// <summary>Begins.</summary>
    /// <param name="target">What writes in the end; it may block.</param>
    public BoundedConsoleSink(Serilog.ILogger target)
    {
        _target = target;
        _thread = new Thread(WriteAll) { IsBackground = true, Name = "log" };
        _thread.Start();
    }

    /// <inheritdoc/>
    public void Emit(LogEvent logEvent)
    {
        if (_events.IsAddingCompleted || !_events.TryAdd(logEvent))
        {
            Interlocked.Increment(ref _dropped);
        }
    }

    /// <summary>Writes what is left, as far as that goes quickly.</summary>
    public void Dispose()
    {
        _events.CompleteAdding();
        _thread.Join(DrainLimit);
    }

    private void WriteAll()
    {
        foreach (LogEvent logEvent in _events.GetConsumingEnumerable())
        {
            _target.Write(logEvent);
            long dropped = Interlocked.Exchange(ref _dropped, 0);
            if (dropped > 0)
            {
                _target.Warning("{Count} lines were dropped because nobody read them in time", dropped);
            }
        }
    }
}
