using System.Globalization;
using HostBridge.Notifications;
using HostBridge.Recovery;
using HostBridge.Toolstacks;
using Microsoft.Extensions.Configuration;
using Protocol.Channel;

namespace HostBridge;

/// <summary>What the bridge was told, checked: nothing in here needs to be looked at twice.</summary>
internal sealed record BridgeOptions
{
    /// <summary>xenstored's socket.</summary>
    public required string XenstorePath { get; init; }

    /// <summary>The name of the guests' console channels in their domains' configuration; null for none.</summary>
    public string? Channel { get; init; } = ChannelLimits.DefaultName;

    /// <summary>Where the incident log is kept.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>Which toolstack restarts guests.</summary>
    public ToolstackKind Toolstack { get; init; }

    /// <summary>The command of <see cref="ToolstackKind.Command"/>; null for another toolstack.</summary>
    public string? ToolstackCommand { get; init; }

    /// <summary>The folders in which files that define guests lie.</summary>
    public IReadOnlyList<string> GuestConfigFolders { get; init; } = GuestConfigs.DefaultFolders;

    /// <summary>Disks that the administrator vouches for.</summary>
    public IReadOnlyList<DeviceNumber> AssumeOperational { get; init; } = [];

    /// <summary>The policy.</summary>
    public RecoveryPolicy Policy { get; init; } = new();

    /// <summary>How people are told.</summary>
    public NotificationSettings Notifications { get; init; } = new();
}

/// <summary>The toolstack that runs the guests, as far as the bridge uses it.</summary>
internal enum ToolstackKind
{
    /// <summary>None: no check is forced, and no domain destroyed.</summary>
    None = 0,

    /// <summary>xl.</summary>
    Xl,

    /// <summary>A command of the administrator, which forces checks and no more.</summary>
    Command,
}

/// <summary>Options, or the one line that says what is wrong with them and how to mend it.</summary>
/// <param name="Options">The options; null when something is wrong.</param>
/// <param name="Error">What is wrong; null when nothing is.</param>
internal readonly record struct BridgeOptionsResult(BridgeOptions? Options, string? Error);

/// <summary>
/// Makes options in stages: the settings by name from a file, those of the command line over them, then the checked
/// values. The names are the same in both places.
/// </summary>
internal static class BridgeOptionsParser
{
    public const string Xenstore = "xenstore";
    public const string Channel = "channel";
    public const string StateDirectory = "state-directory";
    public const string Mode = "mode";
    public const string Toolstack = "toolstack";
    public const string ToolstackCommand = "toolstack-command";
    public const string GuestConfigFolders = "guest-config-folders";
    public const string AllowDestroy = "allow-destroy";
    public const string OfflineCheck = "offline-check";
    public const string ExclusiveStorageOf = "exclusive-storage";
    public const string ActWithoutHostEvidence = "act-without-host-evidence";
    public const string AssumeOperational = "assume-operational";
    public const string StableSeconds = "stable-seconds";
    public const string GraceSeconds = "grace-seconds";

    private const int MaxSeconds = 24 * 60 * 60;

    private static readonly string[] DefaultSockets = ["/run/xenstored/socket", "/var/run/xenstored/socket"];

    private static readonly HashSet<string> Names = new(StringComparer.OrdinalIgnoreCase)
    {
        Xenstore, Channel, StateDirectory, Mode, Toolstack, ToolstackCommand, GuestConfigFolders, AllowDestroy,
        OfflineCheck, ExclusiveStorageOf, ActWithoutHostEvidence, AssumeOperational, StableSeconds, GraceSeconds,
    };

    /// <summary>Makes options.</summary>
    /// <param name="commandLine">The settings on the command line, by name; lists separated by commas.</param>
    /// <param name="configPath">The file; null for none.</param>
    public static BridgeOptionsResult Parse(IReadOnlyDictionary<string, string> commandLine, string? configPath)
    {
        var settings = new Dictionary<string, Setting>(StringComparer.OrdinalIgnoreCase);
        if (configPath is not null && ReadFile(configPath, settings) is { } fileError)
        {
            return new BridgeOptionsResult(null, fileError);
        }

        foreach ((string name, string value) in commandLine)
        {
            settings[name] = new Setting($"--{name}", value);
        }

        return Check(settings);
    }

    private static string? ReadFile(string path, Dictionary<string, Setting> settings)
    {
        IConfigurationRoot file;
        try
        {
            using FileStream stream = File.OpenRead(path);
            file = new ConfigurationBuilder().AddIniStream(stream).Build();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return $"{path} cannot be read: {failure.Message} Give a readable file to --config, or leave it out.";
        }
        catch (FormatException failure)
        {
            return $"{path} is not a configuration file: {failure.Message} Write one \"name = value\" a line.";
        }

        foreach ((string name, string? value) in file.AsEnumerable())
        {
            if (!Names.Contains(name))
            {
                return $"{path}: \"{name}\" is no setting; "
                    + $"the settings are {string.Join(", ", Names.Order(StringComparer.Ordinal))}.";
            }

            settings[name] = new Setting($"{path}: {name}", value ?? string.Empty);
        }

        return null;
    }

    private static BridgeOptionsResult Check(Dictionary<string, Setting> settings)
    {
        string? error = null;
        string xenstore = AbsolutePath(
            settings, Xenstore, DefaultSockets.FirstOrDefault(File.Exists) ?? DefaultSockets[0], ref error)!;
        string stateDirectory = AbsolutePath(settings, StateDirectory, "/var/lib/host-bridge", ref error)!;
        string? command = AbsolutePath(settings, ToolstackCommand, null, ref error);
        if (error is null && command is not null && !File.Exists(command))
        {
            error = $"{settings[ToolstackCommand].Source}: {command} is not there; give the path of a program.";
        }

        ToolstackKind toolstack = CheckedToolstack(settings, command, ref error);
        IReadOnlyList<string> folders = CheckedFolders(settings, ref error);
        var policy = new RecoveryPolicy
        {
            Mode = CheckedMode(settings, ref error),
            AnyGuest = new GuestPolicy
            {
                AllowDestroy = CheckedSwitch(settings, AllowDestroy, ref error),
                OfflineCheck = CheckedSwitch(settings, OfflineCheck, ref error),
                ExclusiveStorage = CheckedExclusiveStorage(settings, ref error),
            },
            ActWithoutHostEvidence = CheckedSwitch(settings, ActWithoutHostEvidence, ref error),
            StableFor = CheckedSeconds(settings, StableSeconds, least: 1, new RecoveryPolicy().StableFor, ref error),
            GraceAfterBoot = CheckedSeconds(
                settings, GraceSeconds, least: 0, new RecoveryPolicy().GraceAfterBoot, ref error),
        };
        IReadOnlyList<DeviceNumber> assumed = CheckedDevices(settings, ref error);
        string? channel = CheckedChannel(settings, ref error);
        return error is not null
            ? new BridgeOptionsResult(null, error)
            : new BridgeOptionsResult(
                new BridgeOptions
                {
                    XenstorePath = xenstore,
                    Channel = channel,
                    StateDirectory = stateDirectory,
                    Toolstack = toolstack,
                    ToolstackCommand = command,
                    GuestConfigFolders = folders,
                    AssumeOperational = assumed,
                    Policy = policy,
                },
                Error: null);
    }

    private static string? AbsolutePath(
        Dictionary<string, Setting> settings, string name, string? otherwise, ref string? error)
    {
        if (settings.GetValueOrDefault(name) is not { } setting)
        {
            return otherwise;
        }

        if (!Path.IsPathRooted(setting.Value))
        {
            error ??= $"{setting.Source}: \"{setting.Value}\" is no absolute path; write one that begins with /.";
        }

        return setting.Value;
    }

    /// <summary>xl takes neither comma, equals sign nor quote in a channel's name (xl.cfg(5)).</summary>
    private static string? CheckedChannel(Dictionary<string, Setting> settings, ref string? error)
    {
        switch (settings.GetValueOrDefault(Channel))
        {
            case null:
                return ChannelLimits.DefaultName;
            case { Value: "none" }:
                return null;
            case { } setting:
                if (setting.Value.Length is 0 or > 128 || setting.Value.AsSpan().ContainsAny(",=\"' "))
                {
                    error ??= $"{setting.Source}: \"{setting.Value}\" is no channel's name; write the one that stands "
                        + "in the guests' configuration as name=..., or none.";
                }

                return setting.Value;
        }
    }

    private static ToolstackKind CheckedToolstack(
        Dictionary<string, Setting> settings, string? command, ref string? error)
    {
        ToolstackKind? kind = settings.GetValueOrDefault(Toolstack)?.Value switch
        {
            null => command is null ? ToolstackKind.None : ToolstackKind.Command,
            "none" => ToolstackKind.None,
            "xl" => ToolstackKind.Xl,
            "command" => ToolstackKind.Command,
            _ => null,
        };
        if (kind is null)
        {
            Setting setting = settings[Toolstack];
            error ??= $"{setting.Source}: \"{setting.Value}\" is no toolstack; write xl, command or none.";
        }
        else if (kind == ToolstackKind.Command != command is not null)
        {
            error ??= kind == ToolstackKind.Command
                ? $"{settings[Toolstack].Source}: a command needs its path; set {ToolstackCommand}."
                : $"{settings[ToolstackCommand].Source}: it is not used with {Toolstack} = {settings[Toolstack].Value}; "
                    + "leave one of them out.";
        }

        return kind ?? ToolstackKind.None;
    }

    private static IReadOnlyList<string> CheckedFolders(Dictionary<string, Setting> settings, ref string? error)
    {
        if (settings.GetValueOrDefault(GuestConfigFolders) is not { } setting)
        {
            return GuestConfigs.DefaultFolders;
        }

        string[] folders = setting.Value.Split(',', StringSplitOptions.TrimEntries);
        if (folders.FirstOrDefault(folder => !Path.IsPathRooted(folder)) is { } relative)
        {
            error ??= $"{setting.Source}: \"{relative}\" is no absolute path; write folders that begin with /.";
        }

        return folders;
    }

    private static BridgeMode CheckedMode(Dictionary<string, Setting> settings, ref string? error)
    {
        switch (settings.GetValueOrDefault(Mode))
        {
            case null or { Value: "observe" }:
                return BridgeMode.Observe;
            case { Value: "recover" }:
                return BridgeMode.Recover;
            case { } setting:
                error ??= $"{setting.Source}: \"{setting.Value}\" is no mode; write observe or recover.";
                return BridgeMode.Observe;
        }
    }

    private static ExclusiveStorage CheckedExclusiveStorage(Dictionary<string, Setting> settings, ref string? error)
    {
        switch (settings.GetValueOrDefault(ExclusiveStorageOf))
        {
            case null or { Value: "unknown" }:
                return ExclusiveStorage.Unknown;
            case { Value: "yes" }:
                return ExclusiveStorage.Yes;
            case { Value: "no" }:
                return ExclusiveStorage.No;
            case { } setting:
                error ??= $"{setting.Source}: \"{setting.Value}\" is neither yes nor no nor unknown; write one of them.";
                return ExclusiveStorage.Unknown;
        }
    }

    private static bool CheckedSwitch(Dictionary<string, Setting> settings, string name, ref string? error)
    {
        switch (settings.GetValueOrDefault(name))
        {
            case null or { Value: "false" }:
                return false;
            case { Value: "true" }:
                return true;
            case { } setting:
                error ??= $"{setting.Source}: \"{setting.Value}\" is neither true nor false; write one of them.";
                return false;
        }
    }

    private static TimeSpan CheckedSeconds(
        Dictionary<string, Setting> settings, string name, int least, TimeSpan otherwise, ref string? error)
    {
        if (settings.GetValueOrDefault(name) is not { } setting)
        {
            return otherwise;
        }

        if (!int.TryParse(setting.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds)
            || seconds < least || seconds > MaxSeconds)
        {
            error ??= $"{setting.Source}: \"{setting.Value}\" is no time; write {least} to {MaxSeconds} seconds.";
        }

        return TimeSpan.FromSeconds(seconds);
    }

    private static List<DeviceNumber> CheckedDevices(Dictionary<string, Setting> settings, ref string? error)
    {
        var devices = new List<DeviceNumber>();
        if (settings.GetValueOrDefault(AssumeOperational) is not { } setting)
        {
            return devices;
        }

        foreach (string text in setting.Value.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!DeviceNumber.TryParse(text, out DeviceNumber device))
            {
                error ??= $"{setting.Source}: \"{text}\" is no device; write MAJOR:MINOR as lsblk does, like 8:16.";
            }

            devices.Add(device);
        }

        return devices;
    }

    /// <summary>One setting.</summary>
    /// <param name="Source">Where it stands, for a person.</param>
    /// <param name="Value">Its text.</param>
    private sealed record Setting(string Source, string Value);
}
