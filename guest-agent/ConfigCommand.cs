using System.CommandLine;
using GuestAgent.Configuration;
using GuestAgent.Configuration.Reading;
using Protocol.Configuration;

namespace GuestAgent;

/// <summary>
/// <c>guest-agent config</c>: what the files and the command line come to, or everything that is wrong with them. It asks
/// no running agent: that one may have begun with others.
/// </summary>
internal static class ConfigCommand
{
    /// <summary>Its word on the command line.</summary>
    public const string Name = "config";

    private const int ReadError = 74; // EX_IOERR, sysexits.h

    private static readonly Option<string?> Check = new("--check")
    {
        Description = "only print what is wrong; exit code 0: nothing, 64: a mistake, 74: a file that cannot be read; "
            + "with FILE: in that file and FILE.d",
        HelpName = "FILE",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<bool> Json = new("--json") { Description = "print one object of JSON" };

    /// <summary>Makes the command.</summary>
    /// <param name="settings">The options of the agent, which are taken into account.</param>
    public static Command Create(SettingOptions settings)
    {
        var command = new Command(Name, "Prints the configuration and where each value comes from, or checks it.")
        {
            Check, Json,
        };
        settings.AddTo(command);
        command.SetAction(parsed => Run(parsed, settings));
        return command;
    }

    private static int Run(ParseResult parsed, SettingOptions settings)
    {
        bool isCheck = parsed.GetResult(Check) is not null;
        string? file = parsed.GetValue(Check) ?? settings.FileOf(parsed);
        AgentConfiguration configuration = AgentConfiguration.Of(
            AgentConfigurationReader.ReadFiles(file), settings.SettingsIn(parsed));
        if (configuration.Options is null)
        {
            // Mistakes first: they are known to be some.
            _ = AgentProgram.Complain(ConfigurationProblem.ToLines(configuration.Problems));
            int exitCode = AgentProgram.Complain(FileFault.ToLines(configuration.Faults));
            return configuration.Faults.Count > 0 ? ReadError : exitCode;
        }

        if (isCheck)
        {
            Console.Out.Write(ConfigurationReport.ToGoodText(configuration.Files));
            return 0;
        }

        IReadOnlyList<SettingInForce> values = AgentKeys.Table.InForce(configuration.Settings, new AgentOptions());
        Console.Out.Write(parsed.GetValue(Json)
            ? ConfigurationReport.ToJson(configuration.Files, guest: null, values) + "\n"
            : ConfigurationReport.ToText(values));
        return 0;
    }
}
