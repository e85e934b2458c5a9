using System.CommandLine;
using System.CommandLine.Parsing;
using HostBridge.Configuration;
using HostBridge.Configuration.Reading;
using Protocol.Configuration;

namespace HostBridge.Admin;

/// <summary>
/// The options of the command line that are settings, made from the table of keys; the bridge and its commands share
/// them, so that a command looks where the bridge does.
/// </summary>
internal sealed class SettingOptions
{
    private readonly Option<string?> _config = new("--config")
    {
        Description = "Read this INI file and the files of FILE.d, and no other; keys are named as the options here.",
        HelpName = "FILE",
    };

    private readonly IReadOnlyList<(SettingKey<BridgeOptions> Key, Option Option)> _options =
        [.. BridgeKeys.Table.Keys.Where(key => key.OptionValue is not null).Select(key => (key, OptionOf(key)))];

    /// <summary>Adds all of them to a command.</summary>
    public void AddAllTo(Command command) => AddTo(command, [.. _options.Select(one => one.Key.Name)]);

    /// <summary>Adds those of some keys to a command, and that of the file.</summary>
    public void AddTo(Command command, params string[] keys)
    {
        command.Options.Add(_config);
        foreach ((_, Option option) in _options.Where(one => keys.Contains(one.Key.Name)))
        {
            command.Options.Add(option);
        }
    }

    /// <summary>The file that was named; null for none.</summary>
    public string? FileOf(ParseResult parsed) => parsed.GetValue(_config);

    /// <summary>The configuration as the bridge would have it with this command line.</summary>
    public BridgeConfiguration Read(ParseResult parsed)
        => BridgeConfigurationReader.Read(FileOf(parsed), SettingsIn(parsed));

    /// <summary>The settings of the command line.</summary>
    public IReadOnlyList<Setting> SettingsIn(ParseResult parsed)
    {
        var settings = new List<Setting>();
        foreach ((SettingKey<BridgeOptions> key, Option option) in _options)
        {
            if (parsed.GetResult(option) is { Implicit: false } given)
            {
                // A switch may stand alone.
                string text = given.Tokens.Count == 0
                    ? key.Words[0]
                    : string.Join(key.Separator ?? ' ', given.Tokens.Select(token => token.Value));
                settings.Add(new Setting(key.Section, key.Name, text, SettingOrigin.CommandLine(key.Name)));
            }
        }

        return settings;
    }

    private static Option OptionOf(SettingKey<BridgeOptions> key)
    {
        string description = $"{key.Description} Default: {key.ValueIn(new BridgeOptions())}.";
        return key.Separator is not null
            ? new Option<string[]>($"--{key.Name}") { Description = description, HelpName = key.OptionValue }
            : new Option<string?>($"--{key.Name}")
            {
                Description = description,
                HelpName = key.OptionValue,
                Arity = key.Words is ["true", ..] ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
            };
    }
}
