using Protocol.Health;
using Protocol.Kernel;

namespace GuestAgent.Detection;

/// <summary>What a kernel line changes in the facts of the filesystem it speaks of.</summary>
internal static class KernelLines
{
    /// <summary>
    /// Of a line that repeats, the next one this much later is news again: a storm of I/O errors asks for one probe,
    /// and the lines that a probe itself causes on a dying disk ask for no other.
    /// </summary>
    private static readonly TimeSpan NewsAgainAfter = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Whether a line may speak of this filesystem: it names its storage, or nothing at all. Swap that fails is told with
    /// the root, whatever disk it lies on: the root may write on while its programs die.
    /// </summary>
    public static bool Concerns(KernelLine line, WatchedFilesystem one)
        => line.Kind == KernelLineKind.SwapFailed ? one.Role == FilesystemRole.Root
            : line.DeviceName is null
            || one.Aliases.Any(alias => alias.Name == line.DeviceName && alias.Sectors.MayHold(line.Sector));

    /// <summary>
    /// Folds a line in. Lines are hints: they name what a probe meets and ask for one at once, but no line makes a
    /// verdict by itself. One that names no device (a hung task, ext3 before 2.6.32) asks for a probe and proves
    /// nothing.
    /// </summary>
    /// <param name="one">The filesystem.</param>
    /// <param name="line">The line.</param>
    /// <param name="now">The time.</param>
    /// <param name="isReplayed">
    /// The line is older than the agent: what was lost before a mount of then may have been lost on another disk of the
    /// same name.
    /// </param>
    public static WatchedFilesystem Fold(WatchedFilesystem one, KernelLine line, Moment now, bool isReplayed = false)
    {
        if (line.DeviceName is null)
        {
            return one with { Probe = one.Probe with { Wanted = one.Probe.Wanted || !one.IsAtItsEnd } };
        }

        if (line.Kind == KernelLineKind.Mounted)
        {
            // What was probed before is another mount, though the kernel may give it the same id.
            bool isLater = line.At > one.Probe.LastStartedAt.SinceBoot;
            return one with
            {
                Kernel = one.Kernel.OfNewMount(isSameFilesystem: !isReplayed),
                Probe = one.Probe with { Wanted = one.Probe.Wanted || isLater },
            };
        }

        if (line.Kind == KernelLineKind.DeviceAttached)
        {
            // What was said before speaks of another disk of this name.
            return line.At >= one.SeenAt.SinceBoot ? one : one with { Kernel = new KernelFacts() };
        }

        KernelFacts next = Next(one.Kernel, line, line.DeviceName, now);
        // What a probe of a dead filesystem makes the kernel print must not ask for the next.
        bool isNews = !one.IsAtItsEnd && IsNews(one.Kernel, next, line.Kind);
        return isNews
            ? one with { Kernel = next, Probe = one.Probe.WithNews(now, isUrgent: IsEnd(line.Kind)) }
            : one with { Kernel = next };
    }

    /// <summary>The filesystem is at its end. Each of these is news once a mount, which bounds the urgent probes.</summary>
    private static bool IsEnd(KernelLineKind kind)
        => kind is KernelLineKind.JournalAborted or KernelLineKind.RemountedReadOnly or KernelLineKind.ShutDown;

    private static KernelFacts Next(KernelFacts facts, KernelLine line, string device, Moment now) => line.Kind switch
    {
        KernelLineKind.JournalAborted => facts with { JournalAborted = true },
        KernelLineKind.RemountedReadOnly => facts with { RemountedReadOnly = true },
        KernelLineKind.ShutDown => facts with { ShutDown = true },
        KernelLineKind.FilesystemError => facts with { FilesystemError = true },
        KernelLineKind.FlushDisabled => facts with { FlushLost = true },
        KernelLineKind.FlushEnabled => facts with { FlushSeenEnabled = true, FlushLost = false },
        KernelLineKind.FlushAbsent => facts with { FlushLost = facts.FlushLost || facts.FlushSeenEnabled },
        KernelLineKind.DeviceError => facts with { DeviceErrorAt = line.At },
        KernelLineKind.ReadError => facts with { ReadError = (line.At, device) },
        KernelLineKind.DeviceTimeout => facts with { DeviceTimeoutAt = line.At },
        KernelLineKind.DeviceOffline => facts with { DeviceOfflineAt = line.At },
        KernelLineKind.TaskHung => facts with { TaskHungAt = line.At },
        KernelLineKind.SwapFailed => facts with { SwapError = (line.At, device) },
        KernelLineKind.WriteLost => facts with
        {
            DeviceErrorAt = line.At,
            WriteLostSince = facts.WriteLostSince ?? now.WallClock - (now.SinceBoot - line.At),
        },
        _ => facts,
    };

    private static bool IsNews(KernelFacts before, KernelFacts next, KernelLineKind kind) => kind switch
    {
        KernelLineKind.FlushEnabled => false,
        KernelLineKind.DeviceError or KernelLineKind.WriteLost => IsLater(before.DeviceErrorAt, next.DeviceErrorAt),
        KernelLineKind.ReadError => IsLater(before.ReadError?.At, next.ReadError?.At),
        KernelLineKind.DeviceTimeout => IsLater(before.DeviceTimeoutAt, next.DeviceTimeoutAt),
        KernelLineKind.DeviceOffline => IsLater(before.DeviceOfflineAt, next.DeviceOfflineAt),
        KernelLineKind.TaskHung => IsLater(before.TaskHungAt, next.TaskHungAt),
        KernelLineKind.SwapFailed => IsLater(before.SwapError?.At, next.SwapError?.At),
        _ => next != before,
    };

    private static bool IsLater(TimeSpan? before, TimeSpan? next)
        => before is null || next - before >= NewsAgainAfter;
}
