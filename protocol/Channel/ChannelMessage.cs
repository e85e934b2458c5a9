using Protocol.Health;

namespace Protocol.Channel;

/// <summary>What travels over the channel. Each message is complete: the last of its kind is all that counts.</summary>
public abstract record ChannelMessage
{
    private ChannelMessage()
    {
    }

    /// <summary>The guest says how it is.</summary>
    /// <param name="Content">At most <see cref="GuestReport.MaxFilesystems"/> filesystems.</param>
    public sealed record Report(GuestReport Content) : ChannelMessage;

    /// <summary>The guest lives, and has nothing newer to say.</summary>
    /// <param name="BootId">The boot that speaks.</param>
    /// <param name="Sequence">The sequence of its last report.</param>
    /// <param name="UptimeSeconds">How long it has been up.</param>
    public sealed record Heartbeat(BootId BootId, long Sequence, long UptimeSeconds) : ChannelMessage;

    /// <summary>The guest answers a request.</summary>
    /// <param name="Content">The answer.</param>
    public sealed record Outcome(RequestOutcome Content) : ChannelMessage;

    /// <summary>The host asks for something.</summary>
    /// <param name="Content">The request.</param>
    public sealed record Request(GuestRequest Content) : ChannelMessage;

    /// <summary>The host asks for nothing any more.</summary>
    public sealed record NoRequest : ChannelMessage;
}
