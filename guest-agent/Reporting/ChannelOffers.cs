using Protocol.Channel;
using Protocol.Health;

namespace GuestAgent.Reporting;

/// <summary>What the channel carries now, and what of it the host is known to have.</summary>
internal sealed class ChannelOffers
{
    private readonly Dictionary<ChannelTopic, ChannelMessage> _offered = [];
    private readonly Dictionary<ChannelTopic, ChannelMessage> _delivered = [];

    /// <summary>
    /// Whether a message differs from the last that was offered of its topic; it is offered from now on.
    /// </summary>
    public bool IsNew(ChannelTopic topic, ChannelMessage message)
    {
        if (_offered.TryGetValue(topic, out ChannelMessage? before) && before == message)
        {
            return false;
        }

        _offered[topic] = message;
        return true;
    }

    /// <summary>The host has a message.</summary>
    public void Delivered(ChannelTopic topic, ChannelMessage message) => _delivered[topic] = message;

    /// <summary>
    /// The channel went: what was delivered over it was delivered, but a host that comes anew may be another.
    /// </summary>
    public void Forget() => _delivered.Clear();

    /// <summary>Whether the host has this report.</summary>
    public bool HasReport(GuestReport report)
        => _delivered.GetValueOrDefault(ChannelTopic.Report) is ChannelMessage.Report { Content: var told }
            && told.Sequence == report.Sequence;

    /// <summary>Whether the host has this answer.</summary>
    public bool HasOutcome(RequestOutcome outcome)
        => _delivered.GetValueOrDefault(ChannelTopic.Outcome) is ChannelMessage.Outcome { Content: var told }
            && told == outcome;
}
