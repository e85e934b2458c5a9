using System.CommandLine;
using HostBridge.Configuration;
using HostBridge.Notifications;
using HostBridge.Notifications.Carriers;
using HostBridge.Notifications.Grouping;
using HostBridge.Notifications.Telling;
using HostBridge.Notifications.Wording;

namespace HostBridge.Admin;

/// <summary><c>host-bridge notify --test</c>: tells something over each carrier, and prints what came of it.</summary>
internal static class NotifyCommand
{
    private const int FailedExitCode = 1;

    private static readonly Option<bool> Test = new("--test")
    {
        Description = "Send a test message over each carrier that is configured.",
    };

    /// <summary>Makes the command.</summary>
    /// <param name="settings">The options by which the configuration is found.</param>
    public static Command Create(SettingOptions settings)
    {
        var command = new Command("notify", "Tries whether notices arrive.") { Test };
        settings.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) => parsed.GetValue(Test)
            ? await RunAsync(settings.Read(parsed), cancellationToken).ConfigureAwait(false)
            : CommandLine.Complain("notify needs --test, which sends a test message.", CommandLine.UsageExitCode));
        return command;
    }

    private static async Task<int> RunAsync(BridgeConfiguration configuration, CancellationToken cancellationToken)
    {
        if (configuration.Options is not { } options)
        {
            return CommandLine.Complain(configuration.Problems);
        }

        NotificationSettings settings = options.Notifications;
        MessageWriter writer = CarrierFactory.CreateWriter(settings, out string? problem);
        if (problem is not null)
        {
            Console.WriteLine($"text: {problem}; the usual text is used");
        }

        IReadOnlyList<INoticeCarrier> carriers = CarrierFactory.Create(settings, TimeProvider.System);
        if (carriers.Count == 0)
        {
            return CommandLine.Complain(
                "no carrier is configured and there is no journal; host-bridge.conf(5) lists the keys notify-...",
                FailedExitCode);
        }

        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        NoticeMessage message = writer.Write(new NoticeBatch(
        [
            new Notice
            {
                Id = now.ToUnixTimeMilliseconds(),
                At = now,
                Kind = NoticeKind.Test,
                What = "somebody ran \"host-bridge notify --test\" on this host",
                Why = "to see that this arrives",
                ToDo = "nothing",
            },
        ]));
        int failed = problem is null ? 0 : 1;
        foreach (INoticeCarrier carrier in carriers)
        {
            string? trouble = await carrier.DeliverAsync(message, cancellationToken).ConfigureAwait(false);
            Console.WriteLine($"{carrier.Name}: {trouble ?? "delivered"}");
            failed += trouble is null ? 0 : 1;
        }

        return failed == 0 ? 0 : FailedExitCode;
    }
}
