namespace Protocol.Channel;

/// <summary>What a frame is for.</summary>
public enum FrameKind
{
    /// <summary>Says what was received. Is not answered.</summary>
    Acknowledgement = 1,

    /// <summary>Asks for an acknowledgement.</summary>
    Poll = 2,

    /// <summary>Carries a part of a message, and asks for an acknowledgement.</summary>
    Part = 3,
}

/// <summary>
/// One frame, its checksum verified. What it says is its sender's word; <see cref="Body"/> is valid until the parser
/// is fed again.
/// </summary>
public readonly ref struct ChannelFrame
{
    /// <summary>
    /// What it is for. A number that is unknown here stands for a frame of which only the head is read.
    /// </summary>
    public required FrameKind Kind { get; init; }

    /// <summary>The sender's life: a number chosen at random when it opened its end; never 0.</summary>
    public required uint Session { get; init; }

    /// <summary>Grows by one with each frame of a session, frames sent again included; from 1.</summary>
    public required uint Serial { get; init; }

    /// <summary>The session that the sender hears from the other end; 0 when it hears none.</summary>
    public required uint PeerSession { get; init; }

    /// <summary>The greatest serial heard in <see cref="PeerSession"/>; 0 for none.</summary>
    public required uint Seen { get; init; }

    /// <summary>The message of the other end that is being received, or was last; 0 for none.</summary>
    public required uint ReceivedMessage { get; init; }

    /// <summary>How many parts of it were received, without a gap.</summary>
    public required byte ReceivedParts { get; init; }

    /// <summary>The message of which this frame carries a part; grows with each message of a session, from 1.</summary>
    public uint Message { get; init; }

    /// <summary>Which part; from 0.</summary>
    public byte Part { get; init; }

    /// <summary>How many parts the message has; 1 to <see cref="ChannelLimits.MaxParts"/>.</summary>
    public byte Parts { get; init; }

    /// <summary>The part itself; empty but for a <see cref="FrameKind.Part"/>.</summary>
    public ReadOnlySpan<byte> Body { get; init; }
}
