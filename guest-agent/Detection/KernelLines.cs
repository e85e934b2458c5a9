namespace GuestAgent.Detection;

/// <summary>What a kernel line changes in the facts of the filesystem it speaks of.</summary>
internal static class KernelLines
{
    /// <summary>
    /// Folds a line in. Lines are hints: they name what a probe meets and ask for one at once, but no line makes a
    /// verdict by itself. Anyone who may write to <c>/dev/kmsg</c> can print them.
    /// </summary>
    public static WatchedFilesystem Fold(WatchedFilesystem one, KernelLine line, Moment now)
    {
        KernelFacts facts = one.Kernel;
        KernelFacts next = line.Kind switch
        {
            // A lost write barrier is the device's, and lost data stay lost: both outlive a mount.
            KernelLineKind.Mounted => new KernelFacts
            {
                FlushDisabled = facts.FlushDisabled,
                WriteLostSince = facts.WriteLostSince,
            },
            KernelLineKind.JournalAborted => facts with { JournalAborted = true },
            KernelLineKind.RemountedReadOnly => facts with { RemountedReadOnly = true },
            KernelLineKind.ShutDown => facts with { ShutDown = true },
            KernelLineKind.FilesystemError => facts with { FilesystemError = true },
            KernelLineKind.FlushDisabled => facts with { FlushDisabled = true },
            KernelLineKind.DeviceError => facts with { DeviceError = true },
            KernelLineKind.WriteLost => facts with
            {
                DeviceError = true,
                WriteLostSince = facts.WriteLostSince ?? At(line, now),
            },
            _ => facts,
        };
        bool isNews = next != facts && line.Kind != KernelLineKind.Mounted;
        return isNews
            ? one with { Kernel = next, Probe = one.Probe.WithNews(now) with { IsUrgent = one.Probe.IsUrgent || IsEnd(line) } }
            : one with { Kernel = next };
    }

    /// <summary>The filesystem is at its end. Each of these is news once a mount, which bounds the urgent probes.</summary>
    private static bool IsEnd(KernelLine line)
        => line.Kind is KernelLineKind.JournalAborted or KernelLineKind.RemountedReadOnly or KernelLineKind.ShutDown;

    private static DateTimeOffset At(KernelLine line, Moment now)
        => now.WallClock - (now.SinceBoot - line.At);
}
