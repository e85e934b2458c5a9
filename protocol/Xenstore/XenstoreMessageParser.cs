namespace Protocol.Xenstore;

/// <summary>What a step of <see cref="XenstoreMessageParser"/> came to.</summary>
public enum XenstoreParseResult
{
    /// <summary>All bytes are taken, the message is not whole yet.</summary>
    NeedMore = 0,

    /// <summary>One message is whole; bytes may be left.</summary>
    Message,

    /// <summary>One message is whole, of a type that the protocol does not know: a violation, for a client.</summary>
    UnknownType,

    /// <summary>The header announces more than the protocol allows: a violation, nothing more can be read.</summary>
    TooLong,
}

/// <summary>
/// Puts messages together from bytes that arrive in any pieces. Memory is taken only after the announced length was
/// held against <see cref="XenstoreLimits.MaxPayloadSizeBytes"/>, and none for an acknowledgement.
/// </summary>
public sealed class XenstoreMessageParser
{
    // The answer to most requests. All of them share it, but for a value, which becomes the caller's.
    private static readonly byte[] Ok = "OK\0"u8.ToArray();

    private readonly byte[] _short = new byte[Ok.Length];
    private readonly byte[] _headerBytes = new byte[XenstoreLimits.HeaderSizeBytes];
    private int _headerFilled;
    private XenstoreHeader _header;
    private byte[] _payload = [];
    private int _payloadFilled;

    /// <summary>Takes bytes until one message is whole or none are left.</summary>
    /// <param name="bytes">What arrived; on return, what was not taken.</param>
    /// <param name="message">
    /// The message, when the result is <see cref="XenstoreParseResult.Message"/> or
    /// <see cref="XenstoreParseResult.UnknownType"/>. Its payload is its own and does not change.
    /// </param>
    public XenstoreParseResult Read(ref ReadOnlySpan<byte> bytes, out XenstoreMessage message)
    {
        message = default;
        if (_headerFilled < _headerBytes.Length)
        {
            Take(ref bytes, _headerBytes, ref _headerFilled);
            if (_headerFilled < _headerBytes.Length)
            {
                return XenstoreParseResult.NeedMore;
            }

            _header = XenstoreHeader.Read(_headerBytes);
            if (_header.PayloadSizeBytes <= XenstoreLimits.MaxPayloadSizeBytes)
            {
                _payload = MayBeOk ? _short : new byte[_header.PayloadSizeBytes];
            }
        }

        if (_header.PayloadSizeBytes > XenstoreLimits.MaxPayloadSizeBytes)
        {
            return XenstoreParseResult.TooLong;
        }

        Take(ref bytes, _payload, ref _payloadFilled);
        if (_payloadFilled < _payload.Length)
        {
            return XenstoreParseResult.NeedMore;
        }

        byte[] payload = _payload;
        if (payload == _short)
        {
            payload = payload.AsSpan().SequenceEqual(Ok) ? Ok : [.. payload];
        }

        message = new XenstoreMessage(_header.Type, _header.RequestId, _header.TransactionId, payload);
        _headerFilled = 0;
        _payloadFilled = 0;
        return Enum.IsDefined(_header.Type) ? XenstoreParseResult.Message : XenstoreParseResult.UnknownType;
    }

    private bool MayBeOk => _header.PayloadSizeBytes == Ok.Length && _header.Type != XenstoreOperation.Read;

    private static void Take(ref ReadOnlySpan<byte> bytes, byte[] destination, ref int filled)
    {
        int count = Math.Min(bytes.Length, destination.Length - filled);
        bytes[..count].CopyTo(destination.AsSpan(filled));
        bytes = bytes[count..];
        filled += count;
    }
}
