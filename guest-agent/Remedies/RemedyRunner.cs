using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Requests;
using Protocol.Health;

namespace GuestAgent.Remedies;

/// <summary>
/// Carries remedies out. Remount and repair run in a process of their own, because mount(2) and e2fsck may get
/// stuck in the kernel; the reboot is a system call of this process, because nothing can be executed from a dead
/// root. One at a time.
/// </summary>
internal sealed class RemedyRunner(PathRoot paths) : IDisposable
{
    private const int MaxAnswerBytes = 4096;

    /// <summary>A check takes minutes per terabyte; a process that takes longer is left behind and reported.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromHours(2);

    private readonly AnsweringChild _child = new(Limit, MaxAnswerBytes);

    /// <summary>To poll for POLLIN; −1 when nothing runs.</summary>
    public int FileDescriptor => _child.FileDescriptor;

    /// <summary>When a running remedy has taken too long; null when nothing runs.</summary>
    public Moment? Due => _child.Due;

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

        if (_child.IsBusy)
        {
            // It may still be about to mount, and would do so under the next one. Only a restart ends it.
            return new RemedyResult(OutcomeReason.Busy, "an earlier remedy hangs in the kernel", null);
        }

        try
        {
            _child.Start(now, [.. RemedyProcess.Arguments(request.Action, one)]);
            return null;
        }
        catch (IOException failed)
        {
            return new RemedyResult(OutcomeReason.TimedOut, failed.Message, null);
        }
    }

    /// <summary>Takes what the process says; its result once it has ended.</summary>
    public RemedyResult? Turn(Moment now)
        => !_child.IsOver(now, out byte[]? answer) ? null
            : answer is not null ? RemedyProcess.ParseResult(answer)
            : new RemedyResult(OutcomeReason.TimedOut, $"after {Limit.TotalMinutes} min", null);

    public void Dispose() => _child.Dispose();
}
