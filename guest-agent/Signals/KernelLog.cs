using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Signals.Parsing;
using Mono.Unix.Native;

namespace GuestAgent.Signals;

/// <summary>
/// The kernel log through <c>/dev/kmsg</c>, from the oldest record that is still there: an abort of this boot may
/// be older than the agent. Proves that the kernel said so. It lies by silence (a line may be lost, suppressed or
/// never written) and by repetition of old errors, which <see cref="Protocol.Kernel.FilesystemLines"/> leaves out. One read gives one
/// record; a gap in the sequence says that records were overwritten before they were read.
/// </summary>
internal sealed unsafe class KernelLog : IDisposable
{
    private const int RecordBytes = 8192;

    /// <summary>The most records to take in one turn: a flood must not keep the loop from judging.</summary>
    public const int RecordsPerTurn = 512;

    /// <summary>More than a kernel log of the usual size can hold: for the first look, which reads it all.</summary>
    public const int AllRecords = 1_000_000;

    /// <summary>The sequence that the next record must bear; null before the first.</summary>
    private long? _expected;

    private readonly byte[] _record = new byte[RecordBytes];

    private KernelLog(int fileDescriptor) => FileDescriptor = fileDescriptor;

    /// <summary>To poll for POLLIN.</summary>
    public int FileDescriptor { get; }

    /// <summary>How many records were overwritten before they could be read.</summary>
    public long LostRecords { get; private set; }

    /// <summary>The greatest number of a last-resort line of this boot, by whatever agent; 0 for none.</summary>
    public int LastResortLines { get; private set; }

    /// <summary>Null where there is no /dev/kmsg or no privilege for it: the probe does without.</summary>
    public static KernelLog? TryOpen(PathRoot paths)
    {
        int file = SmallFile.OpenForReading(paths.Dev("kmsg"), Libc.OpenNonBlocking);
        return file < 0 ? null : new KernelLog(file);
    }

    /// <summary>The lines that are there now and that speak of a filesystem.</summary>
    public List<KernelLine> Read(int maxRecords)
    {
        var lines = new List<KernelLine>();
        fixed (byte* start = _record)
        {
            for (int i = 0; i < maxRecords; i++)
            {
                long size = Syscall.read(FileDescriptor, start, RecordBytes);
                if (size < 0 && LastErrno.Name == "EPIPE")
                {
                    // The next record's sequence tells how many are gone.
                    continue;
                }

                if (size <= 0)
                {
                    break;
                }

                if (KernelLogParser.ParseRecord(_record.AsSpan(0, (int)size)) is { } record)
                {
                    Count(record);
                    if (record.Facility != 0)
                    {
                        int number = KernelLogParser.LastResortNumber(_record.AsSpan(0, (int)size));
                        LastResortLines = Math.Max(LastResortLines, number);
                    }

                    if (KernelLogParser.Understand(record) is { } line)
                    {
                        lines.Add(line);
                    }
                }
            }
        }

        return lines;
    }

    public void Dispose() => _ = Syscall.close(FileDescriptor);

    private void Count(KernelRecord record)
    {
        LostRecords += Math.Max(0, record.Sequence - (_expected ?? record.Sequence));
        _expected = record.Sequence + 1;
    }
}
