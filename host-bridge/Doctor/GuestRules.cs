using HostBridge.Toolstacks.Parsing;
using Protocol.Health;

namespace HostBridge.Doctor;

/// <summary>
/// What circulates about the definitions and the mount options of guests. The facts: xl.cfg(5),
/// xl-disk-configuration(5), xen-blkfront, the kernel's ext4 and ext3.
/// </summary>
internal static class GuestRules
{
    private static readonly string[] KernelArgumentKeys = ["extra", "root", "cmdline"];

    private static readonly string[] RecoveredBy = ["restart", "coredump-restart", "rename-restart"];

    /// <summary>The rules.</summary>
    public static IReadOnlyList<Rule> All { get; } =
    [
        new Rule
        {
            Name = "disk-timeout-retry",
            Part = HostPart.GuestConfigs,
            Advice = "disk = [ 'phy:…', 'timeout=300,retry=10' ]",
            IsReal = false,
            Truth = "no block device of Xen has such options: blkfront waits without a limit, and a second element of "
                + "the list is a second disk, so the guest is not created",
            Instead = "nothing here; the patience of a disk is set in Dom0 (replacement_timeout, no_path_retry)",
            Check = audit => Each(audit, config => Matches(config, config.All("disk"), IsInvented, danger: true)),
        },
        new Rule
        {
            Name = "device-model-arguments",
            Part = HostPart.GuestConfigs,
            Advice = "device_model_args_hvm = [ 'vdev=blkback,suspend_timeout=…' ]",
            IsReal = false,
            Truth = "the option hands raw arguments to QEMU, which knows no such ones and refuses to start",
            Instead = "leave it out",
            Check = audit => Each(audit, config => Matches(
                config,
                [.. config.Values.Where(one => one.Key.StartsWith("device_model_args", StringComparison.Ordinal)).SelectMany(one => one.Value)],
                text => text.Contains("vdev=", StringComparison.Ordinal) || text.Contains("blkback", StringComparison.Ordinal),
                danger: true)),
        },
        new Rule
        {
            Name = "blkfront-arguments",
            Part = HostPart.GuestConfigs,
            Advice = "extra = \"xen_blkfront.max=64 xen_blkfront.ring_ref=32\"",
            IsReal = false,
            Truth = "ring_ref was never an option, it is a node in xenstore; max was one of throughput in kernels 3.11 "
                + "to 4.8, and concerns no time-out",
            Instead = "leave them out",
            Check = audit => Each(audit, config => Matches(
                config, Arguments(config),
                text => text.StartsWith("xen_blkfront.max=", StringComparison.Ordinal)
                    || text.Contains("ring_ref", StringComparison.Ordinal),
                danger: false)),
        },
        new Rule
        {
            Name = "mount-errors",
            Part = HostPart.GuestConfigs,
            Advice = "mount with errors=continue",
            IsReal = true,
            Truth = "the guest goes on writing over damaged metadata; an aborted journal ends its writes all the same",
            Instead = "errors=remount-ro; or errors=panic with panic=10 and on_crash = \"restart\"",
            Check = audit => Each(audit, CheckErrors).Concat(Reported(
                audit, Verdict.ErrorsRecorded, "it writes on with recorded errors, as errors=continue makes it")),
        },
        new Rule
        {
            Name = "mount-barrier",
            Part = HostPart.GuestConfigs,
            Advice = "mount with barrier=0",
            IsReal = true,
            Truth = "nothing keeps the journal in order then, and a failover is just when the contents of caches vanish",
            Instead = "barrier=1, which is the default",
            Check = audit => Each(audit, config => MatchesOption(config, "barrier=0", "nobarrier")).Concat(Reported(
                audit, Verdict.FlushDisabled, "its disk lost the flush after an error; restart it in a planned way")),
        },
        new Rule
        {
            Name = "mount-data",
            Part = HostPart.GuestConfigs,
            Advice = "mount with data=writeback",
            IsReal = true,
            Truth = "after a crash files hold what stood on the disk before, which may be another file's",
            Instead = "data=ordered, which is the default",
            Check = audit => Each(audit, config => MatchesOption(config, "data=writeback")),
        },
        new Rule
        {
            Name = "on-crash",
            Part = HostPart.GuestConfigs,
            Advice = "on_crash = \"preserve\"",
            IsReal = true,
            Truth = "for debugging: the dead guest stays, with its disks and its name; without on_crash xl destroys it "
                + "and starts nothing",
            Instead = "on_crash = \"restart\"",
            Check = audit => Each(audit, config => CheckEvent(
                config, "on_crash", "destroy", "restart", value => RecoveredBy.Contains(value), isDanger: _ => false)),
        },
        new Rule
        {
            Name = "on-reboot",
            Part = HostPart.GuestConfigs,
            Advice = "on_reboot = \"destroy\" or \"preserve\"",
            IsReal = true,
            Truth = "a guest that restarts to have its root checked does not come back",
            Instead = "on_reboot = \"restart\", which is the default",
            Check = audit => Each(audit, config => CheckEvent(
                config, "on_reboot", "restart", "restart", value => RecoveredBy.Contains(value), isDanger: _ => true)),
        },
        new Rule
        {
            Name = "on-poweroff",
            Part = HostPart.GuestConfigs,
            Advice = "on_poweroff = \"preserve\"",
            IsReal = true,
            Truth = "a guest that is off keeps its disks and its name, so it cannot be started",
            Instead = "on_poweroff = \"destroy\", which is the default",
            Check = audit => Each(audit, config => CheckEvent(
                config, "on_poweroff", "destroy", "destroy", value => value is "destroy" or "restart",
                isDanger: value => value == "preserve")),
        },
    ];

    private static IEnumerable<Finding> Each(Audit audit, Func<GuestConfig, IEnumerable<Finding>> check)
        => audit.Host.GuestConfigs.SelectMany(check);

    private static bool IsInvented(string disk)
        => disk.Split(',', StringSplitOptions.TrimEntries).Any(part
            => part.StartsWith("timeout=", StringComparison.Ordinal) || part.StartsWith("retry=", StringComparison.Ordinal));

    private static IEnumerable<Finding> Matches(
        GuestConfig config, IReadOnlyList<string> values, Func<string, bool> isBad, bool danger)
        => values.Where(isBad).Select(value => new Finding(
            danger ? FindingLevel.Danger : FindingLevel.Warning, $"{config.Name} ({config.Path})", value)
        {
            Meaning = danger ? "with it the guest does not start" : "it does nothing",
            Fix = [Shell.Edit(config.Path, "leave it out")],
        });

    private static IEnumerable<Finding> CheckErrors(GuestConfig config)
    {
        string subject = $"{config.Name} ({config.Path})";
        return MountOptions(config).Where(one => one.StartsWith("errors=", StringComparison.Ordinal)).Select(option => option switch
        {
            "errors=continue" => Finding.Danger(
                subject, option, "damage spreads", Shell.Edit(config.Path, "errors=remount-ro")),
            "errors=panic" when !RecoveredBy.Contains(config.First("on_crash")) => Finding.Warning(
                subject, option, "it panics, and nothing starts it again",
                Shell.SetLine(config.Path, "on_crash", "\"restart\"")),
            _ => Finding.Fine(subject, option),
        });
    }

    private static IEnumerable<Finding> MatchesOption(GuestConfig config, params string[] options)
        => MountOptions(config).Where(options.Contains).Select(option => Finding.Danger(
            $"{config.Name} ({config.Path})", option, "data is lost in the next failover",
            Shell.Edit(config.Path, $"leave {option} out, here and in the guest's fstab")));

    private static IEnumerable<Finding> Reported(Audit audit, Verdict verdict, string meaning)
        => from guest in audit.Host.Guests
           from one in guest.Filesystems
           where one.Verdict == verdict
           select Finding.Danger($"{guest.Name}, {one.MountPoint}", $"reports {verdict.ToName()}", meaning);

    private static Finding[] CheckEvent(
        GuestConfig config, string key, string byDefault, string wanted, Func<string, bool> isWell,
        Func<string, bool> isDanger)
    {
        string? set = config.First(key);
        string value = set ?? byDefault;
        string subject = $"{config.Name} ({config.Path})";
        string found = set is null ? $"{key} is not set: {byDefault}" : $"{key} = \"{set}\"";
        string fix = Shell.SetLine(config.Path, key, $"\"{wanted}\"");
        return
        [
            isWell(value) ? Finding.Fine(subject, found)
                : isDanger(value) ? Finding.Danger(subject, found, "it does not come back by itself", fix)
                : Finding.Warning(subject, found, "it does not come back by itself", fix),
        ];
    }

    private static string[] Arguments(GuestConfig config)
        => [.. KernelArgumentKeys.SelectMany(config.All).SelectMany(text => text.Split(' ', StringSplitOptions.RemoveEmptyEntries))];

    /// <summary>What the kernel's arguments say of mounting the root: rootflags, or the option by itself.</summary>
    private static IEnumerable<string> MountOptions(GuestConfig config)
        => Arguments(config).SelectMany(word => word.StartsWith("rootflags=", StringComparison.Ordinal)
            ? word["rootflags=".Length..].Split(',')
            : [word]);
}
