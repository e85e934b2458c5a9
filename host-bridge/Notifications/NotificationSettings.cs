using HostBridge.Notifications.Grouping;
using HostBridge.Notifications.Wording;

namespace HostBridge.Notifications;

/// <summary>Over what people are told, and in which words. Checked before it is made.</summary>
internal sealed record NotificationSettings
{
    /// <summary>The journal's socket; null for none.</summary>
    public string? JournalSocket { get; init; } = "/run/systemd/journal/socket";

    /// <summary>A program that gets each message as JSON on its standard input; null for none.</summary>
    public string? Hook { get; init; }

    /// <summary>Where each message is posted as JSON; null for none. It may be a secret.</summary>
    public string? WebhookUrl { get; init; }

    /// <summary>Further headers of that, <c>Authorization: Bearer …</c>. Secrets.</summary>
    public IReadOnlyList<string> WebhookHeaders { get; init; } = [];

    /// <summary>To whom mail is sent; none for no mail.</summary>
    public IReadOnlyList<string> MailTo { get; init; } = [];

    /// <summary>Who it comes from.</summary>
    public string MailFrom { get; init; } = "root";

    /// <summary>The program that takes mail as sendmail(8) does.</summary>
    public string SendmailProgram { get; init; } = "/usr/sbin/sendmail";

    /// <summary>How long a hook, curl or sendmail may take for one message.</summary>
    public TimeSpan DeliveryLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The template of the title.</summary>
    public string TitleTemplate { get; init; } = MessageWriter.DefaultTitle;

    /// <summary>The template of the text.</summary>
    public string TextTemplate { get; init; } = MessageWriter.DefaultText;

    /// <summary>How notices are gathered.</summary>
    public GroupingLimits Grouping { get; init; } = new();

    /// <summary>Why these settings cannot be used, for a person; null when they can.</summary>
    public string? WhyNot()
    {
        if (MailTo.Append(MailFrom).FirstOrDefault(address => !MailText.IsAddress(address)) is { } malformed)
        {
            return $"\"{malformed}\" is no mail address; write root or admin@example.org, without a name";
        }

        if (WebhookUrl is { } url
            && !(Uri.TryCreate(url, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https"))
        {
            return "the webhook's address is none of http or https";
        }

        if (WebhookHeaders.Any(header => header.IndexOf(':', StringComparison.Ordinal) < 1 || header.Any(char.IsControl)))
        {
            return "a header of the webhook is not \"Name: value\"";
        }

        return WhyNotTemplate("title", TitleTemplate) ?? WhyNotTemplate("text", TextTemplate);
    }

    private static string? WhyNotTemplate(string which, string text)
        => MessageTemplate.TryParse(text, out string? error) is null ? $"the template of the {which}: {error}" : null;
}
