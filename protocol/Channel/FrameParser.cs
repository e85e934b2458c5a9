namespace Protocol.Channel;

/// <summary>
/// Finds frames in bytes that come in any pieces, between any garbage. It holds one frame's content and never more,
/// allocates nothing after its creation, and begins anew at every flag: a frame that arrives whole is found, whatever
/// came before it.
/// </summary>
public sealed class FrameParser
{
    private readonly byte[] _content = new byte[ChannelLimits.MaxContentBytes];
    private int _size;
    private bool _isEscaped;
    private bool _isBroken;

    /// <summary>How many pieces between two flags were no frame: noise, damage, a frame of another version.</summary>
    public long Dropped { get; private set; }

    /// <summary>Takes bytes up to the end of the next frame.</summary>
    /// <param name="bytes">What was received; on return what is left of it, nothing when false.</param>
    /// <param name="frame">The frame; its body is valid until the next call.</param>
    public bool TryRead(ref ReadOnlySpan<byte> bytes, out ChannelFrame frame)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            byte value = bytes[i];
            if (value == FrameCodec.Flag)
            {
                if (EndFrame(out frame))
                {
                    bytes = bytes[(i + 1)..];
                    return true;
                }
            }
            else if (value == FrameCodec.Escape)
            {
                _isBroken |= _isEscaped;
                _isEscaped = true;
            }
            else if (!FrameCodec.IsControl(value))
            {
                Append(_isEscaped ? (byte)(value ^ FrameCodec.EscapeMask) : value);
                _isEscaped = false;
            }
        }

        bytes = default;
        frame = default;
        return false;
    }

    private void Append(byte value)
    {
        if (_size == _content.Length)
        {
            _isBroken = true;
            return;
        }

        _content[_size++] = value;
    }

    private bool EndFrame(out ChannelFrame frame)
    {
        frame = default;
        bool isFrame = !_isBroken && !_isEscaped && FrameCodec.TryDecode(_content.AsSpan(0, _size), out frame);
        Dropped += !isFrame && (_size > 0 || _isBroken || _isEscaped) ? 1 : 0;
        (_size, _isEscaped, _isBroken) = (0, false, false);
        return isFrame;
    }
}
