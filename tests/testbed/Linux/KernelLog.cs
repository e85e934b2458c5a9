using System.Text;

namespace Testbed.Linux;

/// <summary>The machine's kernel log (<c>/dev/kmsg</c>), from the moment it was opened.</summary>
public sealed class KernelLog : IDisposable
{
    private const int MaxRecordBytes = 8192;

    private readonly LinuxCalls.Descriptor _log;
    private readonly byte[] _buffer = new byte[MaxRecordBytes];

    private KernelLog(LinuxCalls.Descriptor log) => _log = log;

    /// <summary>Opens the log behind its last line.</summary>
    public static KernelLog OpenAtEnd()
    {
        LinuxCalls.Descriptor log = LinuxCalls.Open("/dev/kmsg", LinuxCalls.ReadOnly | LinuxCalls.NonBlocking);
        LinuxCalls.SeekToEnd(log);
        return new KernelLog(log);
    }

    /// <summary>
    /// The next line that the kernel itself wrote, without its prefix; null when there is none now. Lines that
    /// processes put there (syslog facility other than 0) are passed over.
    /// </summary>
    public string? ReadLine()
    {
        while (true)
        {
            int count = LinuxCalls.Read(_log, _buffer);
            if (count == -LinuxCalls.EAgain)
            {
                return null;
            }

            if (count == -LinuxCalls.EPipe)
            {
                continue;
            }

            if (count < 0)
            {
                throw new IOException($"read /dev/kmsg: errno {-count}");
            }

            if (KernelLine(Encoding.UTF8.GetString(_buffer, 0, count)) is { } line)
            {
                return line;
            }
        }
    }

    /// <summary>Closes it.</summary>
    public void Dispose() => _log.Dispose();

    /// <summary>
    /// From <c>PRIORITY,SEQUENCE,TIME,FLAGS;TEXT\n NAME=VALUE\n</c>. A priority below 8 is a level of facility 0.
    /// </summary>
    private static string? KernelLine(string record)
    {
        const int Levels = 8;
        int comma = record.IndexOf(',', StringComparison.Ordinal);
        int text = record.IndexOf(';', StringComparison.Ordinal) + 1;
        bool fromKernel = comma > 0 && text > 0
            && int.TryParse(record.AsSpan(0, comma), out int priority) && priority < Levels;
        return fromKernel ? record[text..].Split('\n')[0] : null;
    }
}
