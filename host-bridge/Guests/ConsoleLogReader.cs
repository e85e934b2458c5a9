using HostBridge.Guests.Parsing;
using HostBridge.Recovery;
using HostBridge.Storage;
using Microsoft.Win32.SafeHandles;

namespace HostBridge.Guests;

/// <summary>
/// Follows one console log, as xenconsoled and logrotate leave it: it may be renamed and made anew, copied and
/// truncated, absent for a while. It is opened once and kept open, so that the end of a renamed one is read too.
/// </summary>
/// <param name="path">The log.</param>
internal sealed class ConsoleLogReader(string path) : IDisposable
{
    /// <summary>What is read of a log that was there already: the last boot, as a rule.</summary>
    public const int TailBytes = 64 * 1024;

    /// <summary>The most that is read of one guest at a time; of what it wrote beyond, the newest counts.</summary>
    public const int MaxTurnBytes = 256 * 1024;

    private readonly ConsoleText _text = new();
    private SafeFileHandle? _file;
    private string? _openedAs;
    private long _offset;
    private bool _hasBeenOpened;

    /// <summary>Whether there is such a log now, as far as the last reading found.</summary>
    public bool IsOpen => _file is not null;

    /// <summary>What was written since the last time. Throws <see cref="IOException"/> when it cannot be read.</summary>
    public IReadOnlyList<ConsoleSign> Read()
    {
        var signs = new List<ConsoleSign>();
        if (_file is null && !TryOpen())
        {
            return signs;
        }

        signs.AddRange(ReadOn());
        if (HostFiles.TryReadLink(LinkOf(_file!)) != _openedAs)
        {
            // Renamed or removed, and read to its end: the next one is a file of its own.
            Close();
            if (TryOpen())
            {
                signs.AddRange(ReadOn());
            }
        }

        return signs;
    }

    public void Dispose() => _file?.Dispose();

    private bool TryOpen()
    {
        try
        {
            _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            // It was not there: whatever it will hold was written from now on.
            _hasBeenOpened = true;
            return false;
        }

        _openedAs = HostFiles.TryReadLink(LinkOf(_file));
        long length = RandomAccess.GetLength(_file);
        bool isTail = !_hasBeenOpened && length > TailBytes;
        _offset = isTail ? length - TailBytes : 0;
        _text.Interrupt(isTail);
        _hasBeenOpened = true;
        return true;
    }

    private List<ConsoleSign> ReadOn()
    {
        long length = RandomAccess.GetLength(_file!);
        if (length < _offset)
        {
            _offset = 0;
            _text.Interrupt(isWithinLine: false);
        }
        else if (length - _offset > MaxTurnBytes)
        {
            _offset = length - MaxTurnBytes;
            _text.Interrupt(isWithinLine: true);
        }

        var signs = new List<ConsoleSign>();
        byte[] buffer = new byte[Math.Min(MaxTurnBytes, (int)(length - _offset))];
        while (_offset < length && RandomAccess.Read(_file!, buffer, _offset) is var size && size > 0)
        {
            signs.AddRange(_text.Take(buffer.AsSpan(0, size)));
            _offset += size;
        }

        return signs;
    }

    private void Close()
    {
        _file?.Dispose();
        _file = null;
    }

    private static string LinkOf(SafeFileHandle file) => $"/proc/self/fd/{file.DangerousGetHandle()}";
}
