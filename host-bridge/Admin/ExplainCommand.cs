using System.CommandLine;
using HostBridge.Admin.Views;

namespace HostBridge.Admin;

/// <summary><c>host-bridge explain DOMAIN</c>: why one guest is treated as it is, and what changes that.</summary>
internal static class ExplainCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(SettingOptions settings)
    {
        var command = new Command("explain", "Explains one guest: what is wrong, what is waited for, and what changes it.")
        {
            AdminCommands.Guest, AdminCommands.Json,
        };
        settings.AddTo(command, "admin-socket");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var request = new AdminRequest
            {
                Command = AdminVerbs.Explain, Guest = parsed.GetRequiredValue(AdminCommands.Guest),
            };
            return AdminCommands.Print(
                parsed,
                await AdminCommands.AskAsync(parsed, settings, request, cancellationToken).ConfigureAwait(false),
                json => ExplainView.Of(AdminClient.Read(json, AdminJson.Plain.ExplainDocument)));
        });
        return command;
    }
}
