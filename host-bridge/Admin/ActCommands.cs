using System.CommandLine;
using HostBridge.Admin.Views;
using Protocol.Configuration;

namespace HostBridge.Admin;

/// <summary>The commands by which a person changes something.</summary>
internal static class ActCommands
{
    private static readonly Option<bool> DryRun = new("--dry-run")
    {
        Description = "Do nothing; say what would be done and what stands in the way.",
    };

    private static readonly Option<string?> For = new("--for")
    {
        Description = "How long it lasts, like 90s, 30m, 2h or 1d (default: until it is resumed).",
        HelpName = "TIME",
    };

    private static readonly Option<bool> AllFailures = new("--all")
    {
        Description = "Acknowledge that too many recoveries failed on this host or its storage.",
    };

    private static readonly Argument<string?> AnyGuest = new("DOMAIN")
    {
        Description = "A guest's name, number or uuid (default: the whole bridge).",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Argument<string?> HeldGuest = new("DOMAIN")
    {
        Description = "A guest's name, number or uuid.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    /// <summary><c>recover DOMAIN</c>.</summary>
    public static Command Recover(SettingOptions settings)
    {
        var command = new Command("recover", "Recovers one guest now, also in observe mode; never on unstable storage.")
        {
            AdminCommands.Guest, DryRun, AdminCommands.Json,
        };
        settings.AddTo(command, "admin-socket");
        command.SetAction((parsed, cancellationToken) => AskAsync(
            parsed,
            settings,
            new AdminRequest
            {
                Command = AdminVerbs.Recover,
                Guest = parsed.GetRequiredValue(AdminCommands.Guest),
                DryRun = parsed.GetValue(DryRun),
            },
            cancellationToken));
        return command;
    }

    /// <summary><c>acknowledge DOMAIN</c>.</summary>
    public static Command Acknowledge(SettingOptions settings)
    {
        var command = new Command("acknowledge", "Says that you saw what a guest needs you for; it is judged anew.")
        {
            HeldGuest, AllFailures, AdminCommands.Json,
        };
        settings.AddTo(command, "admin-socket");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            string? guest = parsed.GetValue(HeldGuest);
            return guest is null != parsed.GetValue(AllFailures)
                ? CommandLine.Complain("acknowledge needs either a DOMAIN or --all.", CommandLine.UsageExitCode)
                : await AskAsync(
                    parsed, settings, new AdminRequest { Command = AdminVerbs.Acknowledge, Guest = guest },
                    cancellationToken).ConfigureAwait(false);
        });
        return command;
    }

    /// <summary><c>pause [DOMAIN]</c>.</summary>
    public static Command Pause(SettingOptions settings)
    {
        var command = new Command("pause", "Has nothing begun, on one guest or on any, also after a restart.")
        {
            AnyGuest, For, AdminCommands.Json,
        };
        settings.AddTo(command, "admin-socket");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            string? text = parsed.GetValue(For);
            TimeSpan length = TimeSpan.Zero;
            return text is not null && (!SpanText.TryParse(text, out length) || length <= TimeSpan.Zero)
                ? CommandLine.Complain(
                    $"--for: \"{text}\" is no time; write 30min, 2h or 1d.",
                    CommandLine.UsageExitCode)
                : await AskAsync(
                    parsed,
                    settings,
                    new AdminRequest
                    {
                        Command = AdminVerbs.Pause,
                        Guest = parsed.GetValue(AnyGuest),
                        Seconds = text is null ? null : (long)length.TotalSeconds,
                    },
                    cancellationToken).ConfigureAwait(false);
        });
        return command;
    }

    /// <summary><c>resume [DOMAIN]</c>.</summary>
    public static Command Resume(SettingOptions settings)
    {
        var command = new Command("resume", "Ends a pause, of one guest or of the bridge.")
        {
            AnyGuest, AdminCommands.Json,
        };
        settings.AddTo(command, "admin-socket");
        command.SetAction((parsed, cancellationToken) => AskAsync(
            parsed, settings, new AdminRequest { Command = AdminVerbs.Resume, Guest = parsed.GetValue(AnyGuest) },
            cancellationToken));
        return command;
    }

    private static async Task<int> AskAsync(
        ParseResult parsed, SettingOptions settings, AdminRequest request, CancellationToken cancellationToken)
    {
        AdminAnswer answer =
            await AdminCommands.AskAsync(parsed, settings, request, cancellationToken).ConfigureAwait(false);
        if (answer.Json is not { } json)
        {
            return CommandLine.Complain(answer.Problem!, answer.ExitCode);
        }

        ActDocument act = AdminClient.Read(json, AdminJson.Plain.ActDocument);
        _ = AdminCommands.Print(parsed, answer, _ => ActView.Of(act));
        return act.Accepted ? 0 : AdminClient.RefusedExitCode;
    }
}
