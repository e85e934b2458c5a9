using System.Net.Sockets;
using HostBridge.Notifications.Wording;

namespace HostBridge.Notifications.Carriers;

/// <summary>systemd's journal. One datagram that is sent or not: a journal that hangs holds up nobody.</summary>
/// <param name="socketPath">The journal's socket.</param>
internal sealed class JournalCarrier(string socketPath) : INoticeCarrier
{
    /// <inheritdoc/>
    public string Name => "journal";

    /// <inheritdoc/>
    public Task<string?> DeliverAsync(NoticeMessage message, CancellationToken cancellationToken)
    {
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.Blocking = false;
            socket.SendTo(JournalEntry.Write(message), new UnixDomainSocketEndPoint(socketPath));
            return Task.FromResult<string?>(null);
        }
        catch (SocketException failure)
        {
            return Task.FromResult<string?>($"{socketPath} does not take it: {failure.Message}");
        }
    }
}
