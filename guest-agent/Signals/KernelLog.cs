using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Signals.Parsing;
using Mono.Unix.Native;

namespace GuestAgent.Signals;

/// <summary>
/// The kernel log through <c>/dev/kmsg</c>, from the oldest record that is still there: an abort of this boot may
/// be older than the agent. Proves that the kernel said so. It lies by silence (a line may be lost, suppressed or
/// never written) and by repetition of old errors, which <see cref="Protocol.Kernel.FilesystemLines"/> leaves out. One
/// read gives one record; a gap in the sequence says that records were overwritten before they were read. Before Linux
/// 3.5 it can be opened and polls readable for ever, but has no read (drivers/char/mem.c, kmsg_fops): EINVAL.
/// </summary>
internal sealed unsafe class KernelLog : IDisposable
{
    private const int RecordBytes = 8192;
    private const int MaxAttempts = 16;

    /// <summary>So many in a row that are none, and it is another device that gives bytes for ever.</summary>
    private const int MaxMalformed = 64;

    /// <summary>The most records to take in one turn: a flood must not keep the loop from judging.</summary>
    public const int RecordsPerTurn = 512;

    /// <summary>More than a kernel log of the usual size can hold: for the first look, which reads it all.</summary>
    public const int AllRecords = 1_000_000;

    /// <summary>The sequence that the next record must bear; null before the first.</summary>
    private long? _expected;

    private readonly byte[] _record = new byte[RecordBytes];

    /// <summary>It was opened again: it begins with records that were read already.</summary>
    private bool _isResumed;

    /// <summary>The size of a record that is in the buffer already; 0 for none.</summary>
    private int _filled;

    private int _malformed;

    private KernelLog(int fileDescriptor) => FileDescriptor = fileDescriptor;

    /// <summary>To poll for POLLIN.</summary>
    public int FileDescriptor { get; }

    /// <summary>How many records were overwritten before they could be read.</summary>
    public long LostRecords { get; private set; }

    /// <summary>The greatest number of a last-resort line of this boot, by whatever agent; 0 for none.</summary>
    public int LastResortLines { get; private set; }

    /// <summary>
    /// Why it can be read no longer; null while it can. It polls readable for ever then and must leave the poll set.
    /// </summary>
    public string? Trouble { get; private set; }

    /// <summary>
    /// Null, with the reason, where there is no /dev/kmsg, no privilege for it, or nothing to read in it: the probe does
    /// without. Only a read tells: it opens, seeks and polls also where it cannot be read.
    /// </summary>
    /// <param name="paths">Where /dev is.</param>
    /// <param name="reason">An errno's name, or what was read; null when it can be read.</param>
    /// <param name="after">The log that was read until now, whose records are not read again; null for all.</param>
    public static KernelLog? TryOpen(PathRoot paths, out string? reason, KernelLog? after = null)
    {
        int file = SmallFile.OpenForReading(paths.Dev("kmsg"), Libc.OpenNonBlocking);
        if (file < 0)
        {
            reason = LastErrno.Name;
            return null;
        }

        var log = new KernelLog(file)
        {
            _expected = after?._expected,
            _isResumed = after?._expected is not null,
            LostRecords = after?.LostRecords ?? 0,
            LastResortLines = after?.LastResortLines ?? 0,
        };
        log.Fill();
        reason = log.Trouble;
        if (reason is null)
        {
            return log;
        }

        log.Dispose();
        return null;
    }

    /// <summary>The lines that are there now and that speak of a filesystem.</summary>
    public List<KernelLine> Read(int maxRecords)
    {
        var lines = new List<KernelLine>();
        for (int i = 0; i < maxRecords && (_filled > 0 || Fill()); i++)
        {
            ReadOnlySpan<byte> bytes = _record.AsSpan(0, _filled);
            _filled = 0;
            KernelRecord? parsed = KernelLogParser.ParseRecord(bytes);
            _malformed = parsed is null ? _malformed + 1 : 0;
            if (_malformed == MaxMalformed)
            {
                Trouble = "no records";
                break;
            }

            if (parsed is { } record && IsNew(record))
            {
                Count(record);
                if (record.Facility != 0)
                {
                    LastResortLines = Math.Max(LastResortLines, KernelLogParser.LastResortNumber(bytes));
                }

                if (KernelLogParser.Understand(record) is { } line)
                {
                    lines.Add(line);
                }
            }
        }

        return lines;
    }

    public void Dispose() => _ = Syscall.close(FileDescriptor);

    /// <summary>
    /// Reads one record into the buffer; false when none is there now, or ever (<see cref="Trouble"/>).
    /// </summary>
    private bool Fill()
    {
        long size = -1;
        fixed (byte* start = _record)
        {
            for (int attempt = 0; attempt < MaxAttempts; attempt++)
            {
                // EPIPE: records were overwritten; the next one's sequence tells how many.
                size = Syscall.read(FileDescriptor, start, RecordBytes);
                if (size >= 0 || LastErrno.Name is not ("EPIPE" or "EINTR"))
                {
                    break;
                }
            }
        }

        if (size > 0)
        {
            _filled = (int)size;
            return true;
        }

        // A log has no end: /dev/null, which some containers put in its place, has.
        Trouble = size == 0 ? "end of file" : LastErrno.IsForNow ? null : LastErrno.Name;
        return false;
    }

    /// <summary>Records of before a log was opened again were read then.</summary>
    private bool IsNew(KernelRecord record) => !_isResumed || record.Sequence >= _expected;

    private void Count(KernelRecord record)
    {
        LostRecords += Math.Max(0, record.Sequence - (_expected ?? record.Sequence));
        _expected = record.Sequence + 1;
    }
}
