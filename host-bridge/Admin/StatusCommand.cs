using System.CommandLine;
using HostBridge.Admin.Views;

namespace HostBridge.Admin;

/// <summary><c>host-bridge status</c>: how everything stands, once or again and again.</summary>
internal static class StatusCommand
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(1);

    private static readonly Option<bool> All = new("--all") { Description = "List the healthy guests too." };

    private static readonly Option<bool> Watch = new("--watch")
    {
        Description = "Show it anew every second, until Ctrl-C.",
    };

    /// <summary>Makes the command.</summary>
    public static Command Create(SettingOptions settings)
    {
        var command = new Command("status", "Shows every guest that is not well, the worst first.")
        {
            All, Watch, AdminCommands.Json,
        };
        settings.AddTo(command, "admin-socket");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            Task<AdminAnswer> AskAsync() => AdminCommands.AskAsync(
                parsed, settings, new AdminRequest { Command = AdminVerbs.Status }, cancellationToken);
            return parsed.GetValue(Watch)
                ? await WatchAsync(parsed, AskAsync, cancellationToken).ConfigureAwait(false)
                : AdminCommands.Print(parsed, await AskAsync().ConfigureAwait(false), json => ViewOf(parsed, json));
        });
        return command;
    }

    private static IReadOnlyList<Block> ViewOf(ParseResult parsed, byte[] json)
        => StatusView.Of(AdminClient.Read(json, AdminJson.Plain.StatusDocument), parsed.GetValue(All));

    /// <summary>A bridge that does not answer for a while, as at its restart, does not end it.</summary>
    private static async Task<int> WatchAsync(
        ParseResult parsed, Func<Task<AdminAnswer>> askAsync, CancellationToken cancellationToken)
    {
        try
        {
            for (bool isFirst = true; ; isFirst = false)
            {
                AdminAnswer answer = await askAsync().ConfigureAwait(false);
                if (isFirst && answer.Json is null)
                {
                    return CommandLine.Complain(answer.Problem!, answer.ExitCode);
                }

                if (answer.Json is { } document && parsed.GetValue(AdminCommands.Json))
                {
                    AdminCommands.WriteJson(document);
                }
                else
                {
                    var terminal = Terminal.OfProcess();
                    if (!isFirst || terminal.IsWatched)
                    {
                        terminal.Clear();
                    }

                    terminal.Write(answer.Json is { } json
                        ? ViewOf(parsed, json)
                        : [new Block.Line(answer.Problem!, Tone.Bad)]);
                }

                await Task.Delay(WatchInterval, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return 0;
        }
    }
}
