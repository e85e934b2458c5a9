using System.Buffers.Binary;
using System.Numerics;

namespace Protocol.Channel;

/// <summary>
/// Frames as bytes, and back: HDLC-like framing with byte stuffing (RFC 1662, section 4) and a checksum of CRC-32C.
/// Every control character is escaped, so that nothing of a frame means anything to a terminal's line discipline,
/// and a control character that comes all the same is none of a frame's.
/// </summary>
public static class FrameCodec
{
    /// <summary>The version that is spoken here.</summary>
    public const byte Version = 1;

    internal const byte Flag = 0x7e;
    internal const byte Escape = 0x7d;
    internal const byte EscapeMask = 0x20;

    internal const int HeaderBytes = 23;
    internal const int PartHeaderBytes = HeaderBytes + 6;
    internal const int ChecksumBytes = 4;

    /// <summary>The most bytes on the wire of a frame that carries no part.</summary>
    internal const int MaxHeadBytes = 2 + (2 * (HeaderBytes + ChecksumBytes));

    private const byte Delete = 0x7f;
    private const byte ParityMark = 0xff;

    /// <summary>Writes a frame; its size on the wire.</summary>
    /// <param name="frame">The frame; its body has at most <see cref="ChannelLimits.MaxPartBytes"/>.</param>
    /// <param name="wire">Room for <see cref="ChannelLimits.MaxFrameBytes"/>.</param>
    public static int Encode(in ChannelFrame frame, Span<byte> wire)
    {
        Span<byte> content = stackalloc byte[ChannelLimits.MaxContentBytes];
        int size = WriteContent(frame, content);
        int written = 0;
        wire[written++] = Flag;
        foreach (byte value in content[..size])
        {
            if (IsEscaped(value))
            {
                wire[written++] = Escape;
                wire[written++] = (byte)(value ^ EscapeMask);
            }
            else
            {
                wire[written++] = value;
            }
        }

        wire[written++] = Flag;
        return written;
    }

    /// <summary>Whether a byte is never on the wire as itself, inside a frame.</summary>
    internal static bool IsEscaped(byte value)
        => IsControl(value) || value is Flag or Escape or ParityMark;

    /// <summary>Whether a byte is a control character: what a terminal may act on, or insert.</summary>
    internal static bool IsControl(byte value) => value is < 0x20 or Delete;

    /// <summary>
    /// Reads the content of a frame; false when the checksum is wrong, the version is another, or it says what no
    /// frame says. What a newer writer adds behind the fields of a frame without a body is left unread.
    /// </summary>
    internal static bool TryDecode(ReadOnlySpan<byte> content, out ChannelFrame frame)
    {
        frame = default;
        if (content.Length < HeaderBytes + ChecksumBytes
            || Checksum(content[..^ChecksumBytes]) != BinaryPrimitives.ReadUInt32BigEndian(content[^ChecksumBytes..])
            || content[0] != Version)
        {
            return false;
        }

        content = content[..^ChecksumBytes];
        var kind = (FrameKind)content[1];
        bool isPart = kind == FrameKind.Part;
        if (isPart && (content.Length <= PartHeaderBytes || content[28] is 0 or > ChannelLimits.MaxParts
            || content[27] >= content[28]))
        {
            return false;
        }

        frame = new ChannelFrame
        {
            Kind = kind,
            Session = BinaryPrimitives.ReadUInt32BigEndian(content[2..]),
            Serial = BinaryPrimitives.ReadUInt32BigEndian(content[6..]),
            PeerSession = BinaryPrimitives.ReadUInt32BigEndian(content[10..]),
            Seen = BinaryPrimitives.ReadUInt32BigEndian(content[14..]),
            ReceivedMessage = BinaryPrimitives.ReadUInt32BigEndian(content[18..]),
            ReceivedParts = content[22],
            Message = isPart ? BinaryPrimitives.ReadUInt32BigEndian(content[23..]) : 0,
            Part = isPart ? content[27] : (byte)0,
            Parts = isPart ? content[28] : (byte)0,
            Body = isPart ? content[PartHeaderBytes..] : default,
        };
        return frame.Session != 0;
    }

    private static int WriteContent(in ChannelFrame frame, Span<byte> content)
    {
        content[0] = Version;
        content[1] = (byte)frame.Kind;
        BinaryPrimitives.WriteUInt32BigEndian(content[2..], frame.Session);
        BinaryPrimitives.WriteUInt32BigEndian(content[6..], frame.Serial);
        BinaryPrimitives.WriteUInt32BigEndian(content[10..], frame.PeerSession);
        BinaryPrimitives.WriteUInt32BigEndian(content[14..], frame.Seen);
        BinaryPrimitives.WriteUInt32BigEndian(content[18..], frame.ReceivedMessage);
        content[22] = frame.ReceivedParts;
        int size = HeaderBytes;
        if (frame.Kind == FrameKind.Part)
        {
            BinaryPrimitives.WriteUInt32BigEndian(content[23..], frame.Message);
            content[27] = frame.Part;
            content[28] = frame.Parts;
            frame.Body.CopyTo(content[PartHeaderBytes..]);
            size = PartHeaderBytes + frame.Body.Length;
        }

        BinaryPrimitives.WriteUInt32BigEndian(content[size..], Checksum(content[..size]));
        return size + ChecksumBytes;
    }

    /// <summary>CRC-32C as iSCSI and ext4 have it (RFC 3720, appendix B.4).</summary>
    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint checksum = uint.MaxValue;
        while (bytes.Length >= sizeof(ulong))
        {
            checksum = BitOperations.Crc32C(checksum, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (byte value in bytes)
        {
            checksum = BitOperations.Crc32C(checksum, value);
        }

        return ~checksum;
    }
}
