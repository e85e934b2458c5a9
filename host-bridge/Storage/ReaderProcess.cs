using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using HostBridge.Storage.Judging;
using HostBridge.Storage.Parsing;

namespace HostBridge.Storage;

/// <summary>
/// The bridge's end of the child that reads devices. Nothing here waits: what is asked goes into a pipe that has room
/// for all that can be outstanding, what is answered comes into a queue.
/// </summary>
/// <param name="program">The program to start; it is given <see cref="DirectReader.Verb"/>.</param>
/// <param name="answered">Set when an answer is there, or the child has ended.</param>
internal sealed class ReaderProcess(string program, WakeUp answered) : IDisposable
{
    private const int MinBackOffSeconds = 1;
    private const int MaxBackOffSeconds = 60;

    private readonly ConcurrentQueue<ReadAnswer> _answers = new();
    private Process? _process;
    private volatile bool _ended;
    private TimeSpan _mayStartAt;
    private int _backOffSeconds = MinBackOffSeconds;

    /// <summary>Why there is no child; null when there is one, or none was needed yet.</summary>
    public string? Trouble { get; private set; }

    /// <summary>Takes in what was answered and begins what is due; whether an answer is worth a look.</summary>
    public bool Turn(ReadBook book, TimeSpan now)
    {
        bool isWorthALook = _ended;
        while (_answers.TryDequeue(out ReadAnswer answer))
        {
            isWorthALook |= book.Take(answer.Device, answer.Result, answer.Reason, answer.Took);
            _backOffSeconds = MinBackOffSeconds;
        }

        if (_ended)
        {
            Lose("the reading child ended", book, now);
        }

        if (now < _mayStartAt)
        {
            return isWorthALook;
        }

        foreach (ReadTarget target in book.TakeDue(now))
        {
            if (!TrySend(new ReadRequest(target.Device, target.Name)))
            {
                Lose(Trouble ?? "the reading child takes no request", book, now);
                return true;
            }
        }

        return isWorthALook;
    }

    public void Dispose()
    {
        if (_process is { } process)
        {
            _process = null;
            End(process);
        }
    }

    private bool TrySend(ReadRequest request)
    {
        try
        {
            _process ??= Start();
            _process.StandardInput.WriteLine(request);
            _process.StandardInput.Flush();
            return true;
        }
        catch (Exception failure) when (failure is IOException or Win32Exception)
        {
            Trouble = $"{program} {DirectReader.Verb}: {failure.Message}";
            return false;
        }
    }

    private Process Start()
    {
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.ArgumentList.Add(DirectReader.Verb);
        Process process = Process.Start(start) ?? throw new IOException("it did not start");
        Trouble = null;
        _ = ListenAsync(process);
        return process;
    }

    private async Task ListenAsync(Process process)
    {
        try
        {
            while (await process.StandardOutput.ReadLineAsync().ConfigureAwait(false) is { } line)
            {
                if (ReadAnswer.Parse(line) is { } answer)
                {
                    _answers.Enqueue(answer);
                    answered.Set();
                }
            }
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The same as the end.
        }

        if (ReferenceEquals(process, _process))
        {
            _ended = true;
            answered.Set();
        }
    }

    private void Lose(string reason, ReadBook book, TimeSpan now)
    {
        Dispose();
        _ended = false;
        Trouble = reason;
        book.Abandon();
        _mayStartAt = now + TimeSpan.FromSeconds(_backOffSeconds);
        _backOffSeconds = Math.Min(2 * _backOffSeconds, MaxBackOffSeconds);
    }

    private static void End(Process process)
    {
        try
        {
            // Its end of input ends it. A thread of it that hangs in the kernel cannot be ended, and is left there.
            process.StandardInput.Close();
            process.Kill();
        }
        catch (Exception failure) when (failure is IOException or InvalidOperationException or Win32Exception)
        {
            // It had ended already.
        }

        process.Dispose();
    }
}
