using System.Globalization;
using HostBridge.Recovery;
using HostBridge.Storage.Judging;
using HostBridge.Toolstacks.Parsing;
using Protocol.Health;

namespace HostBridge.Doctor;

/// <summary>A file of open-iscsi: iscsid.conf, or the record of one portal.</summary>
/// <param name="Path">The file.</param>
/// <param name="TargetName">The target that a record is for; null for iscsid.conf.</param>
/// <param name="Values">Its settings by name.</param>
internal sealed record InitiatorFile(string Path, string? TargetName, IReadOnlyDictionary<string, string> Values);

/// <summary>A session with the times that decide what a failover does.</summary>
/// <param name="Session">The session, with its replacement_timeout.</param>
/// <param name="NoopIntervalSeconds">After what silence it is pinged; null when not known.</param>
/// <param name="NoopTimeoutSeconds">How long the answer may take; null when not known.</param>
internal sealed record SessionTimers(IscsiSession Session, int? NoopIntervalSeconds, int? NoopTimeoutSeconds);

/// <summary>The times of a SCSI disk, in seconds; null where not known.</summary>
/// <param name="Name">The kernel's name, like <c>sda</c>.</param>
/// <param name="CommandTimeoutSeconds">After how long a command is given up.</param>
/// <param name="ErrorHandlerTimeoutSeconds">How long each step of error handling may take.</param>
internal sealed record ScsiTimers(string Name, int? CommandTimeoutSeconds, int? ErrorHandlerTimeoutSeconds);

/// <summary>How long a Fibre Channel port or an NVMe controller holds requests back, in seconds.</summary>
/// <param name="Name">The kernel's name.</param>
/// <param name="FastFailSeconds">fast_io_fail_tmo; null when off or not known.</param>
/// <param name="LossSeconds">dev_loss_tmo or ctrl_loss_tmo; −1 is never, null when not known.</param>
internal sealed record WayTimers(string Name, int? FastFailSeconds, int? LossSeconds);

/// <summary>A setting of multipath.conf.</summary>
/// <param name="Section">The sections it stands in, like <c>defaults</c> or <c>devices/device</c>.</param>
/// <param name="Key">Its name.</param>
/// <param name="Value">Its value without quotes.</param>
/// <param name="Path">The file.</param>
internal sealed record MultipathSetting(string Section, string Key, string Value, string Path);

/// <summary>What a live map does without any path.</summary>
/// <param name="Name">The map.</param>
/// <param name="Queueing">on, off, or a number of checks and <c>chk</c>, or of seconds and <c>sec</c>.</param>
/// <param name="Features">The features of the map in the kernel.</param>
internal sealed record MapQueueing(string Name, string Queueing, string Features);

/// <summary>A guest and all that carries it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Domain">Where it runs; null when it does not.</param>
/// <param name="Disks">Its disks, with all that lies under them.</param>
/// <param name="Unmappable">Disks that this host cannot look at, by a name for people.</param>
/// <param name="Filesystems">What its agent says of its filesystems; none without an agent.</param>
internal sealed record GuestOnHost(
    string Name, DomainId? Domain, IReadOnlyList<BlockDevice> Disks, IReadOnlyList<string> Unmappable,
    IReadOnlyList<FilesystemHealth> Filesystems);

/// <summary>Whether consoles of guests are logged.</summary>
/// <param name="IsDaemonRunning">Whether xenconsoled runs.</param>
/// <param name="IsLogging">Whether it logs guests' consoles, by its arguments or else by its settings.</param>
/// <param name="Source">Where that was found.</param>
internal sealed record ConsoleLogging(bool IsDaemonRunning, bool IsLogging, string Source);

/// <summary>A volume group that carries something here.</summary>
/// <param name="Name">Its name.</param>
/// <param name="HasMetadataBackup">Whether /etc/lvm/backup has its metadata.</param>
internal sealed record VolumeGroup(string Name, bool HasMetadataBackup);

/// <summary>A line of a script that runs by itself, for which there is a rule.</summary>
/// <param name="Path">The script.</param>
/// <param name="Number">The line's number, from 1.</param>
/// <param name="Text">The line.</param>
internal sealed record ScriptLine(string Path, int Number, string Text);

/// <summary>Everything the doctor reads of a host, at one moment.</summary>
internal sealed record HostSettings
{
    private const int DefaultPollingSeconds = 5;

    /// <summary>iscsid.conf first, then every record.</summary>
    public IReadOnlyList<InitiatorFile> InitiatorFiles { get; init; } = [];

    /// <summary>Every iSCSI session.</summary>
    public IReadOnlyList<SessionTimers> Sessions { get; init; } = [];

    /// <summary>Every SCSI disk over iSCSI or Fibre Channel.</summary>
    public IReadOnlyList<ScsiTimers> ScsiDisks { get; init; } = [];

    /// <summary>Every Fibre Channel port and NVMe controller, by name.</summary>
    public IReadOnlyDictionary<string, WayTimers> Ways { get; init; } = new Dictionary<string, WayTimers>();

    /// <summary>The settings of multipath.conf.</summary>
    public IReadOnlyList<MultipathSetting> MultipathSettings { get; init; } = [];

    /// <summary>Every map that multipathd knows, by name.</summary>
    public IReadOnlyDictionary<string, MapQueueing> Maps { get; init; } = new Dictionary<string, MapQueueing>();

    /// <summary>The files that define guests.</summary>
    public IReadOnlyList<GuestConfig> GuestConfigs { get; init; } = [];

    /// <summary>The guests, running or only defined.</summary>
    public IReadOnlyList<GuestOnHost> Guests { get; init; } = [];

    /// <summary>The logging of consoles; null when nothing is known of it.</summary>
    public ConsoleLogging? ConsoleLogging { get; init; }

    /// <summary>The volume groups.</summary>
    public IReadOnlyList<VolumeGroup> VolumeGroups { get; init; } = [];

    /// <summary>Whether the kernel holds its clock for synchronised; null when that cannot be told.</summary>
    public bool? IsClockSynchronised { get; init; }

    /// <summary>The lines of scripts that some rule is about.</summary>
    public IReadOnlyList<ScriptLine> ScriptLines { get; init; } = [];

    /// <summary>What could not be looked at.</summary>
    public IReadOnlyList<Gap> Gaps { get; init; } = [];

    /// <summary>How often multipathd checks a path that failed (polling_interval; its default is 5 s).</summary>
    public int PollingSeconds
        => MultipathSettings.LastOrDefault(one => one.Key == "polling_interval") is { Value: var text }
            && int.TryParse(text, CultureInfo.InvariantCulture, out int seconds) && seconds > 0
                ? seconds
                : DefaultPollingSeconds;
}
