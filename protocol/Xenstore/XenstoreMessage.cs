namespace Protocol.Xenstore;

/// <summary>
/// The 16 bytes before every payload: four 32-bit numbers in the byte order of the machine.
/// </summary>
/// <param name="Type">The message type; any number, when it comes from a peer.</param>
/// <param name="RequestId">Chosen by the client, echoed in the reply.</param>
/// <param name="TransactionId">0 outside a transaction, which is always here.</param>
/// <param name="PayloadSizeBytes">How many bytes follow; any number, when it comes from a peer.</param>
public readonly record struct XenstoreHeader(
    XenstoreOperation Type,
    uint RequestId,
    uint TransactionId,
    uint PayloadSizeBytes)
{
    /// <summary>Reads the first 16 bytes.</summary>
    public static XenstoreHeader Read(ReadOnlySpan<byte> bytes)
        => new(
            (XenstoreOperation)BitConverter.ToInt32(bytes),
            BitConverter.ToUInt32(bytes[4..]),
            BitConverter.ToUInt32(bytes[8..]),
            BitConverter.ToUInt32(bytes[12..]));

    /// <summary>Writes the first 16 bytes.</summary>
    public void WriteTo(Span<byte> bytes)
    {
        BitConverter.TryWriteBytes(bytes, (int)Type);
        BitConverter.TryWriteBytes(bytes[4..], RequestId);
        BitConverter.TryWriteBytes(bytes[8..], TransactionId);
        BitConverter.TryWriteBytes(bytes[12..], PayloadSizeBytes);
    }
}

/// <summary>One whole message, as it came over the wire.</summary>
/// <param name="Type">The message type.</param>
/// <param name="RequestId">
/// Echoed from the request. Meaningless in a <see cref="XenstoreOperation.WatchEvent"/>: the kernel's device leaves
/// uninitialised memory there.
/// </param>
/// <param name="TransactionId">As <paramref name="RequestId"/>.</param>
/// <param name="Payload">What followed the header, at most <see cref="XenstoreLimits.MaxPayloadSizeBytes"/>.</param>
public readonly record struct XenstoreMessage(
    XenstoreOperation Type,
    uint RequestId,
    uint TransactionId,
    ReadOnlyMemory<byte> Payload);
