using HostBridge.Recovery;
using Protocol.Configuration;

namespace HostBridge.Configuration;

/// <summary>The keys by which recoveries are decided on this host.</summary>
internal static class PolicyKeys
{
    private const int MaxSeconds = 24 * 60 * 60;

    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    /// <summary>The record of recoveries reaches so far back (StateRetention).</summary>
    private static readonly TimeSpan Week = TimeSpan.FromDays(7);

    /// <summary>What is decided for all guests, in the order of the manual.</summary>
    public static readonly IReadOnlyList<SettingKey<BridgeOptions>> ForAllGuests =
    [
        Key(
            GuestPolicyKeys.ModeName,
            GuestPolicyKeys.ModeKind,
            policy => policy.Mode,
            (policy, value) => policy with { Mode = value },
            "observe says what would be done, and does nothing; recover does it.") with { OptionValue = "observe|recover" },
        Key(
            "stable-seconds",
            new SecondsKind(1, MaxSeconds),
            policy => policy.StableFor,
            (policy, value) => policy with { StableFor = value },
            "How long all of a guest's storage must have been operational before anything is done.") with { OptionValue = "N" },
        Key(
            "grace-seconds",
            new SecondsKind(0, MaxSeconds),
            policy => policy.GraceAfterBoot,
            (policy, value) => policy with { GraceAfterBoot = value },
            "How long a boot that was first heard is left alone: what it starts may still mend it.") with { OptionValue = "N" },
        Key(
            GuestPolicyKeys.MaintenanceWindowsName,
            GuestPolicyKeys.WindowsKind,
            policy => policy.MaintenanceWindows,
            (policy, value) => policy with { MaintenanceWindows = value },
            "When people work on the storage of this host and nothing is done to any guest."),
        Key(
            GuestPolicyKeys.ActWithoutHostEvidenceName,
            GuestPolicyKeys.Switch,
            policy => policy.ActWithoutHostEvidence,
            (policy, value) => policy with { ActWithoutHostEvidence = value },
            "Whether a guest is restarted although this host saw no fault on its disks.") with { OptionValue = "true|false" },
        Span(
            "host-evidence-window",
            policy => policy.HostEvidenceWindow,
            (policy, value) => policy with { HostEvidenceWindow = value },
            Minute,
            Day,
            "How far back a fault that this host saw on a disk supports a restart."),
        .. GuestPolicyKeys.ForAnyGuest.Select(ForAnyGuest),
    ];

    /// <summary>How many recoveries there may be, and how often; in the order of the manual.</summary>
    public static readonly IReadOnlyList<SettingKey<BridgeOptions>> Budgets =
    [
        Count(
            "max-recoveries-per-lun-group",
            policy => policy.MaxPerLunGroup,
            (policy, value) => policy with { MaxPerLunGroup = value },
            1000,
            "The most recoveries at once among guests that share a LUN group."),
        Count(
            "max-recoveries-per-host",
            policy => policy.MaxPerHost,
            (policy, value) => policy with { MaxPerHost = value },
            1000,
            "The most recoveries at once on this host."),
        Span(
            "recovery-slot-time",
            policy => policy.SlotHeldFor,
            (policy, value) => policy with { SlotHeldFor = value },
            Minute,
            Day,
            "How long one recovery counts against these two: a guest that accepts and does nothing must not keep others from their turn."),
        Count(
            "max-recoveries-per-guest",
            policy => policy.MaxPerGuest,
            (policy, value) => policy with { MaxPerGuest = value },
            100,
            "The most recoveries of one guest within recovery-budget-window; then an operator is called."),
        Span(
            "recovery-budget-window",
            policy => policy.BudgetWindow,
            (policy, value) => policy with { BudgetWindow = value },
            Minute,
            Week,
            "The window of max-recoveries-per-guest."),
        Span(
            "recovery-spacing",
            policy => policy.Spacing,
            (policy, value) => policy with { Spacing = value },
            TimeSpan.Zero,
            Day,
            "The least time between the beginnings of two recoveries of one guest."),
        Count(
            "max-failed-recoveries",
            policy => policy.MaxFailures,
            (policy, value) => policy with { MaxFailures = value },
            1000,
            "How many recoveries must fail on a LUN group or on the host, within failed-recoveries-window and with none that succeeded between, for none to begin there any more."),
        Span(
            "failed-recoveries-window",
            policy => policy.BreakerWindow,
            (policy, value) => policy with { BreakerWindow = value },
            Minute,
            Day,
            "The window of max-failed-recoveries."),
        Span(
            "failed-recoveries-cool-down",
            policy => policy.BreakerCoolDown,
            (policy, value) => policy with { BreakerCoolDown = value },
            Minute,
            Week,
            "After what time one recovery is tried there again."),
    ];

    /// <summary>How long things are waited for; in the order of the manual.</summary>
    public static readonly IReadOnlyList<SettingKey<BridgeOptions>> Limits =
    [
        Span(
            "remount-deadline",
            policy => policy.RemountDeadline,
            (policy, value) => policy with { RemountDeadline = value },
            Second * 30,
            Hour,
            "How long an accepted remount may take."),
        Span(
            "repair-deadline",
            policy => policy.RepairDeadline,
            (policy, value) => policy with { RepairDeadline = value },
            Minute,
            Day,
            "How long an accepted repair may take, apart from the check itself."),
        Span(
            "reboot-deadline",
            policy => policy.RebootDeadline,
            (policy, value) => policy with { RebootDeadline = value },
            Minute,
            Day,
            "How long a guest may take from accepting a restart to the first report of its new boot, apart from the check."),
        Span(
            "check-time-per-tebibyte",
            policy => policy.CheckTimePerTebibyte,
            (policy, value) => policy with { CheckTimePerTebibyte = value },
            Minute,
            Day,
            "What a check may take for each TiB of a guest's disks."),
        Key(
            "assumed-tebibytes",
            new CountKind(1, 1024),
            policy => (int)policy.AssumedTebibytes,
            (policy, value) => policy with { AssumedTebibytes = value },
            "The size of disks that tell none, in TiB."),
        Span(
            "moving-extension",
            policy => policy.MovingExtension,
            (policy, value) => policy with { MovingExtension = value },
            Minute,
            Hour,
            "By how much a new boot is waited for again each time that its backend has moved."),
        Span(
            "longest-check",
            policy => policy.LongestCheck,
            (policy, value) => policy with { LongestCheck = value },
            Minute * 10,
            Week,
            "The longest time that a new boot or a repair is waited for, however much moves."),
        Span(
            "old-boot-patience",
            policy => policy.OldBootPatience,
            (policy, value) => policy with { OldBootPatience = value },
            Second * 30,
            Hour,
            "How long the old boot may still be there after it accepted a restart."),
        Span(
            "no-domain-deadline",
            policy => policy.NoDomainDeadline,
            (policy, value) => policy with { NoDomainDeadline = value },
            Minute,
            Day,
            "For how long no domain may run in the middle of a restart before an operator is called."),
        Span(
            "down-deadline",
            policy => policy.DownDeadline,
            (policy, value) => policy with { DownDeadline = value },
            Minute,
            Week,
            "For how long a guest that was destroyed may wait for its storage, or for the end of a pause."),
        Span(
            "proof-deadline",
            policy => policy.ProofDeadline,
            (policy, value) => policy with { ProofDeadline = value },
            Minute,
            Hour,
            "How long the proof may take once there is something to prove."),
        Span(
            "hung-patience",
            policy => policy.HungPatience,
            (policy, value) => policy with { HungPatience = value },
            Minute,
            Day,
            "How long a hung filesystem may go on hanging on stable storage before an operator is called."),
        Span(
            "hidden-storage-patience",
            policy => policy.HiddenStoragePatience,
            (policy, value) => policy with { HiddenStoragePatience = value },
            Minute,
            Day,
            "How long a fault may last on storage that this host cannot map to its devices before an operator is called."),
        Span(
            "device-failing-patience",
            policy => policy.DeviceFailingPatience,
            (policy, value) => policy with { DeviceFailingPatience = value },
            Second * 10,
            Day,
            "How long a failing device is given to be probed again once its storage is stable."),
        Span(
            "newer-report-patience",
            policy => policy.NewerReportPatience,
            (policy, value) => policy with { NewerReportPatience = value },
            Minute,
            Day,
            "How long a newer report is waited for after a guest refused, before an operator is called."),
        Span(
            "silent-after",
            policy => policy.SilentAfter,
            (policy, value) => policy with { SilentAfter = value },
            Minute * 2,
            Hour,
            "After what silence a guest's report is no evidence any more; its heartbeat comes every minute."),
    ];

    private static SettingKey<BridgeOptions> Span(
        string name,
        Func<RecoveryPolicy, TimeSpan> get,
        Func<RecoveryPolicy, TimeSpan, RecoveryPolicy> set,
        TimeSpan least,
        TimeSpan most,
        string description)
        => Key(name, new SpanKind(least, most), get, set, description);

    private static SettingKey<BridgeOptions> Count(
        string name,
        Func<RecoveryPolicy, int> get,
        Func<RecoveryPolicy, int, RecoveryPolicy> set,
        int most,
        string description)
        => Key(name, new CountKind(1, most), get, set, description);

    private static SettingKey<BridgeOptions> Key<TValue>(
        string name,
        ValueKind<TValue> kind,
        Func<RecoveryPolicy, TValue> get,
        Func<RecoveryPolicy, TValue, RecoveryPolicy> set,
        string description)
        => new SettingKey<BridgeOptions, TValue>(
            name,
            kind,
            options => get(options.Policy),
            (options, value) => options with { Policy = set(options.Policy, value) },
            description);

    private static SettingKey<BridgeOptions> ForAnyGuest(SettingKey<GuestPolicy> key)
        => key.Of<BridgeOptions>(
            options => options.Policy.AnyGuest,
            (options, guest) => options with { Policy = options.Policy with { AnyGuest = guest } })
            with { Section = string.Empty };
}
