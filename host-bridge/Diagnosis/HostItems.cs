using System.Text;
using HostBridge.Commands;
using HostBridge.Correlation;
using HostBridge.Doctor;
using HostBridge.Doctor.Reading;
using HostBridge.Incidents;
using HostBridge.Storage;

namespace HostBridge.Diagnosis;

/// <summary>Where a diagnosis reads.</summary>
/// <param name="Host">The host's files, xenstore and programs.</param>
/// <param name="StateDirectory">Where the bridge records incidents.</param>
/// <param name="FailoverSeconds">For the doctor's predictions.</param>
internal sealed record DiagnosisSources(HostSources Host, string StateDirectory, IReadOnlyList<int> FailoverSeconds);

/// <summary>The list of everything that is to be gathered when it happens, the most perishable first.</summary>
/// <param name="sources">Where to read.</param>
internal sealed class HostItems(DiagnosisSources sources)
{
    private const int MaxCommandBytes = 4 * 1024 * 1024;
    private const int MaxTimelines = 50;
    private const int MaxMoments = 5000;
    private const int TailBytes = 512 * 1024;
    private const int MaxIncidents = 2000;
    private const string ConsoleFolder = "/var/log/xen/console";

    /// <summary>The commands: name in the archive, program, arguments.</summary>
    private static readonly (string Name, string Program, string[] Arguments)[] Commands =
    [
        ("kernel/dmesg", "dmesg", []),
        ("iscsi/sessions", "iscsiadm", ["-m", "session", "-P", "3"]),
        ("multipath/maps.json", "multipathd", ["show", "maps", "json"]),
        ("multipath/topology", "multipath", ["-ll"]),
        ("block/dm-table", "dmsetup", ["table"]),
        ("block/dm-status", "dmsetup", ["status"]),
        ("block/lsblk", "lsblk", ["--all", "--output", "NAME,KNAME,MAJ:MIN,TYPE,SIZE,RO,STATE,MOUNTPOINT,WWN"]),
        ("block/losetup", "losetup", ["--list"]),
        ("xen/list", "xl", ["list", "--long"]),
        ("xen/info", "xl", ["info"]),
        ("xen/dmesg", "xl", ["dmesg"]),
        ("kernel/processes", "ps", ["-eo", "pid,ppid,stat,wchan:32,etime,args"]),
        ("journal/storage", "journalctl",
            ["--no-pager", "--lines=5000", "--output=short-precise", "--unit=iscsid", "--unit=multipathd", "--unit=host-bridge"]),
    ];

    private static readonly string[] Files =
    [
        "/proc/mounts", "/proc/cmdline", "/proc/version", "/proc/uptime", "/proc/diskstats", "/etc/iscsi/iscsid.conf",
        "/etc/multipath.conf", "/etc/xen/xl.conf",
    ];

    /// <summary>The items for some guests.</summary>
    /// <param name="guests">The guests.</param>
    /// <param name="listed">The files that <see cref="ListFiles"/> found.</param>
    public IReadOnlyList<DiagnosisItem> For(IReadOnlyList<DiagnosedGuest> guests, IReadOnlyList<string> listed)
        =>
        [
            .. Commands.Select(Command),
            new DiagnosisItem("block/sysfs", "/sys", _ => Task.FromResult(ReadSysfs())),
            .. guests.Where(guest => guest.Domain is not null).Select(Evidence),
            new DiagnosisItem(
                "bridge/incidents.jsonl",
                Path.Combine(sources.StateDirectory, IncidentStore.FileName),
                _ => Task.FromResult(ReadIncidents())),
            new DiagnosisItem(
                "bridge/timelines",
                Path.Combine(sources.StateDirectory, IncidentStore.FileName),
                _ => Task.FromResult(ReadTimelines())),
            .. listed.Concat(Files).Select(path => File($"files{path}", path)),
            new DiagnosisItem("doctor", "host-bridge doctor", _ => ExamineAsync()),
        ];

    /// <summary>The console logs of some guests, and the records of open-iscsi. It may hang, as any folder may.</summary>
    /// <param name="guests">The guests.</param>
    /// <param name="isEveryGuest">Whether these are all: then every console's log is taken.</param>
    public IReadOnlyList<string> ListFiles(IReadOnlyList<DiagnosedGuest> guests, bool isEveryGuest)
    {
        var tree = new HostTree(sources.Host.Root);
        return
        [
            .. tree.Names(ConsoleFolder)
                .Where(name => name.EndsWith(".log", StringComparison.Ordinal)
                    && (isEveryGuest || name == "hypervisor.log" || guests.Any(guest => name == $"guest-{guest.Name}.log")))
                .Select(name => $"{ConsoleFolder}/{name}"),
            .. BlockSettingsReader.RecordFolders.SelectMany(folder => tree.FilesBelow(folder, depth: 2)),
        ];
    }

    private static DiagnosisItem Command((string Name, string Program, string[] Arguments) command)
        => new(command.Name, $"{command.Program} {string.Join(' ', command.Arguments)}".TrimEnd(), async limit =>
        {
            if (BoundedCommand.Find(command.Program) is not { } program)
            {
                return new ItemContent([], $"{command.Program} is not installed");
            }

            CommandOutput output = await BoundedCommand
                .RunAsync(program, command.Arguments, new CommandLimits(limit, MaxCommandBytes)).ConfigureAwait(false);
            return new ItemContent([.. output.Output, .. output.Errors], output.Problem);
        });

    /// <summary>What xenstore holds of a guest: what it wrote itself, its disks, what the toolstack wrote.</summary>
    private DiagnosisItem Evidence(DiagnosedGuest guest)
        => new($"guests/{FileName(guest.Name).Replace('/', '_')}", $"xenstore of domain {guest.Domain}", limit => XenstoreTree.PrintAsync(
            sources.Host.XenstorePath,
            [
                $"/local/domain/{guest.Domain}", $"/local/domain/0/backend/vbd/{guest.Domain}",
                $"/local/domain/0/backend/qdisk/{guest.Domain}", $"/libxl/{guest.Domain}",
            ],
            limit));

    private DiagnosisItem File(string name, string path, bool isOfHost = true)
        => new(FileName(name), path, _ => Task.FromResult(Tail(isOfHost ? sources.Host.Root.TrimEnd('/') + path : path)));

    /// <summary>The newest entries of the bridge's record, one on a line.</summary>
    private ItemContent ReadIncidents()
    {
        if (!System.IO.File.Exists(Path.Combine(sources.StateDirectory, IncidentStore.FileName)))
        {
            return new ItemContent([], "there is no such file");
        }

        IReadOnlyList<IncidentEntry> entries = IncidentReader.ReadStory(sources.StateDirectory, guest: null, MaxIncidents);
        byte[] lines = Encoding.UTF8.GetBytes(string.Concat(entries.Select(entry => $"{entry.ToJson()}\n")));
        return new ItemContent(
            lines, entries.Count == MaxIncidents ? $"only the newest {MaxIncidents} entries" : null);
    }

    /// <summary>The newest storage incidents, as a person reads them.</summary>
    private ItemContent ReadTimelines()
    {
        if (!System.IO.File.Exists(Path.Combine(sources.StateDirectory, IncidentStore.FileName)))
        {
            return new ItemContent([], "there is no such file");
        }

        IReadOnlyList<TimelineEntry> entries = IncidentReader.ReadTimeline(sources.StateDirectory, MaxMoments);
        return new ItemContent(
            Encoding.UTF8.GetBytes(TimelineText.Write(entries, MaxTimelines)),
            entries.Count == MaxMoments ? $"only the newest {MaxMoments} moments" : null);
    }

    /// <summary>The end of a file; all of it when it is not long.</summary>
    private static ItemContent Tail(string path)
    {
        if (!System.IO.File.Exists(path))
        {
            return new ItemContent([], "there is no such file");
        }

        using FileStream file = System.IO.File.OpenRead(path);
        bool isCut = file.Length > TailBytes;
        if (isCut)
        {
            file.Seek(-TailBytes, SeekOrigin.End);
        }

        byte[] content = new byte[TailBytes];
        int size = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        return new ItemContent(content[..size], isCut ? $"only its last {TailBytes} bytes" : null);
    }

    /// <summary>The state of sessions, disks and backends, a path and a value on a line. No secret lies in these.</summary>
    private ItemContent ReadSysfs()
    {
        var text = new StringBuilder();
        (string Folder, string[] Attributes)[] places =
        [
            ("class/iscsi_session", ["state", "targetname", "recovery_tmo", "tpgt"]),
            ("class/iscsi_connection", ["state", "persistent_address", "persistent_port", "recv_tmo", "ping_tmo"]),
            ("class/fc_remote_ports", ["port_state", "node_name", "port_name", "dev_loss_tmo", "fast_io_fail_tmo"]),
            ("class/nvme", ["state", "transport", "subsysnqn", "ctrl_loss_tmo", "fast_io_fail_tmo"]),
            ("class/block",
                ["dev", "size", "ro", "stat", "inflight", "device/state", "device/timeout", "device/eh_timeout",
                    "device/wwid", "dm/name", "dm/uuid", "dm/suspended", "loop/backing_file"]),
            ("bus/xen-backend/devices",
                ["physical_device", "mode", "state", "statistics/rd_req", "statistics/wr_req", "statistics/f_req"]),
        ];
        var files = new HostFiles(sources.Host.Root);
        foreach ((string folder, string[] attributes) in places)
        {
            foreach (string name in HostFiles.Names(files.Sys(folder)))
            {
                foreach (string attribute in attributes)
                {
                    string path = $"{folder}/{name}/{attribute}";
                    if (HostFiles.TryRead(files.Sys(path)) is { } value)
                    {
                        text.Append($"/sys/{path} {value.Replace('\n', ' ')}\n");
                    }
                }

                IReadOnlyList<string> slaves = HostFiles.Names(files.Sys($"{folder}/{name}/slaves"));
                text.Append(slaves.Count > 0 ? $"/sys/{folder}/{name}/slaves {string.Join(' ', slaves)}\n" : string.Empty);
            }
        }

        return new ItemContent(Encoding.UTF8.GetBytes(text.ToString()), Problem: null);
    }

    private async Task<ItemContent> ExamineAsync()
    {
        HostSettings settings = await HostReader.ReadAsync(sources.Host).ConfigureAwait(false);
        var examination = Examination.Of(new Audit(settings, sources.FailoverSeconds));
        return new ItemContent(Encoding.UTF8.GetBytes(ExaminationText.Write(examination)), Problem: null);
    }

    /// <summary>A path that no archiver can be led astray by, whatever a guest or a target is called.</summary>
    private static string FileName(string name)
        => string.Concat(name.Select(letter => char.IsAsciiLetterOrDigit(letter) || "/._-:,".Contains(letter) ? letter : '_'))
            .Replace("..", "__", StringComparison.Ordinal);
}
