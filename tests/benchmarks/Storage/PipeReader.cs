using System.Diagnostics;

namespace Benchmarks.Storage;

/// <summary>The peer of the watch on the kernel's log: a thread that waits in read(2) on a pipe and does nothing else.</summary>
internal sealed class PipeReader : IDisposable
{
    private readonly FileStream _pipe;
    private readonly SemaphoreSlim _isRead = new(0);
    private long _readAt;

    /// <param name="path">Where the pipe is made.</param>
    public PipeReader(string path)
    {
        Process.Start("mkfifo", path).WaitForExit();
        _pipe = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        new Thread(Read) { IsBackground = true }.Start();
    }

    /// <summary>From writing a byte until the thread has it.</summary>
    public TimeSpan Measure()
    {
        long start = Stopwatch.GetTimestamp();
        _pipe.Write("x"u8);
        _isRead.Wait();
        return Stopwatch.GetElapsedTime(start, Volatile.Read(ref _readAt));
    }

    /// <summary>The thread ends with its next byte, which is 0.</summary>
    public void Dispose()
    {
        _pipe.Write("\0"u8);
        _isRead.Wait();
        _pipe.Dispose();
        _isRead.Dispose();
    }

    private void Read()
    {
        var one = new byte[1];
        do
        {
            _pipe.ReadExactly(one);
            Volatile.Write(ref _readAt, Stopwatch.GetTimestamp());
            _isRead.Release();
        }
        while (one[0] != 0);
    }
}
