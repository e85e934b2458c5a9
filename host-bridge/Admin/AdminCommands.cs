using System.CommandLine;
using HostBridge.Admin.Views;
using HostBridge.Configuration;
using Protocol.Configuration;

namespace HostBridge.Admin;

/// <summary>The commands that ask the bridge that runs, and what they share.</summary>
internal static class AdminCommands
{
    /// <summary>Print the document instead of a view.</summary>
    public static readonly Option<bool> Json = new("--json")
    {
        Description = "Print one object of JSON; host-bridge(8) says what holds for it.",
    };

    /// <summary>Which guest, where one must be given.</summary>
    public static readonly Argument<string> Guest = new("DOMAIN")
    {
        Description = "A guest's name, number or uuid, or the beginning of its uuid.",
    };

    /// <summary>Adds every command.</summary>
    /// <param name="root">The program's root command.</param>
    /// <param name="settings">The options of the bridge.</param>
    public static void AddTo(RootCommand root, SettingOptions settings)
    {
        root.Subcommands.Add(StatusCommand.Create(settings));
        root.Subcommands.Add(ExplainCommand.Create(settings));
        root.Subcommands.Add(HistoryCommand.Create(settings));
        root.Subcommands.Add(ActCommands.Recover(settings));
        root.Subcommands.Add(ActCommands.Acknowledge(settings));
        root.Subcommands.Add(ActCommands.Pause(settings));
        root.Subcommands.Add(ActCommands.Resume(settings));
        root.Subcommands.Add(CheckCommand.Create(settings));
    }

    /// <summary>Asks the bridge that the options mean.</summary>
    public static async Task<AdminAnswer> AskAsync(
        ParseResult parsed, SettingOptions settings, AdminRequest request, CancellationToken cancellationToken)
    {
        BridgeConfiguration configuration = settings.Read(parsed);
        return configuration.Options is not { } options
            ? new AdminAnswer(
                null,
                CommandLine.UsageExitCode,
                string.Join("; ", ConfigurationProblem.ToLines(configuration.Problems)))
            : options.AdminSocket is not { } path
                ? new AdminAnswer(
                    null, AdminClient.UnavailableExitCode, "admin-socket is none: the bridge listens to no commands.")
                : await AdminClient.AskAsync(path, request, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Prints what was answered: the document as it came, or a view of it.</summary>
    public static int Print(ParseResult parsed, AdminAnswer answer, Func<byte[], IReadOnlyList<Block>> view)
    {
        if (answer.Json is not { } json)
        {
            return CommandLine.Complain(answer.Problem!, answer.ExitCode);
        }

        if (parsed.GetValue(Json))
        {
            WriteJson(json);
        }
        else
        {
            Terminal.OfProcess().Write(view(json));
        }

        return 0;
    }

    /// <summary>Writes a document as one line.</summary>
    public static void WriteJson(ReadOnlySpan<byte> json)
    {
        using Stream output = Console.OpenStandardOutput();
        output.Write(json.TrimEnd("\n"u8));
        output.Write("\n"u8);
    }
}
