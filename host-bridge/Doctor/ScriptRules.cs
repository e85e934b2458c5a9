using System.Text.RegularExpressions;

namespace HostBridge.Doctor;

/// <summary>What circulates as a script, to be run by cron or a unit when something is wrong.</summary>
internal static partial class ScriptRules
{
    private static readonly (string Name, string Advice, bool IsReal, FindingLevel Level, Regex Pattern, string Truth, string Instead)[]
        Table =
    [
        ("script-block-attach", "xm block-attach when the storage is back",
            true, FindingLevel.Danger, BlockAttach(),
            "it attaches a disk once more, in a loop even to every guest: two kernels write to one filesystem, or one "
                + "through two devices, which destroys it",
            "leave it out: a virtual disk stays connected over any failover and needs no attaching"),
        ("script-console-grep", "xm console GUEST | grep \"Read-only file system\"",
            true, FindingLevel.Warning, ConsoleGrep(),
            "xm console and xl console are interactive: the script blocks for ever, takes the console from people, and "
                + "sees nothing of what was printed before",
            "guest-agent; or read /var/log/xen/console/guest-*.log, as host-bridge does"),
        ("script-session-operational", "iscsiadm -m session | grep OPERATIONAL",
            false, FindingLevel.Warning, SessionOperational(),
            "iscsiadm never prints OPERATIONAL, so the script always finds the session broken and always acts",
            "read /sys/class/iscsi_session/session*/state and compare it with LOGGED_IN"),
        ("script-guest-list", "xm list | awk '/^[0-9]/ …'",
            false, FindingLevel.Warning, GuestList(),
            "it finds guests whose name begins with a digit, and no others",
            "xl list -l, which prints JSON"),
        ("script-shutdown-create", "xm shutdown GUEST; xm create CONFIG",
            true, FindingLevel.Danger, ShutdownCreate(),
            "shutdown only asks, and a guest with a dead root may never end: the same disk is started twice as soon as "
                + "a name or a host differs",
            "host-bridge; or wait until the domain is gone and its disks are unused, then create"),
        ("script-iscsi-logout", "iscsiadm --logout and --login to heal a session",
            true, FindingLevel.Danger, IscsiLogout(),
            "it takes the last path away from under running guests, which then cannot be saved",
            "leave the session to iscsid, which logs in again by itself"),
        ("script-fail-if-no-path", "dmsetup message MAP 0 fail_if_no_path",
            true, FindingLevel.Danger, FailIfNoPath(),
            "it turns a hang that would have ended into write errors for everyone on the map",
            "a number for no_path_retry"),
        ("script-fsck-yes", "e2fsck -y or xfs_repair -L",
            true, FindingLevel.Danger, FsckYes(),
            "-y agrees to every repair and xfs_repair -L throws the log away: both can destroy what a person could save",
            "e2fsck -f -p, on a filesystem that nobody uses; its exit code 4 is a person's turn"),
        ("script-scsi-timeout", "echo N > /sys/block/sdX/device/timeout",
            true, FindingLevel.Warning, ScsiTimeout(),
            "in a failover of iSCSI the timer it sets does not decide anything",
            "replacement_timeout and no_path_retry"),
        ("script-max-retries", "echo N > /sys/block/sdX/device/max_retries",
            false, FindingLevel.Warning, MaxRetries(),
            "there is no such file: it is /sys/class/scsi_disk/H:C:T:L/max_retries, and 5 is its default",
            "leave it out"),
        ("script-xenbus", "cat /proc/xen/xenbus",
            true, FindingLevel.Warning, Xenbus(),
            "the file is a device that answers requests: reading it blocks for ever",
            "xenstore-ls -f"),
        ("script-xenstore-grep", "xenstore-ls | grep device/vbd",
            false, FindingLevel.Warning, XenstoreGrep(),
            "xenstore-ls prints a tree of short names, in which a path never occurs",
            "xenstore-ls -f /local/domain/DOMID/device/vbd"),
    ];

    /// <summary>The rules.</summary>
    public static IReadOnlyList<Rule> All { get; } = [.. Table.Select(one => new Rule
    {
        Name = one.Name,
        Part = HostPart.Scripts,
        Advice = one.Advice,
        IsReal = one.IsReal,
        Truth = one.Truth,
        Instead = one.Instead,
        Check = audit => audit.Host.ScriptLines.Where(line => one.Pattern.IsMatch(line.Text)).Select(line
            => new Finding(one.Level, FormattableString.Invariant($"{line.Path}, line {line.Number}"), line.Text)
            {
                Fix = [Shell.Edit(line.Path, FormattableString.Invariant($"line {line.Number}: {one.Name}"))],
            }),
    })];

    /// <summary>Whether a line of a script is one that a rule is about.</summary>
    public static bool IsOfInterest(string line) => Table.Any(one => one.Pattern.IsMatch(line));

    [GeneratedRegex(@"\b(?:xm|xl)\s+block-attach\b")]
    private static partial Regex BlockAttach();

    [GeneratedRegex(@"\b(?:xm|xl|virsh)\s+console\b[^|]*\|\s*(?:e|f|z)?grep\b")]
    private static partial Regex ConsoleGrep();

    [GeneratedRegex(@"\biscsiadm\b[^|]*\bsession\b[^|]*\|\s*(?:e|f)?grep\b.*operational", RegexOptions.IgnoreCase)]
    private static partial Regex SessionOperational();

    [GeneratedRegex(@"\b(?:xm|xl)\s+list\b[^|]*\|\s*(?:awk|grep|egrep|sed)\b[^|]*\^\[0-9\]")]
    private static partial Regex GuestList();

    [GeneratedRegex(@"\b(?:xm|xl)\s+shutdown\b(?!.*\s-w\b)[^;&]*(?:;|&&)\s*(?:sleep\s+\d+\s*(?:;|&&)\s*)?(?:xm|xl)\s+create\b")]
    private static partial Regex ShutdownCreate();

    [GeneratedRegex(@"\biscsiadm\b.*(?:--logout\b|\s-u\b)")]
    private static partial Regex IscsiLogout();

    [GeneratedRegex(@"\bdmsetup\s+message\b.*\bfail_if_no_path\b")]
    private static partial Regex FailIfNoPath();

    [GeneratedRegex(@"\b(?:e2fsck|fsck(?:\.ext[234])?)\s(?:.*\s)?-[a-zA-Z]*y\b|\bxfs_repair\s(?:.*\s)?-L\b")]
    private static partial Regex FsckYes();

    [GeneratedRegex(@">\s*""?/sys/(?:block|class/block)/[^/\s]+/device/timeout\b")]
    private static partial Regex ScsiTimeout();

    [GeneratedRegex(@"/sys/(?:block|class/block)/[^/\s]+/device/max_retries\b")]
    private static partial Regex MaxRetries();

    [GeneratedRegex(@"\b(?:cat|grep|head|tail|less)\b[^|;]*/proc/xen/xenbus\b")]
    private static partial Regex Xenbus();

    [GeneratedRegex(@"\bxenstore-ls\b(?![^|]*\s-f\b)[^|]*\|\s*(?:e|f)?grep\b.*device/vbd")]
    private static partial Regex XenstoreGrep();
}
