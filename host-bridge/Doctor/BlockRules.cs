using System.Globalization;

namespace HostBridge.Doctor;

/// <summary>What circulates about SCSI disks and multipath. The facts: sd, scsi_error, dm-mpath, libmultipath.</summary>
internal static class BlockRules
{
    private const int DefaultCommandSeconds = 30;

    /// <summary>What some arrays' udev rules set; no harm.</summary>
    private const int MaxCommandSeconds = 60;

    private const int MaxErrorHandlerSeconds = 10;

    /// <summary>The rules.</summary>
    public static IReadOnlyList<Rule> All { get; } =
    [
        new Rule
        {
            Name = "scsi-timeout",
            Part = HostPart.Scsi,
            Advice = "echo 180 > /sys/block/sdX/device/timeout",
            IsReal = true,
            Truth = "it does not make a failover survivable: while a session is down its timer is reset again and "
                + "again; with a target that is alive and stuck it delays error handling and the next path",
            Instead = "30, or 60 where the array's maker asks for it; size replacement_timeout and no_path_retry",
            Check = audit => audit.Host.ScsiDisks.Where(disk => disk.CommandTimeoutSeconds is not null).Select(CheckTimeout),
        },
        new Rule
        {
            Name = "scsi-error-handling",
            Part = HostPart.Scsi,
            Advice = "leave eh_timeout alone, or raise it",
            IsReal = true,
            Truth = "each step of error handling (abort, reset of LUN, target, bus, host) may take so long, during "
                + "which the whole host adapter waits",
            Instead = "10, which is the default",
            Check = audit => audit.Host.ScsiDisks.Where(disk => disk.ErrorHandlerTimeoutSeconds is not null)
                .Select(CheckErrorHandling),
        },
        new Rule
        {
            Name = "no-path-retry",
            Part = HostPart.Multipath,
            Advice = "set queue_if_no_path, or no_path_retry fail",
            IsReal = true,
            Truth = "queueing for ever makes a guest hang for as long as it lasts, and the host's own programs with "
                + "it; failing at once kills every guest as soon as the last path is gone",
            Instead = "a number of checks that covers the failover, like no_path_retry 60 with polling_interval 5",
            Check = audit => audit.Host.MultipathSettings.Where(IsAboutQueueing).Select(one => CheckSetting(audit, one))
                .Concat(audit.Host.Maps.Values.Select(map => CheckMap(audit, map))),
        },
    ];

    private static Finding CheckTimeout(ScsiTimers disk)
    {
        string found = $"timeout = {Text(disk.CommandTimeoutSeconds!.Value)}";
        string fix = $"echo {Text(DefaultCommandSeconds)} > /sys/block/{disk.Name}/device/timeout";
        return disk.CommandTimeoutSeconds switch
        {
            < DefaultCommandSeconds => Finding.Warning(
                disk.Name, found, "a busy array needs longer for a command now and then; giving it up resets the LUN", fix),
            > MaxCommandSeconds => Finding.Warning(
                disk.Name, found, "it delays error handling and helps in no failover", fix),
            _ => Finding.Fine(disk.Name, found),
        };
    }

    private static Finding CheckErrorHandling(ScsiTimers disk)
    {
        string found = $"eh_timeout = {Text(disk.ErrorHandlerTimeoutSeconds!.Value)}";
        return disk.ErrorHandlerTimeoutSeconds > MaxErrorHandlerSeconds
            ? Finding.Warning(
                disk.Name, found, "several steps follow one another, each this long",
                $"echo {Text(MaxErrorHandlerSeconds)} > /sys/block/{disk.Name}/device/eh_timeout")
            : Finding.Fine(disk.Name, found);
    }

    private static bool IsAboutQueueing(MultipathSetting setting)
        => setting.Key == "no_path_retry" || (setting.Key == "features" && setting.Value.Contains("queue_if_no_path"));

    private static Finding CheckSetting(Audit audit, MultipathSetting setting)
    {
        string subject = $"{setting.Path}, {setting.Section}";
        string found = $"{setting.Key} {setting.Value}";
        string fix = Shell.Edit(setting.Path, $"{setting.Section}: no_path_retry {Text(WantedChecks(audit))}");
        if (setting.Key == "features" || setting.Value == "queue")
        {
            return QueuesForEver(subject, found, fix);
        }

        if (setting.Value == "fail" || !int.TryParse(setting.Value, CultureInfo.InvariantCulture, out int checks))
        {
            return FailsAtOnce(subject, found, fix);
        }

        return Covers(audit, subject, found, checks * audit.Host.PollingSeconds, fix);
    }

    private static Finding CheckMap(Audit audit, MapQueueing map)
    {
        string subject = $"map {map.Name}";
        string found = $"queueing {map.Queueing}";
        string[] fix =
        [
            Shell.Edit("/etc/multipath.conf", $"defaults: no_path_retry {Text(WantedChecks(audit))}"),
            "multipathd reconfigure",
        ];
        bool hasFeature = map.Features.Contains("queue_if_no_path", StringComparison.Ordinal);
        return map.Queueing.Split(' ') switch
        {
            ["on"] => QueuesForEver(subject, found, fix),
            ["-"] when hasFeature => QueuesForEver(subject, $"features {map.Features}", fix),
            [var number, "chk"] when int.TryParse(number, CultureInfo.InvariantCulture, out int checks)
                => Covers(audit, subject, found, checks * audit.Host.PollingSeconds, fix),
            [_, "sec"] => Finding.Danger(subject, found, "it has no path now, and fails when this time is over"),
            _ => FailsAtOnce(subject, found, fix),
        };
    }

    private static Finding QueuesForEver(string subject, string found, params string[] fix)
        => Finding.Warning(
            subject, found, "guests hang for as long as no path is there, and nothing on this host can end that", fix);

    private static Finding FailsAtOnce(string subject, string found, params string[] fix)
        => Finding.Danger(subject, found, "every guest on it dies as soon as its last path has failed", fix);

    private static Finding Covers(Audit audit, string subject, string found, int seconds, params string[] fix)
    {
        string all = $"{found} (about {Text(seconds)} s)";
        if (seconds <= audit.ShortestSeconds)
        {
            return Finding.Danger(subject, all, $"shorter than a failover of {Text(audit.ShortestSeconds)} s", fix);
        }

        return seconds <= audit.LongestSeconds
            ? Finding.Warning(subject, all, $"shorter than a failover of {Text(audit.LongestSeconds)} s", fix)
            : Finding.Fine(subject, all);
    }

    private static int WantedChecks(Audit audit)
        => ((audit.LongestSeconds * 3 / 2) + audit.Host.PollingSeconds - 1) / audit.Host.PollingSeconds;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
