using HostBridge.Doctor.Parsing;
using HostBridge.Storage;

namespace HostBridge.Doctor.Reading;

/// <summary>Reads what is not storage: the logging of consoles, backups of LVM, scripts that run by themselves.</summary>
/// <param name="tree">The host's files.</param>
internal sealed class HostPartsReader(HostTree tree)
{
    private const string VolumeUuidPrefix = "LVM-";
    private const string LvmBackups = "/etc/lvm/backup";

    /// <summary>More programs than any sane host runs from cron and units of its own.</summary>
    private const int MaxScripts = 2000;

    private const int MaxScriptLength = 256 * 1024;

    private static readonly string[] ConsoleSettings =
        ["/etc/default/xencommons", "/etc/sysconfig/xencommons", "/etc/default/xen"];

    private static readonly string[] ScriptFiles = ["/etc/crontab", "/etc/rc.local", "/etc/rc.d/rc.local"];

    private static readonly string[] ScriptFolders =
    [
        "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly",
        "/var/spool/cron", "/var/spool/cron/crontabs", "/etc/systemd/system", "/usr/local/bin", "/usr/local/sbin",
        "/root", "/root/bin",
    ];

    /// <summary>Where an administrator's own programs lie.</summary>
    private static readonly string[] OwnFolders =
        ["/opt/", "/srv/", "/home/", "/root/", "/etc/", "/usr/local/", "/var/lib/"];

    /// <summary>Whether guests' consoles are logged; null, and a gap, where nothing tells.</summary>
    public ConsoleLogging? ConsoleLogging(List<Gap> gaps)
    {
        foreach (string process in HostFiles.Names(tree.Files.Proc(string.Empty)).Where(name => char.IsAsciiDigit(name[0])))
        {
            if (HostFiles.TryRead(tree.Files.Proc($"{process}/comm")) == "xenconsoled")
            {
                string arguments = (HostFiles.TryRead(tree.Files.Proc($"{process}/cmdline")) ?? string.Empty).Replace('\0', ' ');
                bool isLogging = arguments.Contains("--log=guest", StringComparison.Ordinal)
                    || arguments.Contains("--log=all", StringComparison.Ordinal);
                return new ConsoleLogging(IsDaemonRunning: true, isLogging, $"xenconsoled (process {process})");
            }
        }

        foreach (string path in ConsoleSettings)
        {
            if (tree.TryReadText(path) is { } text)
            {
                IReadOnlyDictionary<string, string> settings = AssignmentFile.Parse(text);
                bool isLogging = settings.GetValueOrDefault("XENCONSOLED_TRACE") is "guest" or "all"
                    || settings.GetValueOrDefault("XENCONSOLED_ARGS")?.Contains("--log=", StringComparison.Ordinal) == true;
                return new ConsoleLogging(IsDaemonRunning: false, isLogging, path);
            }
        }

        gaps.Add(new Gap(HostPart.Console, "xenconsoled does not run and is not set up", IsRefused: false));
        return null;
    }

    /// <summary>Every volume group of which a volume is active.</summary>
    public IReadOnlyList<VolumeGroup> VolumeGroups(List<Gap> gaps)
    {
        IReadOnlyList<string> backups = tree.Names(LvmBackups);
        List<VolumeGroup> groups =
        [
            .. HostFiles.Names(tree.Files.Sys("class/block"))
                .Select(name => tree.Files.Sys($"class/block/{name}/dm"))
                .Where(map => HostFiles.TryRead($"{map}/uuid")?.StartsWith(VolumeUuidPrefix, StringComparison.Ordinal) == true)
                .Select(map => GroupOf(HostFiles.TryRead($"{map}/name") ?? string.Empty))
                .Distinct(StringComparer.Ordinal)
                .Select(group => new VolumeGroup(group, backups.Contains(group))),
        ];
        if (groups.Count == 0)
        {
            gaps.Add(new Gap(HostPart.Lvm, "no volume of LVM is active", IsRefused: false));
        }

        return groups;
    }

    /// <summary>The lines that some rule is about, in crontabs, units, and what they run.</summary>
    public IReadOnlyList<ScriptLine> ScriptLines()
    {
        var queue = new Queue<string>(ScriptFiles.Concat(ScriptFolders.SelectMany(folder
            => tree.FilesBelow(folder, depth: 0).Where(path => !path.StartsWith("/root/.", StringComparison.Ordinal)))));
        int first = queue.Count;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var lines = new List<ScriptLine>();
        for (int number = 0; queue.TryDequeue(out string? path) && number < MaxScripts; number++)
        {
            // Programs are no scripts; what system folders hold comes from packages.
            if (!seen.Add(path) || tree.TryReadText(path) is not { } text || text.Length > MaxScriptLength
                || text.Contains('\0'))
            {
                continue;
            }

            lines.AddRange(ScriptText.Find(text, path));
            if (number < first)
            {
                foreach (string program in ScriptText.ProgramsIn(text).Where(IsOwn))
                {
                    queue.Enqueue(program);
                }
            }
        }

        return lines;
    }

    private static bool IsOwn(string program)
        => OwnFolders.Any(folder => program.StartsWith(folder, StringComparison.Ordinal));

    /// <summary>A map's name is GROUP-VOLUME, and a hyphen in either is doubled.</summary>
    private static string GroupOf(string mapName)
    {
        for (int i = 0; i < mapName.Length; i++)
        {
            if (mapName[i] == '-' && i + 1 < mapName.Length && mapName[i + 1] == '-')
            {
                i++;
            }
            else if (mapName[i] == '-')
            {
                return mapName[..i].Replace("--", "-", StringComparison.Ordinal);
            }
        }

        return mapName;
    }
}
