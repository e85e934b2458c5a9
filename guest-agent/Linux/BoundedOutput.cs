using System.Collections.Concurrent;
using System.Text;
using Mono.Unix.Native;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;

namespace GuestAgent.Linux;

/// <summary>
/// The log's way out: a bounded queue and a thread of its own that writes to standard output. When the reader of
/// that pipe does not read, or journald itself hangs on the dead root, lines are dropped and counted; nobody waits.
/// </summary>
internal sealed unsafe class BoundedOutput : ILogEventSink, IDisposable
{
    private const int MaxLines = 256;
    private const int StandardOutput = 1;
    private const int StackBytes = 128 * 1024;

    private readonly BlockingCollection<byte[]> _lines = new(MaxLines);
    private readonly ITextFormatter _formatter;
    private readonly Thread _writer;
    private long _dropped;

    public BoundedOutput(ITextFormatter formatter)
    {
        _formatter = formatter;
        _writer = new Thread(WriteLines, StackBytes) { IsBackground = true, Name = "log" };
        _writer.Start();
    }

    /// <summary>Lines that found no room so far.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    public void Emit(LogEvent logEvent)
    {
        using var text = new StringWriter();
        _formatter.Format(logEvent, text);
        if (_lines.IsAddingCompleted || !_lines.TryAdd(Encoding.UTF8.GetBytes(text.ToString())))
        {
            _ = Interlocked.Increment(ref _dropped);
        }
    }

    /// <summary>Gives the thread a moment to write what is queued; leaves it where it is stuck.</summary>
    public void Dispose()
    {
        if (!_lines.IsAddingCompleted)
        {
            _lines.CompleteAdding();
            _ = _writer.Join(TimeSpan.FromMilliseconds(200));
        }
    }

    private void WriteLines()
    {
        foreach (byte[] line in _lines.GetConsumingEnumerable())
        {
            fixed (byte* start = line)
            {
                long written = 0;
                while (written < line.Length)
                {
                    long once = Syscall.write(StandardOutput, start + written, (ulong)(line.Length - written));
                    if (once <= 0)
                    {
                        _ = Interlocked.Increment(ref _dropped);
                        break;
                    }

                    written += once;
                }
            }
        }
    }
}
