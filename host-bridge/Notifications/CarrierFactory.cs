using HostBridge.Commands;
using HostBridge.Notifications.Carriers;
using HostBridge.Notifications.Wording;

namespace HostBridge.Notifications;

/// <summary>Puts the configured carriers together.</summary>
internal static class CarrierFactory
{
    /// <summary>The carriers, the nearest first.</summary>
    public static IReadOnlyList<INoticeCarrier> Create(NotificationSettings settings, TimeProvider time)
    {
        var carriers = new List<INoticeCarrier>();
        // On a host without systemd there is no journal, and the log has everything that it would.
        if (settings.JournalSocket is { } journal && File.Exists(journal))
        {
            carriers.Add(new JournalCarrier(journal));
        }

        if (settings.Hook is { } hook)
        {
            carriers.Add(new HookCarrier(hook, settings.DeliveryLimit));
        }

        if (settings.WebhookUrl is { } url)
        {
            carriers.Add(new WebhookCarrier(
                url, settings.WebhookHeaders, settings.DeliveryLimit, BoundedCommand.Find("curl")));
        }

        if (settings.MailTo.Count > 0)
        {
            carriers.Add(new MailCarrier(
                settings.SendmailProgram, settings.MailFrom, settings.MailTo, settings.DeliveryLimit, time));
        }

        return carriers;
    }

    /// <summary>What puts messages into words.</summary>
    public static MessageWriter CreateWriter(NotificationSettings settings) => new(
        Environment.MachineName, Template(settings.TitleTemplate), Template(settings.TextTemplate));

    private static MessageTemplate Template(string text)
        => MessageTemplate.TryParse(text, out string? error)
            ?? throw new ArgumentException($"a template that was checked is none: {error}", nameof(text));
}
