using HostBridge.Recovery;
using Protocol.Configuration;

namespace HostBridge.Configuration;

/// <summary>The keys of a section <c>[guest NAME-OR-UUID]</c>.</summary>
internal static class GuestPolicyKeys
{
    /// <summary>The first word of such a section.</summary>
    public const string Section = "guest";

    /// <summary>Whether the bridge acts on the guest.</summary>
    public const string ModeName = "mode";

    /// <summary>Whether a restart may stand on the guest's word alone.</summary>
    public const string ActWithoutHostEvidenceName = "act-without-host-evidence";

    /// <summary>When people work on the guest.</summary>
    public const string MaintenanceWindowsName = "maintenance-windows";

    /// <summary>The kind of <see cref="ModeName"/>.</summary>
    public static readonly ChoiceKind<BridgeMode> ModeKind = new();

    /// <summary>The kind of what is true or false.</summary>
    public static readonly SwitchKind Switch = new();

    /// <summary>The kind of <see cref="MaintenanceWindowsName"/>.</summary>
    public static readonly ListKind<MaintenanceWindow> WindowsKind
        = new(new MaintenanceWindowKind(), ',', "times like Sat 22:00 UTC for 4h or 2026-12-24 18:00 UTC for 12h");

    /// <summary>Those that stand in the part for all guests as well, where they mean the same.</summary>
    public static readonly IReadOnlyList<SettingKey<GuestPolicy>> ForAnyGuest =
    [
        Key(
            "allow-destroy",
            Switch,
            policy => policy.AllowDestroy,
            (policy, value) => policy with { AllowDestroy = value },
            "Whether a domain whose old boot refuses to end may be destroyed and created again; only if exclusive-storage is yes.")
            with { OptionValue = "true|false" },
        Key(
            "offline-check",
            Switch,
            policy => policy.OfflineCheck,
            (policy, value) => policy with { OfflineCheck = value },
            "Whether its ext filesystems are checked from this host in between.") with { OptionValue = "true|false" },
        Key(
            "exclusive-storage",
            new ChoiceKind<ExclusiveStorage>(),
            policy => policy.ExclusiveStorage,
            (policy, value) => policy with { ExclusiveStorage = value },
            "Whether no other host can use the disks of a guest; unknown forbids what no forbids: to destroy, and to check from this host.")
            with { OptionValue = "unknown|yes|no" },
        Key(
            "accept-unforced-reboot",
            Switch,
            policy => policy.AcceptUnforcedReboot,
            (policy, value) => policy with { AcceptUnforcedReboot = value },
            "Whether a guest may be restarted when no check can be forced at its next boot."),
        Key(
            "reboot-for-data",
            Switch,
            policy => policy.RebootForData,
            (policy, value) => policy with { RebootForData = value },
            "Whether a dead data filesystem that cannot be repaired in the running guest is a reason to restart it."),
    ];

    /// <summary>Every key of such a section.</summary>
    public static readonly SettingTable<GuestPolicy> Table = new(
        [
            Key(
                ModeName,
                ModeKind,
                policy => policy.Mode ?? BridgeMode.Observe,
                (policy, value) => policy with { Mode = value },
                "observe says what would be done to this guest, and does nothing; recover does it."),
            Key(
                "priority",
                new ChoiceKind<GuestPriority>(),
                policy => policy.Priority,
                (policy, value) => policy with { Priority = value },
                "infrastructure comes before the guests that need it: name service, directory, an iSCSI target in a guest."),
            .. ForAnyGuest,
            Key(
                ActWithoutHostEvidenceName,
                Switch,
                policy => policy.ActWithoutHostEvidence ?? false,
                (policy, value) => policy with { ActWithoutHostEvidence = value },
                "Whether this guest is restarted although this host saw no fault on its disks."),
            Key(
                MaintenanceWindowsName,
                WindowsKind,
                policy => policy.MaintenanceWindows,
                (policy, value) => policy with { MaintenanceWindows = value },
                "When people work on this guest and nothing is done to it, besides the windows of the host."),
        ],
        BridgeKeys.Manual,
        key => BridgeKeys.Table.Knows(key) ? "before the first section, as it holds for the whole host" : null);

    private static SettingKey<GuestPolicy, TValue> Key<TValue>(
        string name,
        ValueKind<TValue> kind,
        Func<GuestPolicy, TValue> get,
        Func<GuestPolicy, TValue, GuestPolicy> set,
        string description)
        => new(name, kind, get, set, description) { Section = Section };
}
