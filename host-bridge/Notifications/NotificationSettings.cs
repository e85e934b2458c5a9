using HostBridge.Notifications.Grouping;
using HostBridge.Notifications.Wording;

namespace HostBridge.Notifications;

/// <summary>Over what people are told, and in which words. What stands in the files is looked at when it is used.</summary>
internal sealed record NotificationSettings
{
    /// <summary>The program that takes mail on most hosts.</summary>
    public const string DefaultSendmail = "/usr/sbin/sendmail";

    /// <summary>Whether the journal is told.</summary>
    public bool Journal { get; init; } = true;

    /// <summary>The journal's socket.</summary>
    public string JournalSocket { get; init; } = "/run/systemd/journal/socket";

    /// <summary>A program that gets each message as JSON on its standard input; null for none.</summary>
    public string? Hook { get; init; }

    /// <summary>A file, root's alone, that says where each message is posted as JSON; null for none.</summary>
    public string? WebhookFile { get; init; }

    /// <summary>To whom mail is sent; none for no mail.</summary>
    public IReadOnlyList<string> MailTo { get; init; } = [];

    /// <summary>Who it comes from.</summary>
    public string MailFrom { get; init; } = "root";

    /// <summary>The program that takes mail as sendmail(8) does.</summary>
    public string SendmailProgram { get; init; } = DefaultSendmail;

    /// <summary>How long a hook, curl or sendmail may take for one message.</summary>
    public TimeSpan DeliveryLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The template of the title.</summary>
    public string TitleTemplate { get; init; } = MessageWriter.DefaultTitle;

    /// <summary>A file with the template of the text; null for <see cref="MessageWriter.DefaultText"/>.</summary>
    public string? TextFile { get; init; }

    /// <summary>How notices are gathered.</summary>
    public GroupingLimits Grouping { get; init; } = new();
}
