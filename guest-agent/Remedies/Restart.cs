using GuestAgent.Linux;
using GuestAgent.Requests;
using Mono.Unix.Native;
using Protocol.Health;

namespace GuestAgent.Remedies;

/// <summary>The restart of the guest by the system call, which needs nothing from any disk.</summary>
internal static class Restart
{
    private const int SyncStackBytes = 128 * 1024;

    private static readonly TimeSpan SyncLimit = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Syncs the healthy filesystems for a bounded time, then restarts. Returns only when the call failed. A sync
    /// may hang for ever, so each has a thread that is left where it is.
    /// </summary>
    public static RemedyResult Now(IReadOnlyList<MountPoint> healthy)
    {
        var threads = healthy.Select(StartSync).ToList();
        long deadline = Environment.TickCount64 + (long)SyncLimit.TotalMilliseconds;
        foreach (Thread thread in threads)
        {
            _ = thread.Join((int)Math.Max(0, deadline - Environment.TickCount64));
        }

        return Libc.Reboot(Libc.RebootRestart) == 0
            ? new RemedyResult(OutcomeReason.None, string.Empty, null)
            : new RemedyResult(OutcomeReason.RebootFailed, LastErrno.Name, null);
    }

    private static unsafe Thread StartSync(MountPoint mountPoint)
    {
        var thread = new Thread(Sync, SyncStackBytes) { IsBackground = true };
        thread.Start();
        return thread;

        void Sync()
        {
            fixed (byte* path = (byte[])[.. mountPoint.ToBytes(), 0])
            {
                const int flags = Libc.OpenReadOnly | Libc.OpenDirectory | Libc.OpenCloseOnExec;
                int folder = Libc.OpenAt(Libc.CurrentDirectory, path, flags, mode: 0);
                if (folder >= 0)
                {
                    _ = Libc.SyncFilesystem(folder);
                    _ = Syscall.close(folder);
                }
            }
        }
    }
}
