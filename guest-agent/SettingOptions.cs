using System.CommandLine;
using System.CommandLine.Parsing;
using GuestAgent.Configuration;
using Protocol.Configuration;

namespace GuestAgent;

/// <summary>The options of the command line that are settings, made from the table of keys.</summary>
internal sealed class SettingOptions
{
    private readonly Option<string?> _config = new("--config")
    {
        Description = "read this INI file and the files of FILE.d, and no other; keys are named as the options here",
        HelpName = "FILE",
    };

    private readonly IReadOnlyList<(SettingKey<AgentOptions> Key, Option Option)> _options =
        [.. AgentKeys.Table.Keys.Select(key => (key, OptionOf(key)))];

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_config);
        foreach ((_, Option option) in _options)
        {
            command.Options.Add(option);
        }
    }

    /// <summary>The file that was named; null for none.</summary>
    public string? FileOf(ParseResult parsed) => parsed.GetValue(_config);

    /// <summary>The settings of the command line.</summary>
    public IReadOnlyList<Setting> SettingsIn(ParseResult parsed)
        =>
        [
            .. from one in _options
               let given = parsed.GetResult(one.Option)
               where given is { Implicit: false }
               select new Setting(
                   one.Key.Section,
                   one.Key.Name,
                   string.Join(one.Key.Separator ?? ' ', given.Tokens.Select(token => token.Value)),
                   SettingOrigin.CommandLine(one.Key.Name)),
        ];

    /// <summary>The agent's folder in /run as the command line has it: known also while no file can be read.</summary>
    public static string FolderIn(IReadOnlyList<Setting> settings)
        => AgentConfiguration.Of([], settings).Settings.Value.StatusDirectory;

    private static Option OptionOf(SettingKey<AgentOptions> key)
    {
        string description = $"{key.Description} Default: {key.ValueIn(new AgentOptions())}.";
        return key.Separator is null
            ? new Option<string?>($"--{key.Name}") { Description = description, HelpName = key.OptionValue }
            : new Option<string[]>($"--{key.Name}") { Description = description, HelpName = key.OptionValue };
    }
}
