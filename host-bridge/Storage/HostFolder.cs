using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace HostBridge.Storage;

/// <summary>
/// A folder of sysfs that is open: its files are reached by short paths from there, which costs a fraction of the long
/// way through links, and stays with the same device when a name is given to another meanwhile.
/// </summary>
internal sealed unsafe class HostFolder : IDisposable
{
    private const int MaxSizeBytes = 4096;

    // struct dirent of 64-bit Linux: inode, offset, length, type, name.
    private const int EntryNameOffset = 19;

    private readonly int _folder;

    private HostFolder(int folder) => _folder = folder;

    /// <summary>Opens a folder; null when it is not there.</summary>
    public static HostFolder? TryOpen(string path)
    {
        int folder = Libc.Open(path, Libc.OpenPath | Libc.OpenDirectory | Libc.OpenCloseOnExec, mode: 0);
        return folder < 0 ? null : new HostFolder(folder);
    }

    /// <summary>
    /// The content of a file as text without the line end; null when it cannot be read, which on a half-removed
    /// device may be any error.
    /// </summary>
    /// <param name="path">Relative to the folder; a literal, as it must end with a NUL.</param>
    public string? TryRead(ReadOnlySpan<byte> path)
    {
        Span<byte> buffer = stackalloc byte[MaxSizeBytes];
        return TryRead(path, buffer) is { } size
            ? Encoding.ASCII.GetString(buffer[..size].TrimEnd("\n \0"u8))
            : null;
    }

    /// <summary>The content as bytes; null when it cannot be read.</summary>
    public byte[]? TryReadBytes(ReadOnlySpan<byte> path)
    {
        Span<byte> buffer = stackalloc byte[MaxSizeBytes];
        return TryRead(path, buffer) is { } size ? buffer[..size].ToArray() : null;
    }

    /// <summary>A number; null when it cannot be read or is none.</summary>
    public long? TryReadNumber(ReadOnlySpan<byte> path)
        => long.TryParse(TryRead(path), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            ? number
            : null;

    /// <summary>0 or 1; null for anything else.</summary>
    public bool? TryReadSwitch(ReadOnlySpan<byte> path)
        => TryRead(path) switch
        {
            "0" => false,
            "1" => true,
            _ => null,
        };

    /// <summary>The names in a folder, in their order; none when it cannot be listed.</summary>
    public IReadOnlyList<string> Names(ReadOnlySpan<byte> path)
    {
        int file = OpenAt(path, Libc.OpenDirectory);
        nint entries = file < 0 ? 0 : Libc.OpenEntries(file);
        if (entries == 0)
        {
            _ = file < 0 ? 0 : Libc.Close(file);
            return [];
        }

        var names = new List<string>();
        while (Libc.ReadEntry(entries) is var entry && entry != 0)
        {
            string name = Marshal.PtrToStringUTF8(entry + EntryNameOffset)!;
            if (name is not ("." or ".."))
            {
                names.Add(name);
            }
        }

        _ = Libc.CloseEntries(entries);
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    public void Dispose() => _ = Libc.Close(_folder);

    private int? TryRead(ReadOnlySpan<byte> path, Span<byte> buffer)
    {
        int file = OpenAt(path, Libc.OpenNonBlocking);
        if (file < 0)
        {
            return null;
        }

        nint size;
        fixed (byte* start = buffer)
        {
            do
            {
                size = Libc.Read(file, start, (nuint)buffer.Length);
            }
            while (size < 0 && Marshal.GetLastPInvokeError() == Libc.Interrupted);
        }

        _ = Libc.Close(file);
        return size < 0 ? null : (int)size;
    }

    private int OpenAt(ReadOnlySpan<byte> path, int flags)
    {
        fixed (byte* bytes = path)
        {
            return Libc.OpenAt(_folder, bytes, Libc.OpenReadOnly | Libc.OpenCloseOnExec | flags, mode: 0);
        }
    }
}
