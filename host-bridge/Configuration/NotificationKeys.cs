using HostBridge.Notifications;
using Protocol.Configuration;

namespace HostBridge.Configuration;

/// <summary>The keys of how people are told.</summary>
internal static class NotificationKeys
{
    private const int MaxDeliverySeconds = 600;

    /// <summary>The keys, in the order of the manual.</summary>
    public static readonly IReadOnlyList<SettingKey<BridgeOptions>> All =
    [
        Key(
            "notify-journal",
            new SwitchKind(),
            settings => settings.Journal,
            (settings, value) => settings with { Journal = value },
            "Whether notices are entries of systemd's journal with fields of their own, where there is one."),
        Key(
            "notify-hook",
            new PathKind(hasNone: true),
            settings => settings.Hook,
            (settings, value) => settings with { Hook = value },
            "A program that gets each message as JSON on its standard input."),
        Key(
            "notify-webhook-file",
            new PathKind(hasNone: true),
            settings => settings.WebhookFile,
            (settings, value) => settings with { WebhookFile = value },
            "A file, readable by root alone, with the address to which curl posts each message as JSON, and headers."),
        Key(
            "notify-mail-to",
            new ListKind<string>(new MailAddressKind(), ',', "addresses without names"),
            settings => settings.MailTo,
            (settings, value) => settings with { MailTo = value },
            "To whom each message is sent by mail."),
        Key(
            "notify-mail-from",
            new MailAddressKind(),
            settings => settings.MailFrom,
            (settings, value) => settings with { MailFrom = value },
            "Who the mail comes from."),
        Key(
            "notify-sendmail",
            new PathKind(),
            settings => settings.SendmailProgram,
            (settings, value) => settings with { SendmailProgram = value! },
            "The program that takes the mail, as sendmail -t -oi does."),
        Key(
            "notify-delivery-seconds",
            new SecondsKind(1, MaxDeliverySeconds),
            settings => settings.DeliveryLimit,
            (settings, value) => settings with { DeliveryLimit = value },
            "How long the hook, curl or sendmail may take for one message; then it is killed, and tried again later."),
        Key(
            "notify-title",
            new TemplateKind(),
            settings => settings.TitleTemplate,
            (settings, value) => settings with { TitleTemplate = value },
            "The title of a message, with names in braces."),
        Key(
            "notify-text-file",
            new PathKind(hasNone: true),
            settings => settings.TextFile,
            (settings, value) => settings with { TextFile = value },
            "A file with the text of a message, with names in braces; read at the start."),
    ];

    private static SettingKey<BridgeOptions> Key<TValue>(
        string name,
        ValueKind<TValue> kind,
        Func<NotificationSettings, TValue> get,
        Func<NotificationSettings, TValue, NotificationSettings> set,
        string description)
        => new SettingKey<NotificationSettings, TValue>(name, kind, get, set, description) { NeedsStart = true }
            .Of<BridgeOptions>(
                options => options.Notifications,
                (options, settings) => options with { Notifications = settings });
}
