using System.Runtime.InteropServices;
using HostBridge.Storage.Parsing;

namespace HostBridge.Storage;

/// <summary>
/// The kernel's log through <c>/dev/kmsg</c>, from the oldest record that is still there: what the storage did before
/// the bridge started counts too. One read gives one record; EPIPE says that records were overwritten unread.
/// </summary>
internal sealed unsafe class KernelLog : IDisposable
{
    private const int RecordBytes = 8192;

    /// <summary>The most records taken in one turn: a flood must not keep anyone from looking.</summary>
    private const int RecordsPerTurn = 4096;

    private readonly byte[] _record = new byte[RecordBytes];

    private KernelLog(int fileDescriptor) => FileDescriptor = fileDescriptor;

    /// <summary>To poll for POLLIN.</summary>
    public int FileDescriptor { get; }

    /// <summary>Null where there is no such log or no privilege for it: the poll does without.</summary>
    public static KernelLog? TryOpen(string path = "/dev/kmsg")
    {
        int file = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenNonBlocking | Libc.OpenCloseOnExec, mode: 0);
        return file < 0 ? null : new KernelLog(file);
    }

    /// <summary>The records that are there now.</summary>
    public IReadOnlyList<KernelRecord> Read()
    {
        var records = new List<KernelRecord>();
        fixed (byte* start = _record)
        {
            for (int i = 0; i < RecordsPerTurn; i++)
            {
                nint size = Libc.Read(FileDescriptor, start, RecordBytes);
                if (size < 0 && Marshal.GetLastPInvokeError() is Libc.BrokenPipe or Libc.Interrupted)
                {
                    continue;
                }

                if (size <= 0)
                {
                    break;
                }

                if (KernelRecord.Parse(_record.AsSpan(0, (int)size)) is { } record)
                {
                    records.Add(record);
                }
            }
        }

        return records;
    }

    public void Dispose() => _ = Libc.Close(FileDescriptor);
}
