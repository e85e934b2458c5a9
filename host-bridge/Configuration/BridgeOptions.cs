using HostBridge.Notifications;
using HostBridge.Recovery;
using Protocol.Channel;

namespace HostBridge.Configuration;

/// <summary>
/// What the bridge was told, checked: nothing in here needs to be looked at twice. The values that stand here, and in
/// <see cref="RecoveryPolicy"/> and <see cref="GuestPolicy"/>, are the defaults.
/// </summary>
internal sealed record BridgeOptions
{
    /// <summary>xenstored's socket.</summary>
    public string XenstorePath { get; init; } = "/run/xenstored/socket";

    /// <summary>The name of the guests' console channels in their domains' configuration; null for none.</summary>
    public string? Channel { get; init; } = ChannelLimits.DefaultName;

    /// <summary>Where the incident log is kept.</summary>
    public string StateDirectory { get; init; } = "/var/lib/host-bridge";

    /// <summary>The socket on which people's commands reach the bridge; null for none.</summary>
    public string? AdminSocket { get; init; } = Admin.AdminSocket.DefaultPath;

    /// <summary>Which toolstack restarts guests.</summary>
    public ToolstackKind Toolstack { get; init; }

    /// <summary>The command of <see cref="ToolstackKind.Command"/>; null for another toolstack.</summary>
    public string? ToolstackCommand { get; init; }

    /// <summary>Where files that define guests lie by the custom of xl, xendomains and the distributions.</summary>
    public static IReadOnlyList<string> DefaultGuestConfigFolders { get; } =
        ["/etc/xen", "/etc/xen/vm", "/etc/xen/auto", "/etc/xen/domains"];

    /// <summary>The folders in which files that define guests lie.</summary>
    public IReadOnlyList<string> GuestConfigFolders { get; init; } = DefaultGuestConfigFolders;

    /// <summary>Disks that the administrator vouches for.</summary>
    public IReadOnlyList<DeviceNumber> AssumeOperational { get; init; } = [];

    /// <summary>The policy.</summary>
    public RecoveryPolicy Policy { get; init; } = new();

    /// <summary>How people are told.</summary>
    public NotificationSettings Notifications { get; init; } = new();
}

/// <summary>The toolstack that runs the guests, as far as the bridge uses it.</summary>
internal enum ToolstackKind
{
    /// <summary>None: no check is forced, and no domain destroyed.</summary>
    None = 0,

    /// <summary>xl.</summary>
    Xl,

    /// <summary>A command of the administrator, which forces checks and no more.</summary>
    Command,
}
