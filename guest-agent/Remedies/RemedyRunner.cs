using System.Text;
using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Requests;
using Mono.Unix.Native;
using Protocol.Health;
using Protocol.Xenstore;

namespace GuestAgent.Remedies;

/// <summary>
/// Carries remedies out. Remount and repair run in a process of their own, because mount(2) and e2fsck may get
/// stuck in the kernel; the reboot is a system call of this process, because nothing can be executed from a dead
/// root. One at a time.
/// </summary>
internal sealed unsafe class RemedyRunner(PathRoot paths) : IDisposable
{
    private const int MaxAnswerBytes = 4096;

    /// <summary>A check takes minutes per terabyte; a process that takes longer is left behind and reported.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromHours(2);

    private readonly List<ChildProcess> _ended = [];
    private readonly MemoryStream _answer = new();
    private ChildProcess? _process;
    private Moment _startedAt;

    /// <summary>To poll for POLLIN; −1 when nothing runs.</summary>
    public int FileDescriptor => _process?.Output ?? -1;

    /// <summary>When a running remedy has taken too long; null when nothing runs.</summary>
    public Moment? Due => _process is null ? null : _startedAt + Limit;

    /// <summary>Begins. The result, when it is known at once.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="one">The filesystem.</param>
    /// <param name="healthy">Mount points whose last writes are worth a sync before a reboot.</param>
    /// <param name="now">The time.</param>
    public RemedyResult? Start(
        GuestRequest request, WatchedFilesystem one, IReadOnlyList<MountPoint> healthy, Moment now)
    {
        if (!ThisMachine.IsDomU(paths))
        {
            return new RemedyResult(OutcomeReason.NotADomu, string.Empty, null);
        }

        if (request.Action == RequestAction.Reboot)
        {
            return Restart.Now(healthy);
        }

        if (HasUnreaped())
        {
            // It may still be about to mount, and would do so under the next one. Only a restart ends it.
            return new RemedyResult(OutcomeReason.Busy, "an earlier remedy hangs in the kernel", null);
        }

        try
        {
            _process = ChildProcess.StartSelf([.. RemedyProcess.Arguments(request.Action, one)]);
            _process.CloseInput();
            _startedAt = now;
            _answer.SetLength(0);
            return null;
        }
        catch (IOException failed)
        {
            return new RemedyResult(OutcomeReason.TimedOut, failed.Message, null);
        }
    }

    /// <summary>Takes what the process says; its result once it has ended.</summary>
    public RemedyResult? Turn(Moment now)
    {
        _ = HasUnreaped();
        if (_process is null)
        {
            return null;
        }

        byte* buffer = stackalloc byte[MaxAnswerBytes];
        long size = Syscall.read(_process.Output, buffer, MaxAnswerBytes);
        if (size > 0 && _answer.Length + size <= MaxAnswerBytes)
        {
            _answer.Write(new ReadOnlySpan<byte>(buffer, (int)size));
        }

        bool isOver = size == 0;
        if (!isOver && now - _startedAt < Limit)
        {
            return null;
        }

        _ended.Add(_process);
        _process.Dispose();
        _process = null;
        return isOver
            ? RemedyProcess.ParseResult(_answer.ToArray())
            : new RemedyResult(OutcomeReason.TimedOut, $"after {Limit.TotalMinutes} min", null);
    }

    public void Dispose()
    {
        _process?.Dispose();
        _answer.Dispose();
    }

    /// <summary>Whether a process that was left behind still has not ended.</summary>
    private bool HasUnreaped()
    {
        _ended.RemoveAll(child => child.TryReap() is not null);
        return _ended.Count > 0;
    }
}
