using GuestAgent.Detection;
using Protocol.Health;

namespace GuestAgent.Requests;

/// <summary>
/// Whether a remedy is legitimate for what a fresh probe has just shown. The table stands in DETECTION.md; why a
/// remount cannot revive an aborted journal, in host-bridge/RECOVERY.md.
/// </summary>
internal static class RemedyRules
{
    /// <summary>Null when the remedy may begin, else why not.</summary>
    /// <param name="action">What is asked.</param>
    /// <param name="one">The filesystem, judged after a probe that began after the request came.</param>
    /// <param name="root">The root's verdict; the filesystem's own where it is the root.</param>
    public static OutcomeReason? Refusal(RequestAction action, WatchedFilesystem one, Verdict root)
    {
        if (action == RequestAction.Probe)
        {
            return null;
        }

        bool isWorthAFsck = action == RequestAction.Repair && one.Health.Verdict == Verdict.ErrorsRecorded;
        if (one.Probe.Last is { Wrote: true } && !isWorthAFsck)
        {
            return OutcomeReason.FaultGone;
        }

        bool legitimate = action switch
        {
            RequestAction.Remount => MayRemount(one),
            RequestAction.Repair => MayRepair(one),
            RequestAction.Reboot => MayReboot(one),
            _ => false,
        };
        if (!legitimate)
        {
            return OutcomeReason.NotLegitimate;
        }

        if (!MayTouchDisk(action, one))
        {
            return OutcomeReason.DiskNotServedByHost;
        }

        if (action is RequestAction.Repair or RequestAction.Remount && one.Kernel.DeviceOfflineAt > OnlineAgainAt(one))
        {
            return OutcomeReason.DeviceOffline;
        }

        // mount and e2fsck are executed from the root.
        return action is RequestAction.Repair && root is not (Verdict.Writable or Verdict.ErrorsRecorded)
            ? OutcomeReason.RootNotWritable
            : null;
    }

    /// <summary>
    /// The host's storage gate speaks of the disks that the host serves alone. A repair and a remount need every disk to
    /// be one of them. A restart writes nothing to a disk: it is refused only where the guest is known to reach one by
    /// itself, as restarting cannot bring that back.
    /// </summary>
    private static bool MayTouchDisk(RequestAction action, WatchedFilesystem one)
    {
        IReadOnlyList<DiskOrigin> origins = one.Observed.Origins;
        return action == RequestAction.Reboot
            ? !origins.Any(origin => origin.IsForeign())
            : origins.Count > 0 && origins.All(origin => origin.IsServedByHost());
    }

    /// <summary>A probe that wrote proves that the device is back.</summary>
    private static TimeSpan OnlineAgainAt(WatchedFilesystem one)
        => one.Probe.Last is { Wrote: true } ? one.Probe.LastFinishedAt.SinceBoot : TimeSpan.MinValue;

    /// <summary>
    /// Only a filesystem that is plainly read-only, without a trace of an abort or a new error, and whose probe
    /// met EROFS. After an abort the call returns success on current kernels and changes nothing.
    /// </summary>
    private static bool MayRemount(WatchedFilesystem one)
        => one.Probe.Last is { ErrnoName: "EROFS" }
            && one.Health.Verdict == Verdict.RemountedReadOnly
            && !one.Wish.IsReadOnly
            && one.Mount.Claims == MountClaim.Ro
            && !one.HasAbortEvidence
            && !one.Mount.SuperOptions.Contains("shutdown")
            && one.ErrorsCount is null or 0;

    private static bool MayRepair(WatchedFilesystem one)
        => one.Role == FilesystemRole.Data
            && FilesystemTypes.IsExtended(one.Mount.FilesystemType)
            && one.Mount.Root.IsRoot
            && !one.Wish.IsReadOnly
            && one.Health.Verdict is Verdict.JournalAborted or Verdict.ShutDown or Verdict.RemountedReadOnly
                or Verdict.ErrorsRecorded or Verdict.DeviceFailing;

    /// <summary>A root that writes is never a reason to restart, nor is one that merely hangs.</summary>
    private static bool MayReboot(WatchedFilesystem one)
        => one.Role == FilesystemRole.Root
            && one.Health.Verdict is Verdict.JournalAborted or Verdict.ShutDown or Verdict.RemountedReadOnly
                or Verdict.DeviceFailing;
}
