using Protocol.Configuration;

namespace HostBridge.Configuration;

/// <summary>
/// Every key of host-bridge: the one table of them, which the command line, the manual and the example are held against.
/// </summary>
internal static class BridgeKeys
{
    /// <summary>The page that explains the keys.</summary>
    public const string Manual = "host-bridge.conf(5)";

    /// <summary>What restarts guests.</summary>
    public const string Toolstack = "toolstack";

    /// <summary>The command of the toolstack <c>command</c>.</summary>
    public const string ToolstackCommand = "toolstack-command";

    /// <summary>The keys of the host, in the order of the manual; those of guests are in <see cref="GuestPolicyKeys"/>.</summary>
    public static readonly SettingTable<BridgeOptions> Table = new(
        [.. PolicyKeys.ForAllGuests, .. PolicyKeys.Budgets, .. PolicyKeys.Limits, .. Places, .. NotificationKeys.All],
        Manual,
        key => GuestPolicyKeys.Table.Knows(key) ? $"in a section {GuestSection.Form}" : null);

    /// <summary>The sections that there are.</summary>
    public static readonly SectionKinds Sections = new([GuestSection]);

    private static SectionKind GuestSection => new(GuestPolicyKeys.Section, "NAME-OR-UUID");

    /// <summary>What the bridge stands on while it runs.</summary>
    private static IReadOnlyList<SettingKey<BridgeOptions>> Places =>
    [
        Key(
            Toolstack,
            new ChoiceKind<ToolstackKind>(),
            options => options.Toolstack,
            (options, value) => options with { Toolstack = value },
            "What restarts guests; command, which needs toolstack-command, where that is set and this is not.",
            "none|xl|command"),
        Key(
            ToolstackCommand,
            new PathKind(hasNone: true),
            options => options.ToolstackCommand,
            (options, value) => options with { ToolstackCommand = value },
            "A program that forces a check at a guest's next boot.",
            "PATH"),
        Key(
            "guest-config-folders",
            new ListKind<string?>(new PathKind(), ',', "absolute paths", hasNone: false),
            options => options.GuestConfigFolders,
            (options, value) => options with { GuestConfigFolders = [.. value.OfType<string>()] },
            "Where the files that define guests lie.",
            "DIR,DIR"),
        Key(
            "assume-operational",
            new ListKind<Recovery.DeviceNumber>(new DeviceKind(), ',', "MAJOR:MINOR as lsblk prints it"),
            options => options.AssumeOperational,
            (options, value) => options with { AssumeOperational = value },
            "Disks that cannot be looked at and that an operator answers for.",
            "MAJOR:MINOR"),
        Key(
            "channel",
            new ChannelKind("the name that stands in the guests' configuration as name=..., or none"),
            options => options.Channel,
            (options, value) => options with { Channel = value },
            "The name of the guests' console channel.",
            "NAME"),
        Key(
            "xenstore",
            new PathKind(),
            options => options.XenstorePath,
            (options, value) => options with { XenstorePath = value! },
            "The socket of xenstored.",
            "PATH"),
        Key(
            "state-directory",
            new PathKind(),
            options => options.StateDirectory,
            (options, value) => options with { StateDirectory = value! },
            "Where incidents are recorded.",
            "DIR"),
        Key(
            "admin-socket",
            new PathKind(hasNone: true),
            options => options.AdminSocket,
            (options, value) => options with { AdminSocket = value },
            "The socket on which host-bridge status and the other commands ask the bridge; its folder is root's alone.",
            "PATH"),
    ];

    private static SettingKey<BridgeOptions> Key<TValue>(
        string name,
        ValueKind<TValue> kind,
        Func<BridgeOptions, TValue> get,
        Func<BridgeOptions, TValue, BridgeOptions> set,
        string description,
        string optionValue)
        => new SettingKey<BridgeOptions, TValue>(name, kind, get, set, description)
        {
            NeedsStart = true,
            OptionValue = optionValue,
        };
}
