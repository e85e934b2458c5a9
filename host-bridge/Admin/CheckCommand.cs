using System.CommandLine;
using HostBridge.Admin.Views;

namespace HostBridge.Admin;

/// <summary>
/// <c>host-bridge check</c>: a plugin for Nagios and its kin. That no bridge answers is critical, as guests are not
/// watched then; that it may not be asked is unknown.
/// </summary>
internal static class CheckCommand
{
    /// <summary>Its word on the command line.</summary>
    public const string Name = "check";

    private static readonly Option<string?> Domain = new("--domain")
    {
        Description = "One guest alone, by its name, number or uuid.",
        HelpName = "DOMAIN",
    };

    /// <summary>Makes the command.</summary>
    public static Command Create(SettingOptions settings)
    {
        var command = new Command(Name, "Answers a monitoring system: exit code 0 to 3, and one line.")
        {
            Domain,
        };
        settings.AddTo(command, "admin-socket");
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, settings, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(
        ParseResult parsed, SettingOptions settings, CancellationToken cancellationToken)
    {
        string? wanted = parsed.GetValue(Domain);
        AdminAnswer answer = await AdminCommands.AskAsync(
            parsed,
            settings,
            new AdminRequest { Command = wanted is null ? AdminVerbs.Status : AdminVerbs.Explain, Guest = wanted },
            cancellationToken).ConfigureAwait(false);
        CheckView view = Judge(answer, isOne: wanted is not null);
        Console.Out.Write(view.Line + "\n");
        return (int)view.Status;
    }

    private static CheckView Judge(AdminAnswer answer, bool isOne)
    {
        if (answer.Json is not { } json)
        {
            return CheckView.Make(
                answer.ExitCode == AdminClient.UnavailableExitCode ? CheckStatus.Critical : CheckStatus.Unknown,
                answer.Problem!);
        }

        if (!isOne)
        {
            return CheckView.Of(AdminClient.Read(json, AdminJson.Plain.StatusDocument));
        }

        ExplainDocument document = AdminClient.Read(json, AdminJson.Plain.ExplainDocument);
        return CheckView.Of(document.Guest, document.Time);
    }
}
