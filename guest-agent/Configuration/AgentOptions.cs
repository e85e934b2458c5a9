using GuestAgent.Detection;
using Protocol.Channel;
using Protocol.Health;

namespace GuestAgent.Configuration;

/// <summary>What an administrator may set. The values that stand here are the defaults.</summary>
internal sealed record AgentOptions
{
    /// <summary>On every Linux of today a tmpfs.</summary>
    public const string DefaultStatusDirectory = "/run/guest-agent";

    /// <summary>Where xenstore is reached; the first that exists.</summary>
    public IReadOnlyList<string> XenstorePaths { get; init; } = ["/dev/xen/xenbus", "/proc/xen/xenbus"];

    /// <summary>
    /// The name of the console channel in the domain's configuration, or the path of its terminal; null for none.
    /// </summary>
    public string? Channel { get; init; } = ChannelLimits.DefaultName;

    /// <summary>How often is probed while nothing is wrong.</summary>
    public ProbeIntervals Intervals { get; init; } = ProbeIntervals.Default;

    /// <summary>The folder of the status file; a tmpfs.</summary>
    public string StatusDirectory { get; init; } = DefaultStatusDirectory;

    /// <summary>Mount points that are meant to be read-only, in the administrator's order.</summary>
    public IReadOnlyList<MountPoint> ReadOnly { get; init; } = [];

    /// <summary>Mount points that are not watched, in the administrator's order.</summary>
    public IReadOnlyList<MountPoint> Excluded { get; init; } = [];

    /// <summary>Folders for the probe file, each for the filesystem that it lies on.</summary>
    public IReadOnlyList<MountPoint> ProbeFolders { get; init; } = [];
}
