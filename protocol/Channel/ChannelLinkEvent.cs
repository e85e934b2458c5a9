namespace Protocol.Channel;

/// <summary>Which end of the channel a link is.</summary>
public enum ChannelEnd
{
    /// <summary>
    /// Speaks only when spoken to: what it writes while nobody takes it out of the ring would freeze its kernel.
    /// </summary>
    Guest = 0,

    /// <summary>Asks whether there is a guest, and goes on asking.</summary>
    Host,
}

/// <summary>
/// What a message is about. Of each topic only the newest message is kept and sent, so nothing piles up; the lower
/// ones are sent first.
/// </summary>
public enum ChannelTopic
{
    /// <summary>The guest's answer to a request.</summary>
    Outcome = 0,

    /// <summary>The guest's report.</summary>
    Report,

    /// <summary>The guest's sign of life.</summary>
    Heartbeat,

    /// <summary>The host's request, or that there is none.</summary>
    Request,
}

/// <summary>What happened on a link.</summary>
public abstract record ChannelLinkEvent
{
    private ChannelLinkEvent()
    {
    }

    /// <summary>Both ends hear each other, for the first time or after one of them began anew.</summary>
    public sealed record Connected : ChannelLinkEvent;

    /// <summary>A message arrived whole.</summary>
    /// <param name="Message">Its bytes, not looked at yet.</param>
    public sealed record Received(byte[] Message) : ChannelLinkEvent;

    /// <summary>The other end has a message whole.</summary>
    /// <param name="Topic">Its topic.</param>
    /// <param name="Message">The bytes that were offered.</param>
    public sealed record Delivered(ChannelTopic Topic, byte[] Message) : ChannelLinkEvent;
}
