using Microsoft.Extensions.Logging;

namespace GuestAgent;

/// <summary>Everything the agent says in its log.</summary>
internal static partial class AgentLog
{
    [LoggerMessage(Level = LogLevel.Information, Message =
        "guest-agent {Version}, boot {BootId}: {Count} filesystems, remedies {Remedies}")]
    public static partial void Started(ILogger log, string version, string bootId, int count, string remedies);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "{MountPoint} on {Device}: {Before} -> {Verdict}{Hidden}; {Evidence}")]
    public static partial void VerdictWorse(
        ILogger log, string mountPoint, string device, string before, string verdict, string hidden, string evidence);

    [LoggerMessage(Level = LogLevel.Information, Message =
        "{MountPoint} on {Device}: {Before} -> {Verdict}; {Evidence}")]
    public static partial void VerdictBetter(
        ILogger log, string mountPoint, string device, string before, string verdict, string evidence);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Text}; {Line}")]
    public static partial void Outcome(ILogger log, string text, string line);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Text}")]
    public static partial void Recovery(ILogger log, string text);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Text}")]
    public static partial void Warning(ILogger log, string text);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Reason}: its signs are missed, the probe does without")]
    public static partial void MissingSource(ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Critical, Message =
        "the poll loop makes no progress for {Seconds} s: nothing is known of any filesystem until it does")]
    public static partial void LoopStuck(ILogger log, long seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the poll loop makes progress again")]
    public static partial void LoopTurns(ILogger log);

    [LoggerMessage(Level = LogLevel.Information, Message = "xenstore answers")]
    public static partial void LinkUp(ILogger log);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "xenstore: {Reason}; tried again with back-off, judging goes on")]
    public static partial void LinkDown(ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "channel {Path}: the host answers")]
    public static partial void ChannelUp(ILogger log, string path);

    [LoggerMessage(Level = LogLevel.Information, Message =
        "channel: {Reason}; xenstore carries the reports alone, the channel is tried again")]
    public static partial void ChannelDown(ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "the configuration was read again and is in force")]
    public static partial void Reloaded(ILogger log);

    [LoggerMessage(Level = LogLevel.Information, Message =
        "the files of the configuration can be read again, and what they say is in force")]
    public static partial void ReadAtLast(ILogger log);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "the configuration is not taken: {Reason}; what was in force stays in force")]
    public static partial void NotReloaded(ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "{Key} = {Value} takes effect at the next start; until then it is {Before}")]
    public static partial void NeedsStart(ILogger log, string key, string value, string before);

    [LoggerMessage(Level = LogLevel.Critical, Message = "the agent cannot go on: {Reason}")]
    public static partial void Broken(ILogger log, string reason);
}
