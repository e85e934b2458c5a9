namespace Protocol.Channel;

/// <summary>The bounds of the channel. PROTOCOL.md says where each comes from.</summary>
public static class ChannelLimits
{
    /// <summary>The name of the channel in the domain's configuration, unless an administrator chose another.</summary>
    public const string DefaultName = "org.guest-agent.1";

    /// <summary>The most bytes of a frame on the wire, flags and escapes included.</summary>
    public const int MaxFrameBytes = 1024;

    /// <summary>
    /// The most bytes of a frame's content, checksum included: also with each byte escaped it fits
    /// <see cref="MaxFrameBytes"/> with its two flags.
    /// </summary>
    public const int MaxContentBytes = (MaxFrameBytes - 2) / 2;

    /// <summary>The most bytes of a message in one frame.</summary>
    public const int MaxPartBytes = MaxContentBytes - FrameCodec.PartHeaderBytes - FrameCodec.ChecksumBytes;

    /// <summary>The most frames of one message: sixteen filesystems of a kilobyte each fit twice.</summary>
    public const int MaxParts = 64;

    /// <summary>The longest message.</summary>
    public const int MaxMessageBytes = MaxParts * MaxPartBytes;

    /// <summary>
    /// The most bytes that may be written and not be known to have left the ring. The ring from guest to host has
    /// 2048 (xen/include/public/io/console.h), and the guest's kernel spins with a lock held and interrupts off
    /// while it is full (domU_write_console, drivers/tty/hvc/hvc_xen.c).
    /// </summary>
    public const int WindowBytes = 1500;
}
