using System.CommandLine;
using System.Globalization;
using GuestAgent.Detection;
using Microsoft.Extensions.Configuration;
using Protocol.Channel;
using Protocol.Health;

namespace GuestAgent;

/// <summary>What an administrator may set, by command line or file; the command line wins.</summary>
internal sealed record AgentOptions
{
    /// <summary>Read when it is there and no other file is named.</summary>
    public const string DefaultConfigurationFile = "/etc/guest-agent/guest-agent.conf";

    /// <summary>On every Linux of today a tmpfs.</summary>
    public const string DefaultStatusDirectory = "/run/guest-agent";

    private const int MaxIntervalSeconds = 3600;

    private static readonly string[] DefaultXenstorePaths = ["/dev/xen/xenbus", "/proc/xen/xenbus"];

    /// <summary>Where xenstore is reached; the first that exists.</summary>
    public IReadOnlyList<string> XenstorePaths { get; init; } = DefaultXenstorePaths;

    /// <summary>
    /// The name of the console channel in the domain's configuration, or the path of its terminal; null for none.
    /// </summary>
    public string? Channel { get; init; } = ChannelLimits.DefaultName;

    /// <summary>How often is probed while nothing is wrong.</summary>
    public ProbeIntervals Intervals { get; init; } = ProbeIntervals.Default;

    /// <summary>The folder of the status file; a tmpfs.</summary>
    public string StatusDirectory { get; init; } = DefaultStatusDirectory;

    /// <summary>Mount points that are not watched.</summary>
    public IReadOnlySet<MountPoint> Excluded { get; init; } = new HashSet<MountPoint>();

    /// <summary>
    /// Reads the command line and the file it names. On a mistake the options are null and the error is one line
    /// that names the thing and the mend.
    /// </summary>
    public static AgentOptions? Read(IReadOnlyList<string> arguments, out string error)
    {
        var settings = new AgentSettingsReader();
        ParseResult parsed = settings.Command.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            error = $"{parsed.Errors[0].Message.TrimEnd('.')}; guest-agent --help lists what is allowed";
            return null;
        }

        string? named = parsed.GetValue(settings.ConfigurationFile);
        string file = named ?? DefaultConfigurationFile;
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        if ((named is not null || File.Exists(file)) && !settings.TryReadFile(file, values, out error))
        {
            return null;
        }

        foreach (Option<string[]> option in settings.Values)
        {
            if (parsed.GetValue(option) is { Length: > 0 } given)
            {
                values[option.Name[2..]] = string.Join(' ', given);
            }
        }

        return Build(values, out error);
    }

    private static AgentOptions? Build(Dictionary<string, string> values, out string error)
    {
        var options = new AgentOptions();
        foreach ((string key, string value) in values)
        {
            AgentOptions? next = key switch
            {
                "xenstore" => options with { XenstorePaths = [value] },
                "channel" => options with { Channel = value == "none" ? null : value },
                "status-directory" => options with { StatusDirectory = value },
                "exclude" => options with
                {
                    Excluded = value.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                        .Select(MountPoint.FromText).ToHashSet(),
                },
                "root-interval" when Seconds(value) is { } interval
                    => options with { Intervals = options.Intervals with { Root = interval } },
                "data-interval" when Seconds(value) is { } interval
                    => options with { Intervals = options.Intervals with { Data = interval } },
                _ => null,
            };
            if (next is null)
            {
                error = $"{key} = {value}: must be whole seconds from 1 to {MaxIntervalSeconds}";
                return null;
            }

            options = next;
        }

        error = string.Empty;
        return options;
    }

    private static TimeSpan? Seconds(string text)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds)
            && seconds is >= 1 and <= MaxIntervalSeconds
                ? TimeSpan.FromSeconds(seconds)
                : null;
}

/// <summary>The command line and the INI file: the same names in both.</summary>
internal sealed class AgentSettingsReader
{
    public Option<string?> ConfigurationFile { get; } = new("--config")
    {
        Description = $"INI file with these names as keys (default: {AgentOptions.DefaultConfigurationFile})",
        HelpName = "FILE",
    };

    public IReadOnlyList<Option<string[]>> Values { get; } =
    [
        New("--xenstore", "PATH", "the xenstore device or socket (default: /dev/xen/xenbus, else /proc/xen/xenbus)"),
        New("--channel", "NAME", "the console channel, by its name or its device; none for none "
            + $"(default: {ChannelLimits.DefaultName})"),
        New("--root-interval", "SECONDS", "how often the root is probed while nothing is wrong (default: 5)"),
        New("--data-interval", "SECONDS", "how often other filesystems are probed (default: 15)"),
        New("--status-directory", "DIR", "where the status file lies; a tmpfs (default: /run/guest-agent)"),
        New("--exclude", "MOUNTPOINT", "a filesystem that is not watched; may be given several times"),
    ];

    public RootCommand Command { get; }

    public AgentSettingsReader()
    {
        Command = new RootCommand("Detects filesystems whose writes fail or hang, and tells the host over xenstore and a console channel.");
        Command.Options.Add(ConfigurationFile);
        foreach (Option<string[]> option in Values)
        {
            Command.Options.Add(option);
        }

        // Without a command it is the agent; the library wants an action, else it demands a command.
        Command.SetAction(_ => 0);
        var asking = new StatusCommand();
        Command.Subcommands.Add(asking.Status);
        Command.Subcommands.Add(asking.Probe);
    }

    /// <summary>Adds what a file says; false, with one line, when it cannot be read or names an unknown key.</summary>
    public bool TryReadFile(string file, Dictionary<string, string> values, out string error)
    {
        error = string.Empty;
        IConfigurationRoot configuration;
        try
        {
            // A stream, not a watched file: the library's file provider would watch folders for changes.
            using FileStream stream = File.OpenRead(file);
            configuration = new ConfigurationBuilder().AddIniStream(stream).Build();
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException or FormatException)
        {
            error = $"{file} cannot be read: {failed.Message} Mend the file, or name another with --config";
            return false;
        }

        foreach ((string key, string? value) in configuration.AsEnumerable().Where(pair => pair.Value is not null))
        {
            if (!Values.Any(option => option.Name[2..] == key))
            {
                string known = string.Join(", ", Values.Select(option => option.Name[2..]));
                error = $"{file}: unknown key {key}; known are: {known}";
                return false;
            }

            values[key] = value!;
        }

        return true;
    }

    private static Option<string[]> New(string name, string help, string description)
        => new(name) { Description = description, HelpName = help };
}
