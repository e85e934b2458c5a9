using GuestAgent.Detection;
using Protocol.Configuration;
using Protocol.Health;

namespace GuestAgent.Configuration;

/// <summary>
/// Every key of guest-agent: the one table of them, which the command line, the manual and the example are held against.
/// </summary>
internal static class AgentKeys
{
    private static readonly SpanKind Interval = new(TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));

    /// <summary>The keys, in the order of the manual.</summary>
    public static readonly SettingTable<AgentOptions> Table = new(
        [
            Key(
                "xenstore",
                new ListKind<string?>(new PathKind(), ',', "absolute paths", hasNone: false),
                options => options.XenstorePaths,
                (options, value) => options with { XenstorePaths = [.. value.OfType<string>()] },
                "The xenstore device or socket; of several the first that is there.",
                "PATH") with { NeedsStart = true },
            Key(
                "channel",
                new ChannelKind("the name that the host gave it, the path of its device, or none"),
                options => options.Channel,
                (options, value) => options with { Channel = value },
                "The console channel to the host, by its name or by its device.",
                "NAME") with { NeedsStart = true },
            Key(
                "root-interval",
                Interval,
                options => options.Intervals.Root,
                (options, value) => options with { Intervals = options.Intervals with { Root = value } },
                "The time from one probe of the root to the next while nothing is wrong.",
                "TIME"),
            Key(
                "data-interval",
                Interval,
                options => options.Intervals.Data,
                (options, value) => options with { Intervals = options.Intervals with { Data = value } },
                "The same of the other filesystems.",
                "TIME"),
            Key(
                "exclude",
                new ListKind<MountPoint>(new MountPointKind(), ' ', "mount points, which begin with /"),
                options => options.Excluded,
                (options, value) => options with { Excluded = value },
                "Mount points that are not watched.",
                "MOUNTPOINT"),
            Key(
                "read-only",
                new ListKind<MountPoint>(new MountPointKind(), ' ', "mount points, which begin with /"),
                options => options.ReadOnly,
                (options, value) => options with { ReadOnly = value },
                "Mount points that are meant to be read-only.",
                "MOUNTPOINT"),
            Key(
                "probe-folder",
                new ListKind<MountPoint>(new MountPointKind(), ' ', "folders, which begin with /"),
                options => options.ProbeFolders,
                (options, value) => options with { ProbeFolders = value },
                "Folders for the probe file, each for the filesystem that it lies on.",
                "DIR"),
            Key(
                "status-directory",
                new PathKind(),
                options => options.StatusDirectory,
                (options, value) => options with { StatusDirectory = value! },
                "Where the status file and the socket lie; a folder on a tmpfs.",
                "DIR") with { NeedsStart = true },
        ],
        "guest-agent.conf(5)");

    /// <summary>There are no sections.</summary>
    public static readonly SectionKinds Sections = new([]);

    private static SettingKey<AgentOptions> Key<TValue>(
        string name,
        ValueKind<TValue> kind,
        Func<AgentOptions, TValue> get,
        Func<AgentOptions, TValue, AgentOptions> set,
        string description,
        string optionValue)
        => new SettingKey<AgentOptions, TValue>(name, kind, get, set, description) { OptionValue = optionValue };
}
