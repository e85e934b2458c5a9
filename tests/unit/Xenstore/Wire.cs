using System.Text;
using Protocol.Xenstore;

namespace Tests.Unit.Xenstore;

/// <summary>Messages of a peer as bytes.</summary>
internal static class Wire
{
    public static byte[] Message(XenstoreOperation type, uint requestId, byte[] payload)
    {
        byte[] message = new byte[XenstoreLimits.HeaderSizeBytes + payload.Length];
        new XenstoreHeader(type, requestId, 0, (uint)payload.Length).WriteTo(message);
        payload.CopyTo(message, XenstoreLimits.HeaderSizeBytes);
        return message;
    }

    public static byte[] Message(XenstoreOperation type, uint requestId, string payload)
        => Message(type, requestId, Encoding.Latin1.GetBytes(payload));
}
