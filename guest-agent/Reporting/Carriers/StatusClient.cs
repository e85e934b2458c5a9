using GuestAgent.Detection;
using GuestAgent.Inquiries;
using GuestAgent.Linux;
using Mono.Unix.Native;

namespace GuestAgent.Reporting.Carriers;

/// <summary>
/// One connection to the status socket: a line comes, an answer goes, and the connection ends. Whoever does not
/// write or does not read is dropped after <see cref="Patience"/>.
/// </summary>
internal sealed unsafe class StatusClient(int socket, long id, Moment now) : IDisposable
{
    /// <summary>How long a line may take to come, and an answer to be taken.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly byte[] _line = new byte[Inquiry.MaxLineBytes];
    private int _filled;
    private byte[]? _answer;
    private int _sent;
    private Moment? _dropAt = now + Patience;

    /// <summary>Names the client in inputs and effects; never used twice.</summary>
    public long Id { get; } = id;

    /// <summary>The descriptor to poll.</summary>
    public int FileDescriptor { get; } = socket;

    /// <summary>What to poll for: while the answer is worked out, only the other end's close.</summary>
    public short Events => (_answer, _dropAt) switch
    {
        (not null, _) => PollSet.Out,
        (null, not null) => PollSet.In,
        _ => 0,
    };

    /// <summary>When it is dropped; null while it is the agent that it waits for.</summary>
    public Moment? DropAt => _dropAt;

    /// <summary>Answered, gone, or too much for us.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Something happened on the descriptor. Returns the line, without its end, once it is whole.</summary>
    public ReadOnlyMemory<byte>? Turn()
    {
        if (_answer is not null)
        {
            Send();
            return null;
        }

        // What it sends after its line is not read; that it hung up shows as an event nobody asked for.
        IsOver = _dropAt is null;
        return IsOver ? null : Receive();
    }

    /// <summary>Gives the answer; what the socket does not take at once goes when it has room.</summary>
    public void Answer(byte[] answer, Moment now)
    {
        _answer = answer;
        _dropAt = now + Patience;
        Send();
    }

    public void Dispose() => _ = Syscall.close(FileDescriptor);

    private ReadOnlyMemory<byte>? Receive()
    {
        long size;
        fixed (byte* start = _line)
        {
            size = Syscall.read(FileDescriptor, start + _filled, (ulong)(_line.Length - _filled));
        }

        if (size <= 0)
        {
            IsOver = size == 0 || !LastErrno.IsForNow;
            return null;
        }

        _filled += (int)size;
        int end = _line.AsSpan(0, _filled).IndexOf((byte)'\n');
        if (end < 0)
        {
            IsOver = _filled == _line.Length;
            return null;
        }

        _dropAt = null;
        return _line.AsMemory(0, end);
    }

    private void Send()
    {
        fixed (byte* start = _answer)
        {
            nint size = Libc.SendTo(
                FileDescriptor, start + _sent, (nuint)(_answer!.Length - _sent), Libc.SendWithoutSignal, null, 0);
            if (size < 0)
            {
                IsOver = !LastErrno.IsForNow;
                return;
            }

            _sent += (int)size;
            IsOver = _sent == _answer.Length;
        }
    }
}
