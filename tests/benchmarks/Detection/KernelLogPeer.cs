using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Testbed.Linux;

namespace Benchmarks.Detection;

/// <summary>A record of the kernel log.</summary>
/// <param name="TimeUs">When it was made, in microseconds of the kernel's own clock.</param>
/// <param name="ReadAt">When this process had it, as <see cref="Stopwatch"/> has it.</param>
/// <param name="Text">Its text.</param>
internal sealed record LogRecord(long TimeUs, long ReadAt, string Text);

/// <summary>
/// A thread that does nothing but wait for the next record of <c>/dev/kmsg</c>: as early as any program can have it.
/// </summary>
internal sealed class KernelLogPeer : IDisposable
{
    private const int MaxRecordBytes = 8192;

    /// <summary>Facility 1 (user), level 7: kept in the log, on no console, and no evidence to an agent.</summary>
    private const string MarkerPrefix = "<15>benchmark-marker-";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    private readonly Channel<LogRecord> _records = Channel.CreateUnbounded<LogRecord>();
    private readonly LinuxCalls.Descriptor _log = LinuxCalls.Open("/dev/kmsg", LinuxCalls.ReadOnly);
    private readonly Thread _reader;
    private volatile bool _isEnding;
    private int _markers;

    public KernelLogPeer()
    {
        LinuxCalls.SeekToEnd(_log);
        _reader = new Thread(Read) { IsBackground = true };
        _reader.Start();
    }

    /// <summary>The next record that holds all of these words; those before it are passed over.</summary>
    public async Task<LogRecord> WaitForAsync(params string[] words)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            LogRecord record = await _records.Reader.ReadAsync(limit.Token);
            if (words.All(word => record.Text.Contains(word, StringComparison.Ordinal)))
            {
                return record;
            }
        }
    }

    /// <summary>Passes over what has been read until now.</summary>
    public void Skip()
    {
        while (_records.Reader.TryRead(out _))
        {
        }
    }

    /// <summary>
    /// What must be added to a record's time to have it as <see cref="Stopwatch"/> has it (CLOCK_MONOTONIC), in
    /// microseconds: the log's clock counts from another moment and is not steered by NTP. Found by records of our
    /// own, each between two readings of the clock; the tightest counts, and is right within half its width.
    /// </summary>
    public async Task<(double OffsetUs, double WithinUs)> AlignAsync()
    {
        const int markers = 5;
        (double OffsetUs, double WithinUs) best = (0, double.MaxValue);
        for (int i = 0; i < markers; i++)
        {
            string name = MarkerPrefix + (++_markers).ToString(CultureInfo.InvariantCulture) + ";";
            (long before, long after) = WriteMarker(name);
            LogRecord record = await WaitForAsync(name[MarkerPrefix.IndexOf('b', StringComparison.Ordinal)..]);
            double within = ToMicroseconds(after - before) / 2;
            if (within < best.WithinUs)
            {
                best = (ToMicroseconds(before) + within - record.TimeUs, within);
            }
        }

        return best;
    }

    /// <summary>A moment or a span of <see cref="Stopwatch"/> in microseconds.</summary>
    public static double ToMicroseconds(long ticks) => ticks * 1e6 / Stopwatch.Frequency;

    public void Dispose()
    {
        _isEnding = true;
        // The reader waits in the kernel for a record: it gets one.
        _ = WriteMarker(MarkerPrefix + "end");
        _reader.Join();
        _log.Dispose();
    }

    /// <summary>Each through a descriptor of its own: the kernel takes at most ten in 5 s from one.</summary>
    private static (long Before, long After) WriteMarker(string text)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text + "\n");
        using var log = new FileStream(
            "/dev/kmsg", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        long before = Stopwatch.GetTimestamp();
        log.Write(bytes);
        return (before, Stopwatch.GetTimestamp());
    }

    private void Read()
    {
        byte[] buffer = new byte[MaxRecordBytes];
        while (!_isEnding)
        {
            int size = LinuxCalls.Read(_log, buffer);
            long now = Stopwatch.GetTimestamp();
            if (size > 0 && Parse(Encoding.UTF8.GetString(buffer, 0, size), now) is { } record)
            {
                _records.Writer.TryWrite(record);
            }
        }
    }

    /// <summary>From <c>PRIORITY,SEQUENCE,TIME,FLAGS;TEXT</c>.</summary>
    private static LogRecord? Parse(string record, long now)
    {
        const int timeField = 2;
        int semicolon = record.IndexOf(';', StringComparison.Ordinal);
        string[] fields = record[..Math.Max(semicolon, 0)].Split(',');
        return fields.Length > timeField
            ? new LogRecord(
                long.Parse(fields[timeField], CultureInfo.InvariantCulture), now,
                record[(semicolon + 1)..].Split('\n')[0])
            : null;
    }
}
