using GuestAgent.Detection;
using GuestAgent.Linux;
using Mono.Unix.Native;

namespace GuestAgent.Configuration.Reading;

/// <summary>
/// Has the configuration read again by a process of its own, one at a time and for a limited time. Nothing here waits.
/// </summary>
/// <param name="arguments">The agent's own arguments.</param>
internal sealed unsafe class ConfigurationReload(IReadOnlyList<string> arguments) : IDisposable
{
    private const int ReadBytes = 16 * 1024;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly List<ChildProcess> _ended = [];
    private readonly MemoryStream _answer = new();
    private ChildProcess? _process;
    private Moment _startedAt;

    /// <summary>To poll for POLLIN; −1 when nothing is read.</summary>
    public int FileDescriptor => _process?.Output ?? -1;

    /// <summary>When the reading has taken too long; null when nothing is read.</summary>
    public Moment? Due => _process is null ? null : _startedAt + Limit;

    /// <summary>Begins. Returns null, or why it cannot, for a person.</summary>
    public string? TryStart(Moment now)
    {
        _ended.RemoveAll(child => child.TryReap() is not null);
        if (_process is not null || _ended.Count > 0)
        {
            return "an earlier reading has not ended";
        }

        try
        {
            _process = ChildProcess.StartSelf([ConfigurationProcess.Argument, .. arguments]);
        }
        catch (IOException failed)
        {
            return failed.Message;
        }

        _process.CloseInput();
        _startedAt = now;
        _answer.SetLength(0);
        return null;
    }

    /// <summary>Takes what the process says; the whole of it once it has ended.</summary>
    public ConfigurationAnswer? Turn(Moment now)
    {
        if (_process is null)
        {
            _ended.RemoveAll(child => child.TryReap() is not null);
            return null;
        }

        byte* buffer = stackalloc byte[ReadBytes];
        long size;
        while ((size = Syscall.read(_process.Output, buffer, ReadBytes)) > 0)
        {
            if (_answer.Length + size <= ConfigurationAnswer.MaxBytes)
            {
                _answer.Write(new ReadOnlySpan<byte>(buffer, (int)size));
            }
        }

        bool isOver = size == 0;
        if (!isOver && now - _startedAt < Limit)
        {
            return null;
        }

        // One that is stuck in the kernel is left behind; it has nothing that anybody waits for.
        _ended.Add(_process);
        _process.Dispose();
        _process = null;
        return isOver
            ? ConfigurationAnswer.Read(_answer.GetBuffer().AsSpan(0, (int)_answer.Length))
            : new ConfigurationAnswer(null, [$"the files cannot be read within {Limit.TotalSeconds:0} s"]);
    }

    public void Dispose()
    {
        _process?.Dispose();
        _answer.Dispose();
    }
}
