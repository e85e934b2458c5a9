using GuestAgent.Detection;
using GuestAgent.Inquiries;
using GuestAgent.Requests;
using Protocol.Channel;
using Protocol.Health;
using Protocol.Xenstore;

namespace GuestAgent;

/// <summary>What can happen to the agent.</summary>
internal abstract record AgentInput
{
    private AgentInput()
    {
    }

    /// <summary>An observer brought a fact.</summary>
    public sealed record Observed(Observation Observation) : AgentInput;

    /// <summary>Time passed.</summary>
    public sealed record Tick : AgentInput;

    /// <summary>So much time passed since the last such input, counted without the loop's clock.</summary>
    public sealed record TimeCounted(TimeSpan Counted) : AgentInput;

    /// <summary>Xenstore answers: nothing that was published before is known to be there.</summary>
    public sealed record LinkUp : AgentInput;

    /// <summary>Xenstore is gone; the reason is for people.</summary>
    public sealed record LinkDown(string Reason) : AgentInput;

    /// <summary>The watch for the host's requests was refused; it is tried again every minute.</summary>
    public sealed record WatchRefused(XenstoreError Error) : AgentInput;

    /// <summary>A node was written or removed, or refused.</summary>
    public sealed record KeyWritten(string Path, XenstoreError Error) : AgentInput;

    /// <summary>A node could not be handed over now; it is due again.</summary>
    public sealed record KeyNotSent(string Path) : AgentInput;

    /// <summary>The agent's own node was read back: null when it is not there, as after a migration.</summary>
    public sealed record OwnBootIdRead(byte[]? Value) : AgentInput;

    /// <summary>The answer that stands in xenstore from an agent before this one; null when none does.</summary>
    public sealed record EarlierOutcomeRead(byte[]? Value) : AgentInput;

    /// <summary>The host's request node was read; null when there is none.</summary>
    public sealed record RequestRead(byte[]? Value) : AgentInput;

    /// <summary>The host's word of its last recovery of this guest was read; null when there is none.</summary>
    public sealed record LastRecoveryRead(byte[]? Value) : AgentInput;

    /// <summary>An agent before this one, in the same boot, told the log of this recovery.</summary>
    public sealed record EarlierRecoveryTold(RequestId Id) : AgentInput;

    /// <summary>The channel to the host answers (null), or why it does not, for people.</summary>
    public sealed record ChannelChanged(string? Trouble) : AgentInput;

    /// <summary>The host has a message of the channel.</summary>
    public sealed record ChannelDelivered(ChannelTopic Topic, ChannelMessage Message) : AgentInput;

    /// <summary>The host asks for something over the channel, or for nothing any more.</summary>
    public sealed record ChannelRequestRead(GuestRequest? Request) : AgentInput;

    /// <summary>An agent before this one, in the same boot, used the last resort so often.</summary>
    public sealed record EarlierLastResortRead(int Lines) : AgentInput;

    /// <summary>An administrator wants other filesystems probed more or less often.</summary>
    public sealed record IntervalsChanged(ProbeIntervals Intervals) : AgentInput;

    /// <summary>Why the files of the configuration are not known, and what is in force instead; null when read.</summary>
    public sealed record ConfigurationTroubleChanged(string? Trouble) : AgentInput;

    /// <summary>A remedy ended.</summary>
    public sealed record RemedyEnded(RemedyResult Result) : AgentInput;

    /// <summary>Somebody in this guest asks; null is a question that is not understood.</summary>
    public sealed record Asked(long ClientId, Inquiry? Inquiry) : AgentInput;
}
