using System.Globalization;
using HostBridge.Storage.Judging;

namespace HostBridge.Doctor;

/// <summary>What circulates about open-iscsi. The facts: its iscsid.conf and README, libiscsi, scsi_transport_iscsi.</summary>
internal static class IscsiRules
{
    private const string ReplacementTimeout = "node.session.timeo.replacement_timeout";
    private const string NoopInterval = "node.conn[0].timeo.noop_out_interval";
    private const string NoopTimeout = "node.conn[0].timeo.noop_out_timeout";

    /// <summary>A day, as open-iscsi's README has it for a root without multipath.</summary>
    private const int DirectSeconds = 86400;

    private const int PathSeconds = 10;
    private const int MaxPathSeconds = 15;
    private const int DefaultNoopSeconds = 5;

    /// <summary>A dead portal is noticed within the interval and the timeout together.</summary>
    private const int MaxNoticeSeconds = 15;

    /// <summary>The rules.</summary>
    public static IReadOnlyList<Rule> All { get; } =
    [
        new Rule
        {
            Name = "replacement-timeout",
            Part = HostPart.Iscsi,
            Advice = "set node.session.timeo.replacement_timeout = 120",
            IsReal = true,
            Truth = "it is the default already: so long after the connection broke the disk fails, and with it every "
                + "guest without multipath",
            Instead = "LUNs without multipath: longer than the worst failover (86400 in open-iscsi's README); paths of "
                + "multipath: 5 to 15, and let no_path_retry wait",
            Check = CheckReplacementTimeout,
        },
        new Rule
        {
            Name = "noop",
            Part = HostPart.Iscsi,
            Advice = "set noop_out_interval = 30 and noop_out_timeout = 120",
            IsReal = true,
            Truth = "a portal that died silently is noticed after the two together: 150 s instead of 10 make every "
                + "outage longer; 0 turns the ping off",
            Instead = "5 and 5, which are the defaults",
            Check = CheckNoop,
        },
    ];

    private static List<Finding> CheckReplacementTimeout(Audit audit)
    {
        var findings = new List<Finding>();
        foreach (InitiatorFile file in audit.Host.InitiatorFiles)
        {
            if (Number(file, ReplacementTimeout) is { } seconds)
            {
                bool isPath = IsPath(audit.Host, file.TargetName);
                string fix = file.TargetName is { } target
                    ? Update(target, ReplacementTimeout, Wanted(isPath))
                    : Shell.SetLine(file.Path, ReplacementTimeout, Text(Wanted(isPath)));
                findings.Add(JudgeReplacement(audit, file.Path, ReplacementTimeout, seconds, isPath, fix));
            }
        }

        foreach (IscsiSession session in audit.Host.Sessions.Select(one => one.Session))
        {
            if (session.RecoveryTimeoutSeconds is { } seconds)
            {
                bool isPath = IsPath(audit.Host, session.TargetName);
                findings.Add(JudgeReplacement(
                    audit, $"{session.Name} to {session.TargetName}", "recovery_tmo", seconds, isPath,
                    $"echo {Text(Wanted(isPath))} > /sys/class/iscsi_session/{session.Name}/recovery_tmo"));
            }
        }

        return findings;
    }

    private static Finding JudgeReplacement(
        Audit audit, string subject, string name, int seconds, bool isPath, string fix)
    {
        string found = $"{name} = {Text(seconds)}";
        if (isPath)
        {
            return seconds is >= 0 and <= MaxPathSeconds
                ? Finding.Fine(subject, found)
                : Finding.Warning(subject, found, "a dead path is left for the next one only after this time", fix);
        }

        if (seconds >= 0 && seconds <= audit.ShortestSeconds)
        {
            return Finding.Danger(
                subject, found, $"a failover of {Text(audit.ShortestSeconds)} s kills the guests on it", fix);
        }

        return seconds >= 0 && seconds <= audit.LongestSeconds
            ? Finding.Warning(subject, found, $"a failover of {Text(audit.LongestSeconds)} s kills the guests on it", fix)
            : Finding.Fine(subject, found);
    }

    private static List<Finding> CheckNoop(Audit audit)
    {
        var findings = new List<Finding>();
        foreach (InitiatorFile file in audit.Host.InitiatorFiles)
        {
            if ((Number(file, NoopInterval), Number(file, NoopTimeout)) is ({ } interval, { } timeout))
            {
                string[] fix = file.TargetName is { } target
                    ?
                    [
                        Update(target, NoopInterval, DefaultNoopSeconds),
                        Update(target, NoopTimeout, DefaultNoopSeconds),
                    ]
                    :
                    [
                        Shell.SetLine(file.Path, NoopInterval, Text(DefaultNoopSeconds)),
                        Shell.SetLine(file.Path, NoopTimeout, Text(DefaultNoopSeconds)),
                    ];
                findings.Add(JudgeNoop(file.Path, interval, timeout, fix));
            }
        }

        foreach (SessionTimers timers in audit.Host.Sessions)
        {
            if (timers is { NoopIntervalSeconds: { } interval, NoopTimeoutSeconds: { } timeout })
            {
                // A live session takes them over at its next login only.
                findings.Add(JudgeNoop(
                    $"{timers.Session.Name} to {timers.Session.TargetName}", interval, timeout,
                    [
                        Update(timers.Session.TargetName, NoopInterval, DefaultNoopSeconds),
                        Update(timers.Session.TargetName, NoopTimeout, DefaultNoopSeconds),
                    ]));
            }
        }

        return findings;
    }

    private static Finding JudgeNoop(string subject, int interval, int timeout, string[] fix)
    {
        string found = $"noop_out_interval = {Text(interval)}, noop_out_timeout = {Text(timeout)}";
        if (interval == 0 || timeout == 0)
        {
            return Finding.Warning(subject, found, "a portal that died silently is never noticed by itself", fix);
        }

        return interval + timeout > MaxNoticeSeconds
            ? Finding.Warning(
                subject, found, $"a portal that died silently is noticed after up to {Text(interval + timeout)} s", fix)
            : Finding.Fine(subject, found);
    }

    /// <summary>Whether a target's disks are paths of multipath maps. Where no guest tells, maps on this host do.</summary>
    private static bool IsPath(HostSettings host, string? targetName)
    {
        List<bool> uses = [.. host.Guests.SelectMany(guest => guest.Disks).SelectMany(disk => Uses(disk, targetName, isPath: false))];
        return uses.Count > 0 ? uses.TrueForAll(isPath => isPath) : host.Maps.Count > 0;
    }

    private static IEnumerable<bool> Uses(BlockDevice device, string? targetName, bool isPath)
        => device is BlockDevice.ScsiDisk { Transport: ScsiTransport.Iscsi { Session: var session } }
            ? targetName is null || session.TargetName == targetName ? [isPath] : []
            : device.Below.SelectMany(below => Uses(below, targetName, isPath || device is BlockDevice.Multipath));

    private static int? Number(InitiatorFile file, string name)
        => file.Values.TryGetValue(name, out string? text)
            && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
                ? number
                : null;

    private static string Update(string target, string name, int value)
        => $"iscsiadm -m node -T {Shell.Quote(target)} -o update -n '{name}' -v {Text(value)}";

    private static int Wanted(bool isPath) => isPath ? PathSeconds : DirectSeconds;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
