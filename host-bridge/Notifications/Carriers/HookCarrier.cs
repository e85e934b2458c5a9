using HostBridge.Commands;
using HostBridge.Guests;
using HostBridge.Notifications.Wording;

namespace HostBridge.Notifications.Carriers;

/// <summary>A program of the administrator, which gets the message as JSON on its standard input.</summary>
/// <param name="program">The absolute path of the program.</param>
/// <param name="limit">How long it may take; then all of its session is killed.</param>
internal sealed class HookCarrier(string program, TimeSpan limit) : INoticeCarrier
{
    private const int MaxOutputBytes = 4096;

    /// <inheritdoc/>
    public string Name => "hook";

    /// <inheritdoc/>
    public async Task<string?> DeliverAsync(NoticeMessage message, CancellationToken cancellationToken)
    {
        var limits = new CommandLimits(limit, MaxOutputBytes) { IsMoreDropped = true };
        CommandOutput result = await BoundedCommand
            .RunAsync(program, [], limits, MessageJson.Write(message), cancellationToken).ConfigureAwait(false);
        return result.Problem is { } problem
            ? $"{program}: {problem}: {Printable.Escape(result.Complaint)}".TrimEnd(' ', ':')
            : null;
    }
}
