using GuestAgent.Detection;
using Mono.Unix.Native;

namespace GuestAgent.Linux;

/// <summary>
/// This program again with other arguments, one process at a time, for what it prints until it ends: within a time and a
/// size. Nothing here waits, and one that is stuck in the kernel is left behind.
/// </summary>
/// <param name="limit">How long it may take.</param>
/// <param name="maxBytes">How much of its answer is kept.</param>
internal sealed unsafe class AnsweringChild(TimeSpan limit, int maxBytes) : IDisposable
{
    private const int ReadBytes = 4096;

    private readonly List<ChildProcess> _left = [];
    private readonly MemoryStream _answer = new();
    private ChildProcess? _process;
    private Moment _startedAt;

    /// <summary>To poll for POLLIN; −1 when none runs.</summary>
    public int FileDescriptor => _process?.Output ?? -1;

    /// <summary>When the one that runs has taken too long; null when none runs.</summary>
    public Moment? Due => _process is null ? null : _startedAt + limit;

    /// <summary>Whether one runs, or one that was left behind has not ended.</summary>
    public bool IsBusy
    {
        get
        {
            Reap();
            return _process is not null || _left.Count > 0;
        }
    }

    /// <summary>Starts one. Throws <see cref="IOException"/> when it cannot be started.</summary>
    public void Start(Moment now, params ReadOnlySpan<string> arguments)
    {
        _process = ChildProcess.StartSelf(arguments);
        _process.CloseInput();
        _startedAt = now;
        _answer.SetLength(0);
    }

    /// <summary>Takes what it prints. Whether it is over: it ended, took too long, or cannot be read.</summary>
    /// <param name="now">The time.</param>
    /// <param name="answer">All that it printed; null when it did not end.</param>
    public bool IsOver(Moment now, out byte[]? answer)
    {
        answer = null;
        Reap();
        if (_process is null)
        {
            return false;
        }

        byte* buffer = stackalloc byte[ReadBytes];
        long size;
        while ((size = Syscall.read(_process.Output, buffer, ReadBytes)) > 0)
        {
            if (_answer.Length + size <= maxBytes)
            {
                _answer.Write(new ReadOnlySpan<byte>(buffer, (int)size));
            }
        }

        bool hasEnded = size == 0;
        bool isUnreadable = size < 0 && !LastErrno.IsForNow;
        if (!hasEnded && !isUnreadable && now - _startedAt < limit)
        {
            return false;
        }

        _left.Add(_process);
        _process.Dispose();
        _process = null;
        answer = hasEnded ? _answer.ToArray() : null;
        return true;
    }

    public void Dispose()
    {
        _process?.Dispose();
        _answer.Dispose();
    }

    private void Reap() => _left.RemoveAll(child => child.TryReap() is not null);
}
