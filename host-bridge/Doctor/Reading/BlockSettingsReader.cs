using System.Globalization;
using HostBridge.Commands;
using HostBridge.Doctor.Parsing;
using HostBridge.Storage;

namespace HostBridge.Doctor.Reading;

/// <summary>Reads the settings of iSCSI, SCSI, Fibre Channel, NVMe and multipath.</summary>
/// <param name="tree">The host's files.</param>
internal sealed class BlockSettingsReader(HostTree tree)
{
    private const string IscsidConf = "/etc/iscsi/iscsid.conf";
    private const string MultipathConfPath = "/etc/multipath.conf";
    private const string MultipathFolder = "/etc/multipath/conf.d";
    private const int MaxAnswerBytes = 4 * 1024 * 1024;

    private static readonly TimeSpan MultipathdLimit = TimeSpan.FromSeconds(5);

    /// <summary>Where open-iscsi keeps its records: NODES/TARGET/PORTAL, or NODES/TARGET/PORTAL/INTERFACE.</summary>
    public static IReadOnlyList<string> RecordFolders { get; } = ["/etc/iscsi/nodes", "/var/lib/iscsi/nodes"];

    /// <summary>iscsid.conf and every record.</summary>
    public IReadOnlyList<InitiatorFile> InitiatorFiles(List<Gap> gaps)
    {
        var files = new List<InitiatorFile>();
        if (tree.TryReadText(IscsidConf) is { } text)
        {
            files.Add(new InitiatorFile(IscsidConf, TargetName: null, AssignmentFile.Parse(text)));
        }
        else if (!tree.Exists(IscsidConf))
        {
            gaps.Add(new Gap(HostPart.Iscsi, $"open-iscsi is not installed: there is no {IscsidConf}", IsRefused: false));
        }

        foreach (string path in RecordFolders.SelectMany(folder => tree.FilesBelow(folder, depth: 2)))
        {
            if (tree.TryReadText(path) is { } record)
            {
                IReadOnlyDictionary<string, string> values = AssignmentFile.Parse(record);
                files.Add(new InitiatorFile(path, values.GetValueOrDefault("node.name"), values));
            }
        }

        return files;
    }

    /// <summary>Every live session.</summary>
    public IReadOnlyList<SessionTimers> Sessions(List<Gap> gaps)
    {
        var sessions = new List<SessionTimers>();
        foreach (Storage.Judging.IscsiSession session in new TransportReader(tree.Files).Sessions())
        {
            string? connection = session.Connections is [{ Name: var name }, ..] ? name : null;
            string folder = tree.Files.Sys($"class/iscsi_connection/{connection}");
            sessions.Add(new SessionTimers(
                session,
                (int?)HostFiles.TryReadNumber($"{folder}/recv_tmo"),
                (int?)HostFiles.TryReadNumber($"{folder}/ping_tmo")));
        }

        if (sessions.Count == 0)
        {
            gaps.Add(new Gap(HostPart.Iscsi, "no iSCSI session is logged in", IsRefused: false));
        }

        return sessions;
    }

    /// <summary>Every SCSI disk that is reached over a network.</summary>
    public IReadOnlyList<ScsiTimers> ScsiDisks(List<Gap> gaps)
    {
        var disks = new List<ScsiTimers>();
        foreach (string name in HostFiles.Names(tree.Files.Sys("class/block")))
        {
            string path = HostFiles.TryReadLink(tree.Files.Sys($"class/block/{name}")) ?? string.Empty;
            if (Storage.Parsing.DevicePath.Parse(path) is { ScsiAddress: not null } parsed
                && (parsed.Session ?? parsed.RemotePort) is not null)
            {
                string device = tree.Files.Sys($"class/block/{name}/device");
                disks.Add(new ScsiTimers(
                    name,
                    (int?)HostFiles.TryReadNumber($"{device}/timeout"),
                    (int?)HostFiles.TryReadNumber($"{device}/eh_timeout")));
            }
        }

        if (disks.Count == 0)
        {
            gaps.Add(new Gap(HostPart.Scsi, "no SCSI disk of a SAN is here", IsRefused: false));
        }

        return disks;
    }

    /// <summary>Every Fibre Channel port and NVMe controller.</summary>
    public IReadOnlyDictionary<string, WayTimers> Ways()
    {
        var ways = new Dictionary<string, WayTimers>(StringComparer.Ordinal);
        foreach ((string folder, string loss) in
            new[] { ("class/fc_remote_ports", "dev_loss_tmo"), ("class/nvme", "ctrl_loss_tmo") })
        {
            foreach (string name in HostFiles.Names(tree.Files.Sys(folder)))
            {
                string way = tree.Files.Sys($"{folder}/{name}");
                // "off" is no number, and an NVMe controller says -1 for it.
                int? fast = (int?)HostFiles.TryReadNumber($"{way}/fast_io_fail_tmo");
                ways[name] = new WayTimers(name, fast >= 0 ? fast : null, LossSeconds($"{way}/{loss}"));
            }
        }

        return ways;
    }

    /// <summary>The settings of multipath.conf and its drop-ins.</summary>
    public IReadOnlyList<MultipathSetting> MultipathSettings(List<Gap> gaps)
    {
        if (!tree.Exists(MultipathConfPath))
        {
            gaps.Add(new Gap(HostPart.Multipath, $"multipath is not set up: there is no {MultipathConfPath}", IsRefused: false));
        }

        return
        [
            .. tree.FilesBelow(MultipathFolder, depth: 0).Prepend(MultipathConfPath)
                .SelectMany(path => MultipathConf.Parse(tree.TryReadText(path) ?? string.Empty, path)),
        ];
    }

    /// <summary>What multipathd says of the live maps; none, and a gap, when it does not answer in time.</summary>
    public static async Task<IReadOnlyDictionary<string, MapQueueing>> MapsAsync(string? multipathd, List<Gap> gaps)
    {
        if (multipathd is null)
        {
            gaps.Add(new Gap(HostPart.Multipath, "multipathd is not installed", IsRefused: false));
            return new Dictionary<string, MapQueueing>();
        }

        CommandOutput answer = await BoundedCommand
            .RunAsync(multipathd, ["show", "maps", "json"], new CommandLimits(MultipathdLimit, MaxAnswerBytes))
            .ConfigureAwait(false);
        IReadOnlyDictionary<string, MapQueueing>? maps = MapQueueings.Parse(answer.Output);
        if (maps is null)
        {
            gaps.Add(new Gap(
                HostPart.Multipath,
                $"multipathd did not tell its maps: {answer.Problem ?? "its answer is no list of maps"}",
                IsRefused: true));
        }

        return maps ?? new Dictionary<string, MapQueueing>();
    }

    private static int? LossSeconds(string path)
        => HostFiles.TryRead(path) switch
        {
            "off" => -1,
            { } text when int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int seconds)
                => seconds,
            _ => null,
        };
}
