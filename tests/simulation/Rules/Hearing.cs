using HostBridge.Recovery;
using Protocol.Health;

namespace Simulation.Rules;

/// <summary>What one guest itself said to the bridge that runs, as it was really delivered.</summary>
internal sealed class Hearing
{
    /// <summary>The domain that the bridge was told of; null when of none.</summary>
    public DomainId? Domain { get; set; }

    /// <summary>The newest report of its own that was delivered; null when none was.</summary>
    public GuestReport? Report { get; set; }

    /// <summary>The boot of that report, by its true order.</summary>
    public int BootSerial { get; set; }

    /// <summary>When it was last heard alive, or its domain was first seen.</summary>
    public TimeSpan HeardAt { get; set; }

    /// <summary>The boot that was heard alive; none when none was.</summary>
    public BootId HeardBoot { get; set; }

    /// <summary>The disks as they were when its domain was first seen, by their device.</summary>
    public Dictionary<DeviceNumber, string> Identities { get; } = [];

    /// <summary>When the recovery that is in flight began; null when none is.</summary>
    public TimeSpan? InFlightSince { get; set; }

    /// <summary>Since when it said that something was wrong as the recovery in flight began; null when none is.</summary>
    public TimeSpan? InFlightFaultSince { get; set; }

    /// <summary>Since when it says that something is wrong; null when it does not.</summary>
    public TimeSpan? FaultSince { get; set; }

    /// <summary>What it says of a mount point; unknown when nothing.</summary>
    public Verdict VerdictOf(MountPoint mountPoint)
        => Report?.Filesystems.FirstOrDefault(one => one.MountPoint == mountPoint)?.Verdict ?? Verdict.Unknown;

    /// <summary>What it says of its root; unknown when nothing.</summary>
    public Verdict RootVerdict
        => Report?.Filesystems.FirstOrDefault(one => one.Role == FilesystemRole.Root)?.Verdict ?? Verdict.Unknown;
}
