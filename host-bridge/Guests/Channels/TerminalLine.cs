using System.IO.Pipelines;
using System.Runtime.InteropServices;
using Libc = HostBridge.Storage.Libc;

namespace HostBridge.Guests.Channels;

/// <summary>
/// The pseudo-terminal of a channel with <c>connection=pty</c>: raw, without echo, not waited for. A thread of its own
/// sits in poll(2), as the runtime has no asynchronous reading of terminals; a socket needs none.
/// </summary>
internal sealed partial class TerminalLine : ChannelLine
{
    private const int OpenReadWrite = 2;
    private const int OpenNoControllingTerminal = 0x100;
    private const int TermiosBytes = 128; // struct termios has 60
    private const int StackBytes = 128 * 1024;
    private const int LookMilliseconds = 500;

    private static readonly int OpenNoFollow =
        RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x8000 : 0x20000;

    private readonly int _file;
    private readonly Pipe _pipe = new(new PipeOptions(
        pauseWriterThreshold: BufferBytes, resumeWriterThreshold: BufferBytes / 2, useSynchronizationContext: false));

    private readonly string _path;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isClosed;

    private TerminalLine(int file, string path)
    {
        (_file, _path) = (file, path);
        new Thread(ReadOn, StackBytes) { IsBackground = true, Name = "channel" }.Start();
    }

    /// <inheritdoc/>
    public override PipeReader Input => _pipe.Reader;

    /// <summary>Opens it; throws <see cref="IOException"/>.</summary>
    public static unsafe TerminalLine Open(string path)
    {
        int flags = OpenReadWrite | OpenNoControllingTerminal | OpenNoFollow | Libc.OpenNonBlocking
            | Libc.OpenCloseOnExec;
        int file = Libc.Open(path, flags, 0);
        if (file < 0)
        {
            throw new IOException($"{path} cannot be opened: {Libc.NameOf(Marshal.GetLastPInvokeError())}");
        }

        byte* termios = stackalloc byte[TermiosBytes];
        if (Settings(file, termios) == 0)
        {
            MakeRaw(termios);
            if (SetSettings(file, 0, termios) == 0)
            {
                return new TerminalLine(file, path);
            }
        }

        int errno = Marshal.GetLastPInvokeError();
        _ = Libc.Close(file);
        throw new IOException($"{path} cannot be made raw: {Libc.NameOf(errno)}");
    }

    /// <summary>
    /// What the terminal does not take now is lost: so few bytes are ever under way that it has room, or nobody reads.
    /// </summary>
    public override unsafe ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        fixed (byte* start = bytes.Span)
        {
            if (Libc.Write(_file, start, (nuint)bytes.Length) < 0
                && Marshal.GetLastPInvokeError() is not (Libc.TryAgain or Libc.Interrupted))
            {
                throw new IOException($"{_path} hung up");
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        _isClosed = true;
        _pipe.Writer.CancelPendingFlush();
        await _ended.Task.ConfigureAwait(false);
        _ = Libc.Close(_file);
    }

    private unsafe void ReadOn()
    {
        Exception? end = null;
        while (!_isClosed)
        {
            var entry = new Libc.PollEntry { File = _file, Events = Libc.PollIn };
            if (Libc.Poll(&entry, 1, LookMilliseconds) <= 0)
            {
                continue;
            }

            Span<byte> buffer = _pipe.Writer.GetSpan();
            nint size;
            fixed (byte* start = buffer)
            {
                size = Libc.Read(_file, start, (nuint)buffer.Length);
            }

            if (size > 0)
            {
                _pipe.Writer.Advance((int)size);
                if (_pipe.Writer.FlushAsync().AsTask().GetAwaiter().GetResult().IsCompleted)
                {
                    break;
                }
            }
            else if (size == 0 || Marshal.GetLastPInvokeError() is not (Libc.TryAgain or Libc.Interrupted))
            {
                end = new IOException($"{_path} hung up");
                break;
            }
        }

        _pipe.Writer.Complete(end);
        _ended.SetResult();
    }

    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    private static unsafe partial int Settings(int file, byte* termios);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    private static unsafe partial int SetSettings(int file, int when, byte* termios);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static unsafe partial void MakeRaw(byte* termios);
}
