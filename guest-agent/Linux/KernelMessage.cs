using System.Text;
using Mono.Unix.Native;

namespace GuestAgent.Linux;

/// <summary>
/// The way into the kernel log, opened at the start. What is written there reaches the consoles by its level, when
/// the root is dead and nothing else is left.
/// </summary>
internal sealed unsafe class KernelMessage : IDisposable
{
    /// <summary>KERN_CRIT: printed on consoles also when the kernel was booted with <c>quiet</c>.</summary>
    private const string Level = "<2>";

    private readonly int _file;

    public KernelMessage(PathRoot paths)
    {
        fixed (byte* bytes = SmallFile.Bytes(paths.Dev("kmsg")))
        {
            const int flags = Libc.OpenWriteOnly | Libc.OpenNonBlocking | Libc.OpenCloseOnExec;
            _file = Libc.OpenAt(Libc.CurrentDirectory, bytes, flags, mode: 0);
        }
    }

    /// <summary>Writes one line, as one record; whether that worked.</summary>
    public bool TryWrite(string line)
    {
        byte[] record = Encoding.ASCII.GetBytes($"{Level}{line}\n");
        fixed (byte* start = record)
        {
            return _file >= 0 && Syscall.write(_file, start, (ulong)record.Length) == record.Length;
        }
    }

    public void Dispose() => _ = _file >= 0 ? Syscall.close(_file) : 0;
}
