using HostBridge.Commands;
using HostBridge.Guests;
using HostBridge.Notifications.Wording;

namespace HostBridge.Notifications.Carriers;

/// <summary>Mail, handed to the host's own sendmail(8): delivered is what that has taken into its queue.</summary>
/// <param name="sendmail">The absolute path of the program.</param>
/// <param name="from">Who it comes from.</param>
/// <param name="recipients">To whom.</param>
/// <param name="limit">How long it may take.</param>
/// <param name="time">The clock.</param>
internal sealed class MailCarrier(
    string sendmail, string from, IReadOnlyList<string> recipients, TimeSpan limit, TimeProvider time) : INoticeCarrier
{
    private const int MaxOutputBytes = 4096;

    /// <inheritdoc/>
    public string Name => "mail";

    /// <inheritdoc/>
    public async Task<string?> DeliverAsync(NoticeMessage message, CancellationToken cancellationToken)
    {
        byte[] mail = MailText.Write(message, from, recipients, time.GetUtcNow());
        var limits = new CommandLimits(limit, MaxOutputBytes) { IsMoreDropped = true };
        CommandOutput result = await BoundedCommand
            .RunAsync(sendmail, ["-t", "-oi"], limits, mail, cancellationToken).ConfigureAwait(false);
        return result.Problem is { } problem
            ? $"{sendmail}: {problem}: {Printable.Escape(result.Complaint)}".TrimEnd(' ', ':')
            : null;
    }
}
