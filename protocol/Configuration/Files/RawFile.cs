using System.Runtime.InteropServices;
using System.Text;

namespace Protocol.Configuration.Files;

/// <summary>
/// A file with open, read and close and nothing else. The streams of the library also take an advisory lock, by which
/// anybody who may read the file could keep others from it, and hide some errnos behind others.
/// </summary>
internal static unsafe partial class RawFile
{
    private const int ReadOnly = 0; // O_RDONLY
    private const int CloseOnExec = 0x80000; // O_CLOEXEC
    private const int NoControllingTerminal = 0x100; // O_NOCTTY
    private const int Interrupted = 4; // EINTR

    /// <summary>Reads a file from its beginning until the buffer is full.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="buffer">Takes the bytes.</param>
    /// <param name="size">How many there were.</param>
    /// <returns>0, or the errno; then the bytes that were read before count for nothing.</returns>
    public static int Read(string path, Span<byte> buffer, out int size)
    {
        size = 0;
        int file;
        fixed (byte* name = (byte[])[.. Encoding.UTF8.GetBytes(path), 0])
        {
            file = Open(name, ReadOnly | CloseOnExec | NoControllingTerminal);
        }

        if (file < 0)
        {
            return Marshal.GetLastPInvokeError();
        }

        int errno = 0;
        fixed (byte* start = buffer)
        {
            while (size < buffer.Length)
            {
                nint read = Read(file, start + size, (nuint)(buffer.Length - size));
                errno = read < 0 ? Marshal.GetLastPInvokeError() : 0;
                if (read == 0 || (errno != 0 && errno != Interrupted))
                {
                    break;
                }

                size += (int)Math.Max(read, 0);
            }
        }

        _ = Close(file);
        return errno;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    private static partial int Open(byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int file, byte* buffer, nuint size);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
