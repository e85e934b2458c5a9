namespace GuestAgent.Detection;

/// <summary>What the kernel said of one filesystem since it was mounted.</summary>
internal sealed record KernelFacts
{
    public bool JournalAborted { get; init; }

    public bool RemountedReadOnly { get; init; }

    public bool ShutDown { get; init; }

    public bool FilesystemError { get; init; }

    /// <summary>The device's flushes were seen enabled.</summary>
    public bool FlushSeenEnabled { get; init; }

    /// <summary>The device lost its flushes.</summary>
    public bool FlushLost { get; init; }

    /// <summary>When the block layer last gave up on a request, in time since boot; null: never.</summary>
    public TimeSpan? DeviceErrorAt { get; init; }

    /// <summary>When a read last failed, and on which device.</summary>
    public (TimeSpan At, string DeviceName)? ReadError { get; init; }

    /// <summary>When a command last timed out.</summary>
    public TimeSpan? DeviceTimeoutAt { get; init; }

    /// <summary>When the kernel last gave the disk up.</summary>
    public TimeSpan? DeviceOfflineAt { get; init; }

    /// <summary>When a task of the filesystem's own last hung.</summary>
    public TimeSpan? TaskHungAt { get; init; }

    /// <summary>When swap last failed, and the number of its device; kept with the root.</summary>
    public (TimeSpan At, string DeviceNumber)? SwapError { get; init; }

    /// <summary>The errno of the last error that fanotify told of; null when it told of none.</summary>
    public string? ErrorEvent { get; init; }

    /// <summary>When the first write was lost, on the wall clock.</summary>
    public DateTimeOffset? WriteLostSince { get; init; }

    /// <summary>What still holds after a mount: what is the device's, and lost writes of the same filesystem.</summary>
    public KernelFacts OfNewMount(bool isSameFilesystem) => new()
    {
        FlushSeenEnabled = FlushSeenEnabled,
        FlushLost = FlushLost,
        WriteLostSince = isSameFilesystem ? WriteLostSince : null,
    };
}
