using System.Collections.Concurrent;
using HostBridge.Recovery;
using Protocol.Health;

namespace HostBridge.Guests.Channels;

/// <summary>The connections that there are, by domain: where requests find their way.</summary>
internal sealed class ChannelBook
{
    private readonly ConcurrentDictionary<DomainId, ChannelConnection> _connections = new();

    /// <summary>A connection is there.</summary>
    public void Add(ChannelConnection connection) => _connections[connection.Place.Domain] = connection;

    /// <summary>A connection is no more.</summary>
    public void Remove(DomainId domain) => _connections.TryRemove(domain, out _);

    /// <summary>Brings a request to a guest; false when it is not heard over a channel now.</summary>
    public bool Offer(Guid guest, DomainId domain, GuestRequest request)
    {
        if (!_connections.TryGetValue(domain, out ChannelConnection? connection) || connection.Place.Guest != guest)
        {
            return false;
        }

        connection.Offer(request);
        return connection.IsAnswered;
    }

    /// <summary>Takes a request away, if it is still this one.</summary>
    public void Withdraw(DomainId domain, RequestId id)
    {
        if (_connections.TryGetValue(domain, out ChannelConnection? connection))
        {
            connection.Withdraw(id);
        }
    }
}
