using Mono.Unix.Native;

namespace GuestAgent.Linux;

/// <summary>
/// A terminal device used as a line of bytes: raw, without echo, never waited for, and never this program's
/// controlling terminal — a service leads its session and would get one by opening it.
/// </summary>
internal sealed unsafe class Terminal : IDisposable
{
    private const int TermiosBytes = 128;
    private const int ControlFlagsOffset = 8; // c_cflag, the third of four 32-bit words
    private const uint IgnoreModemLines = 0x800; // CLOCAL, asm-generic/termbits.h
    private const int AtOnce = 0; // TCSANOW

    private Terminal(int fileDescriptor) => FileDescriptor = fileDescriptor;

    /// <summary>To poll for POLLIN.</summary>
    public int FileDescriptor { get; }

    /// <summary>Opens a device; null, with the reason for people, when it cannot be opened or is no terminal.</summary>
    public static Terminal? TryOpen(string path, out string? reason)
    {
        const int flags = Libc.OpenReadWrite | Libc.OpenNoControllingTerminal | Libc.OpenNonBlocking
            | Libc.OpenCloseOnExec;
        int file;
        fixed (byte* bytes = SmallFile.Bytes(path))
        {
            file = Libc.OpenAt(Libc.CurrentDirectory, bytes, flags, mode: 0);
        }

        if (file < 0)
        {
            reason = $"{path} cannot be opened ({LastErrno.Name})";
            return null;
        }

        byte* termios = stackalloc byte[TermiosBytes];
        if (Libc.TerminalSettings(file, termios) != 0)
        {
            reason = $"{path} is no terminal ({LastErrno.Name})";
            _ = Syscall.close(file);
            return null;
        }

        Libc.MakeRaw(termios);
        *(uint*)(termios + ControlFlagsOffset) |= IgnoreModemLines;
        reason = Libc.SetTerminalSettings(file, AtOnce, termios) == 0
            ? null
            : $"{path} cannot be made raw ({LastErrno.Name})";
        var terminal = new Terminal(file);
        if (reason is not null)
        {
            terminal.Dispose();
            return null;
        }

        return terminal;
    }

    /// <summary>Reads what is there; 0 when nothing is, −1 after a hang-up.</summary>
    public int Read(Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            long size = Syscall.read(FileDescriptor, start, (ulong)buffer.Length);
            return size > 0 ? (int)size : size < 0 && LastErrno.IsForNow ? 0 : -1;
        }
    }

    /// <summary>Writes what is taken now, perhaps nothing; −1 after a hang-up.</summary>
    public int Write(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            long size = Syscall.write(FileDescriptor, start, (ulong)bytes.Length);
            return size >= 0 ? (int)size : LastErrno.IsForNow ? 0 : -1;
        }
    }

    public void Dispose() => _ = Syscall.close(FileDescriptor);
}
