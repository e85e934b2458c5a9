using System.CommandLine;
using HostBridge.Configuration;
using HostBridge.Configuration.Reading;
using Protocol.Configuration;

namespace HostBridge.Admin;

/// <summary>
/// <c>host-bridge config</c>: what the files and the command line come to, or everything that is wrong with them. It asks
/// no running bridge: that one may have begun with others.
/// </summary>
internal static class ConfigCommand
{
    private static readonly Option<string?> Check = new("--check")
    {
        Description = "Only print what is wrong; exit code 0: nothing, 64: a mistake, 74: a file that cannot be read. "
            + "FILE: in that file and FILE.d.",
        HelpName = "FILE",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> Guest = new("--guest")
    {
        Description = "The values for one guest, by its name or uuid as in [guest NAME-OR-UUID].",
        HelpName = "NAME",
    };

    private static readonly Option<bool> Json = new("--json") { Description = "Print one object of JSON." };

    /// <summary>Makes the command.</summary>
    /// <param name="settings">The options of the bridge, which are taken into account.</param>
    public static Command Create(SettingOptions settings)
    {
        var command = new Command("config", "Prints the configuration and where each value comes from, or checks it.")
        {
            Check, Guest, Json,
        };
        settings.AddAllTo(command);
        command.SetAction(parsed => Run(parsed, settings));
        return command;
    }

    private static int Run(ParseResult parsed, SettingOptions settings)
    {
        bool isCheck = parsed.GetResult(Check) is not null;
        string? file = parsed.GetValue(Check) ?? settings.FileOf(parsed);
        BridgeConfiguration configuration = BridgeConfigurationReader.Read(file, settings.SettingsIn(parsed));
        if (configuration.Options is null)
        {
            // Mistakes first: they are known to be some.
            int exitCode = CommandLine.Complain(configuration.Problems);
            foreach (string line in FileFault.ToLines(configuration.Faults))
            {
                exitCode = CommandLine.Complain(line, CommandLine.ReadErrorExitCode);
            }

            return exitCode;
        }

        if (isCheck)
        {
            Console.Out.Write(ConfigurationReport.ToGoodText(configuration.Files));
            return 0;
        }

        string? guest = parsed.GetValue(Guest);
        IReadOnlyList<SettingInForce> values = guest is null
            ? BridgeKeys.Table.InForce(configuration.Host, new BridgeOptions())
            : GuestPolicyKeys.Table.InForce(configuration.GuestOf(guest), configuration.AnyGuest().Value);
        if (guest is not null && !configuration.HasSectionOf(guest))
        {
            Console.Error.WriteLine(
                $"host-bridge: no file has a section of {ConfigurationProblem.Quote(guest)}: what holds for any follows");
        }

        Console.Out.Write(parsed.GetValue(Json)
            ? ConfigurationReport.ToJson(configuration.Files, guest, values) + "\n"
            : ConfigurationReport.ToText(values));
        return 0;
    }
}
