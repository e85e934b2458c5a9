using System.Text;
using Mono.Unix.Native;

namespace GuestAgent.Linux;

/// <summary>
/// Reads the small files of /proc and /sys with open, read and close and nothing else: no buffering stream, no
/// locks, no look-ups beside the path itself.
/// </summary>
internal static unsafe class SmallFile
{
    private const int MaxSizeBytes = 16 * 1024;

    /// <summary>The content as text without the trailing line end; null when it cannot be read.</summary>
    public static string? TryReadText(string path)
    {
        int file = OpenForReading(path);
        if (file < 0)
        {
            return null;
        }

        byte* buffer = stackalloc byte[MaxSizeBytes];
        long size = Syscall.read(file, buffer, MaxSizeBytes);
        _ = Syscall.close(file);
        return size < 0 ? null : Encoding.ASCII.GetString(buffer, (int)size).TrimEnd('\n', ' ');
    }

    /// <summary>The whole content; null when it cannot be read, and when it is longer than a limit.</summary>
    public static byte[]? TryReadBytes(string path, int maxBytes)
    {
        int file = OpenForReading(path, Libc.OpenNonBlocking);
        if (file < 0)
        {
            return null;
        }

        var content = new byte[Math.Min(maxBytes, MaxSizeBytes) + 1];
        int total = 0;
        long size;
        do
        {
            if (total == content.Length)
            {
                Array.Resize(ref content, Math.Min(content.Length * 4, maxBytes + 1));
            }

            fixed (byte* start = content)
            {
                size = Syscall.read(file, start + total, (ulong)(content.Length - total));
            }

            total += (int)Math.Max(size, 0);
        }
        while (size > 0 && total <= maxBytes);

        _ = Syscall.close(file);
        return size < 0 || total > maxBytes ? null : content[..total];
    }

    /// <summary>A descriptor for reading, close-on-exec; −1 when it cannot be opened (see errno).</summary>
    public static int OpenForReading(string path, int moreFlags = 0)
    {
        fixed (byte* bytes = Bytes(path))
        {
            return Libc.OpenAt(
                Libc.CurrentDirectory, bytes, Libc.OpenReadOnly | Libc.OpenCloseOnExec | moreFlags, mode: 0);
        }
    }

    /// <summary>Text as the NUL-terminated bytes of a system call.</summary>
    public static byte[] Bytes(string text) => [.. Encoding.UTF8.GetBytes(text), 0];
}
