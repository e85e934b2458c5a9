using GuestAgent.Detection;
using GuestAgent.Inquiries;
using Protocol.Channel;
using Protocol.Health;

namespace GuestAgent;

/// <summary>What the agent wants done. Every effect that can fail comes back as an input.</summary>
internal abstract record AgentEffect
{
    private AgentEffect()
    {
    }

    /// <summary>Probe a filesystem.</summary>
    public sealed record StartProbe(MountEntry Mount) : AgentEffect;

    /// <summary>Write a node, or remove it where the value is null.</summary>
    public sealed record WriteKey(string Path, string? Value) : AgentEffect;

    /// <summary>From now on the channel carries this message of a topic.</summary>
    public sealed record OfferOverChannel(ChannelTopic Topic, ChannelMessage Message) : AgentEffect;

    /// <summary>No carrier takes the alarm: tell the kernel log.</summary>
    public sealed record TellKernelLog(LastResortLine Line) : AgentEffect;

    /// <summary>Put the text of the status file in place.</summary>
    public sealed record WriteStatus(string Text) : AgentEffect;

    /// <summary>Carry out a remedy.</summary>
    public sealed record RunRemedy(GuestRequest Request, WatchedFilesystem Filesystem) : AgentEffect;

    /// <summary>Answer somebody in this guest.</summary>
    public sealed record AnswerInquiry(InquiryAnswer Answer) : AgentEffect;

    /// <summary>A filesystem's verdict changed: tell the log.</summary>
    public sealed record TellVerdict(FilesystemHealth Health, Verdict Before) : AgentEffect;

    /// <summary>A request was answered: tell the log.</summary>
    public sealed record TellOutcome(RequestOutcome Outcome, string Text) : AgentEffect;

    /// <summary>The host left word of what it did for this guest: tell the log.</summary>
    public sealed record TellRecovery(LastRecovery Recovery) : AgentEffect;

    /// <summary>Something a person should read once.</summary>
    public sealed record TellWarning(string Text) : AgentEffect;
}
