namespace HostBridge.Doctor;

/// <summary>What must be there before it happens, so that what happens can be understood and mended.</summary>
internal static class HostRules
{
    /// <summary>The rules.</summary>
    public static IReadOnlyList<Rule> All { get; } =
    [
        new Rule
        {
            Name = "failover",
            Part = HostPart.RunningGuests,
            Advice = "Xen or open-iscsi rides out any failover by itself",
            IsReal = false,
            Truth = "a guest only waits as long as its disk in Dom0 does; then its writes fail, its journal aborts, and "
                + "it stays dead although the storage comes back",
            Instead = "make each disk more patient than the worst failover",
            Check = CheckFailover,
        },
        new Rule
        {
            Name = "console-log",
            Part = HostPart.Console,
            Advice = "log the consoles of guests",
            IsReal = true,
            Truth = "a guest whose root is dead can still print why; without a log that is lost, and a guest without "
                + "an agent cannot be judged at all",
            Instead = "start xenconsoled with --log=guest",
            Check = CheckConsole,
        },
        new Rule
        {
            Name = "lvm-backup",
            Part = HostPart.Lvm,
            Advice = "back up the metadata of LVM",
            IsReal = true,
            Truth = "vgcfgbackup saves the layout of a volume group and not a byte of data",
            Instead = "keep it, and make a snapshot before any check of a filesystem",
            Check = audit => audit.Host.VolumeGroups.Select(group => group.HasMetadataBackup
                ? Finding.Fine($"volume group {group.Name}", "its metadata is in /etc/lvm/backup")
                : Finding.Warning(
                    $"volume group {group.Name}", "no metadata in /etc/lvm/backup",
                    "a damaged header cannot be restored", $"vgcfgbackup {Shell.Quote(group.Name)}")),
        },
        new Rule
        {
            Name = "clock",
            Part = HostPart.Clock,
            Advice = "synchronise the clocks",
            IsReal = true,
            Truth = "nothing is acted on by the clock of a guest; but what array, host and guests logged can only be "
                + "put in one order when their clocks agree",
            Instead = "run chronyd or systemd-timesyncd in Dom0 and in the guests",
            Check = audit => audit.Host.IsClockSynchronised switch
            {
                true => [Finding.Fine("the kernel's clock", "synchronised")],
                false =>
                [
                    Finding.Warning(
                        "the kernel's clock", "not synchronised", "lines of several machines cannot be compared",
                        "systemctl enable --now systemd-timesyncd  # or chronyd"),
                ],
                null => [],
            },
        },
    ];

    private static IEnumerable<Finding> CheckFailover(Audit audit)
        => from guest in audit.Host.Guests
           from seconds in audit.FailoverSeconds
           let prediction = Prediction.Of(guest, audit.Host, seconds)
           select Judge(audit, prediction);

    private static Finding Judge(Audit audit, Prediction prediction)
    {
        string subject = FormattableString.Invariant($"{prediction.Guest}, {prediction.FailoverSeconds} s");
        return prediction.Outcome switch
        {
            FailoverOutcome.Dies when prediction.FailoverSeconds == audit.ShortestSeconds
                => Finding.Danger(subject, "dies", prediction.Text),
            FailoverOutcome.Dies or FailoverOutcome.AtRisk
                => Finding.Warning(subject, prediction.Outcome == FailoverOutcome.Dies ? "dies" : "at risk", prediction.Text),
            FailoverOutcome.Unknown => new Finding(FindingLevel.NotChecked, subject, "not known")
            {
                Meaning = prediction.Text,
            },
            _ => Finding.Fine(subject, "lives") with { Meaning = prediction.Text },
        };
    }

    private static Finding[] CheckConsole(Audit audit)
    {
        const string Fix = "sed -i 's|^#\\?XENCONSOLED_TRACE=.*|XENCONSOLED_TRACE=guest|' /etc/default/xencommons "
            + "/etc/sysconfig/xencommons  # the one that is there; then restart xenconsoled";
        return audit.Host.ConsoleLogging switch
        {
            null => [],
            { IsDaemonRunning: false, Source: var source } =>
            [
                Finding.Warning(
                    source, "xenconsoled does not run", "no console is logged, and none can be looked at",
                    "systemctl start xenconsoled"),
            ],
            { IsLogging: false, Source: var source } =>
                [Finding.Warning(source, "guests' consoles are not logged", "what a dying guest prints is lost", Fix)],
            { Source: var source } => [Finding.Fine(source, "guests' consoles are logged")],
        };
    }
}
