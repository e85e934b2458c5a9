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
    private const int MaxAttempts = 16;

    /// <summary>So many in a row that are none, and it is another device that gives bytes for ever.</summary>
    private const int MaxMalformed = 64;

    /// <summary>The most records taken in one turn: a flood must not keep anyone from looking.</summary>
    private const int RecordsPerTurn = 4096;

    private readonly byte[] _record = new byte[RecordBytes];
    private readonly string _path;

    /// <summary>The size of a record that is in the buffer already; 0 for none.</summary>
    private int _filled;

    private int _malformed;

    private KernelLog(int fileDescriptor, string path) => (FileDescriptor, _path) = (fileDescriptor, path);

    /// <summary>To poll for POLLIN; −1, which poll(2) passes over, while it cannot be read.</summary>
    public int FileDescriptor { get; private set; }

    /// <summary>Why it is not read any more, for a person; null while it is.</summary>
    public string? Trouble { get; private set; }

    /// <summary>
    /// Null where there is no such log, no privilege for it, or nothing to read in it (EINVAL before Linux 3.5, where it
    /// opens and polls readable for ever): the poll does without.
    /// </summary>
    public static KernelLog? TryOpen(string path = "/dev/kmsg")
    {
        int file = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenNonBlocking | Libc.OpenCloseOnExec, mode: 0);
        if (file < 0)
        {
            return null;
        }

        var log = new KernelLog(file, path);
        _ = log.Fill();
        return log.Trouble is null ? log : null;
    }

    /// <summary>The records that are there now.</summary>
    public IReadOnlyList<KernelRecord> Read()
    {
        var records = new List<KernelRecord>();
        for (int i = 0; i < RecordsPerTurn && (_filled > 0 || Fill()); i++)
        {
            KernelRecord? record = KernelRecord.Parse(_record.AsSpan(0, _filled));
            _filled = 0;
            _malformed = record is null ? _malformed + 1 : 0;
            if (_malformed == MaxMalformed)
            {
                Lose("no records");
            }
            else if (record is { } parsed)
            {
                records.Add(parsed);
            }
        }

        return records;
    }

    /// <summary>Opens it again where it could not be read any more, and reads what comes from now on.</summary>
    public void TryReopen()
    {
        if (Trouble is null)
        {
            return;
        }

        FileDescriptor = Libc.Open(_path, Libc.OpenReadOnly | Libc.OpenNonBlocking | Libc.OpenCloseOnExec, mode: 0);
        if (FileDescriptor >= 0 && Libc.Seek(FileDescriptor, 0, Libc.SeekEnd) >= 0)
        {
            Trouble = null;
            _ = Fill();
        }
        else
        {
            Dispose();
        }
    }

    public void Dispose()
    {
        if (FileDescriptor >= 0)
        {
            _ = Libc.Close(FileDescriptor);
            FileDescriptor = -1;
        }
    }

    /// <summary>
    /// Reads one record into the buffer; false when none is there now. A log that cannot be read is readable for ever:
    /// it is closed.
    /// </summary>
    private bool Fill()
    {
        if (FileDescriptor < 0)
        {
            return false;
        }

        nint size = -1;
        int errno = 0;
        fixed (byte* start = _record)
        {
            for (int attempt = 0; attempt < MaxAttempts && size < 0; attempt++)
            {
                // EPIPE: records were overwritten, and the next read gives the oldest that is left.
                size = Libc.Read(FileDescriptor, start, RecordBytes);
                errno = size < 0 ? Marshal.GetLastPInvokeError() : 0;
                if (errno is not (Libc.BrokenPipe or Libc.Interrupted))
                {
                    break;
                }
            }
        }

        if (size <= 0 && errno != Libc.TryAgain)
        {
            Lose(size == 0 ? "end of file" : Libc.NameOf(errno));
        }

        _filled = (int)Math.Max(size, 0);
        return size > 0;
    }

    private void Lose(string reason)
    {
        (Trouble, _malformed) = ($"{_path} cannot be read any more ({reason})", 0);
        Dispose();
    }
}
