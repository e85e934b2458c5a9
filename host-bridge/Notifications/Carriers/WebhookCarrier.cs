using System.Globalization;
using HostBridge.Commands;
using HostBridge.Notifications.Wording;

namespace HostBridge.Notifications.Carriers;

/// <summary>
/// A web server, to which curl posts the message as JSON. TLS is curl's business: a library of it that is too old for
/// the runtime would end the bridge. What curl complains of may hold the address, so only its exit code is told.
/// </summary>
/// <param name="file">The file that says where to; it is read for each message, so that secrets can be changed.</param>
/// <param name="limit">How long it may take.</param>
/// <param name="curl">The absolute path of curl; null when it is not installed.</param>
internal sealed class WebhookCarrier(string file, TimeSpan limit, string? curl) : INoticeCarrier
{
    private const int MaxOutputBytes = 4096;

    /// <summary>curl ends by itself before it is killed.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public string Name => "webhook";

    /// <inheritdoc/>
    public async Task<string?> DeliverAsync(NoticeMessage message, CancellationToken cancellationToken)
    {
        if (curl is null)
        {
            return "curl is not installed; install it";
        }

        if (WebhookTarget.TryRead(file, out string? wrong) is not { } target)
        {
            return wrong;
        }

        byte[] config = CurlConfig.Write(
            target.Url, target.Headers, MessageJson.Write(message), Math.Max(1, (int)limit.TotalSeconds));
        var limits = new CommandLimits(limit + Margin, MaxOutputBytes) { IsMoreDropped = true };
        // The first argument keeps it from reading a file of root's own.
        CommandOutput result = await BoundedCommand
            .RunAsync(curl, ["--disable", "--config", "-"], limits, config, cancellationToken).ConfigureAwait(false);
        return result switch
        {
            { Problem: null } => null,
            { ExitCode: { } code } => string.Create(
                CultureInfo.InvariantCulture, $"{CurlConfig.Meaning(code)} (curl ended with {code})"),
            _ => $"curl: {result.Problem}",
        };
    }
}
