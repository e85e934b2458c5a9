using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using HostBridge.Recovery;

namespace HostBridge.Storage;

/// <summary>
/// Reads the small files of /sys and /proc with open, read and close and nothing else. They are found under a root,
/// normally <c>/</c>; tests put a folder of their own in its place, so that no reader needs a mock.
/// </summary>
/// <param name="root">The root.</param>
internal sealed unsafe class HostFiles(string root)
{
    private const int MaxSizeBytes = 4096;
    private const int MaxLinkBytes = 4096;

    private readonly string _root = root.TrimEnd('/');

    /// <summary>A path under <c>/sys</c>.</summary>
    public string Sys(string path) => $"{_root}/sys/{path}";

    /// <summary>A path under <c>/proc</c>.</summary>
    public string Proc(string path) => $"{_root}/proc/{path}";

    /// <summary>The path of a block device in sysfs.</summary>
    public string Block(DeviceNumber device) => $"{_root}/sys/dev/block/{device}";

    /// <summary>
    /// The content as text without the line end; null when it cannot be read, which on a half-removed device may be
    /// any error.
    /// </summary>
    public static string? TryRead(string path)
    {
        Span<byte> buffer = stackalloc byte[MaxSizeBytes];
        return TryRead(path, buffer, out int size)
            ? Encoding.ASCII.GetString(buffer[..size].TrimEnd("\n \0"u8))
            : null;
    }

    /// <summary>A number; null when it cannot be read or is none.</summary>
    public static long? TryReadNumber(string path)
        => long.TryParse(TryRead(path), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            ? number
            : null;

    /// <summary>Where a link leads to, as it is written there; null when it is not there.</summary>
    public static string? TryReadLink(string path)
    {
        byte* buffer = stackalloc byte[MaxLinkBytes];
        nint size = Libc.ReadLink(path, buffer, MaxLinkBytes);
        return size < 0 ? null : Encoding.UTF8.GetString(buffer, (int)size);
    }

    /// <summary>The names in a folder, in their order; none when it cannot be listed.</summary>
    public static IReadOnlyList<string> Names(string folder)
    {
        try
        {
            return
            [
                .. Directory.EnumerateFileSystemEntries(folder).Select(path => Path.GetFileName(path)!)
                    .Order(StringComparer.Ordinal),
            ];
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static bool TryRead(string path, Span<byte> buffer, out int size)
    {
        size = 0;
        int file = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenCloseOnExec | Libc.OpenNonBlocking, mode: 0);
        if (file < 0)
        {
            return false;
        }

        nint read;
        fixed (byte* start = buffer)
        {
            do
            {
                read = Libc.Read(file, start, (nuint)buffer.Length);
            }
            while (read < 0 && Marshal.GetLastPInvokeError() == Libc.Interrupted);
        }

        _ = Libc.Close(file);
        size = (int)Math.Max(0, read);
        return read >= 0;
    }
}
