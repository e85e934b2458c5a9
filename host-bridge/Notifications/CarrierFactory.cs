using HostBridge.Commands;
using HostBridge.Notifications.Carriers;
using HostBridge.Notifications.Wording;

namespace HostBridge.Notifications;

/// <summary>Puts the configured carriers together.</summary>
internal static class CarrierFactory
{
    private const int MaxTemplateBytes = 64 * 1024;

    /// <summary>The carriers, the nearest first.</summary>
    public static IReadOnlyList<INoticeCarrier> Create(NotificationSettings settings, TimeProvider time)
    {
        var carriers = new List<INoticeCarrier>();
        // On a host without systemd there is no journal, and the log has everything that it would.
        if (settings.Journal && File.Exists(settings.JournalSocket))
        {
            carriers.Add(new JournalCarrier(settings.JournalSocket));
        }

        if (settings.Hook is { } hook)
        {
            carriers.Add(new HookCarrier(hook, settings.DeliveryLimit));
        }

        if (settings.WebhookFile is { } file)
        {
            carriers.Add(new WebhookCarrier(file, settings.DeliveryLimit, BoundedCommand.Find("curl")));
        }

        if (settings.MailTo.Count > 0)
        {
            carriers.Add(new MailCarrier(
                settings.SendmailProgram, settings.MailFrom, settings.MailTo, settings.DeliveryLimit, time));
        }

        return carriers;
    }

    /// <summary>What puts messages into words.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="problem">Why the text is not the file's, for a person; null when it is, or there is none.</param>
    public static MessageWriter CreateWriter(NotificationSettings settings, out string? problem)
    {
        problem = null;
        MessageTemplate? text = settings.TextFile is { } file ? TryReadTemplate(file, out problem) : null;
        return new MessageWriter(
            Environment.MachineName, Template(settings.TitleTemplate), text ?? Template(MessageWriter.DefaultText));
    }

    private static MessageTemplate? TryReadTemplate(string path, out string? problem)
    {
        try
        {
            if (new FileInfo(path).Length > MaxTemplateBytes)
            {
                problem = $"{path} is larger than {MaxTemplateBytes} bytes";
                return null;
            }

            MessageTemplate? template = MessageTemplate.TryParse(File.ReadAllText(path), out string? error);
            problem = template is null ? $"{path}: {error}" : null;
            return template;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            problem = $"{path} cannot be read: {failure.Message}";
            return null;
        }
    }

    private static MessageTemplate Template(string text)
        => MessageTemplate.TryParse(text, out string? error)
            ?? throw new ArgumentException($"a template that was checked is none: {error}", nameof(text));
}
