using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Protocol.Xenstore;

/// <summary>The answer to one request. The methods read the payload; null means that it is malformed.</summary>
/// <param name="RequestId">The request that is answered.</param>
/// <param name="Operation">What was asked.</param>
/// <param name="Error">Why it failed; <see cref="XenstoreError.None"/> when it did not.</param>
/// <param name="Payload">The answer's payload; empty when it failed.</param>
public readonly record struct XenstoreReply(
    uint RequestId,
    XenstoreOperation Operation,
    XenstoreError Error,
    ReadOnlyMemory<byte> Payload)
{
    /// <summary>The names in the answer to <see cref="XenstoreOperation.Directory"/>.</summary>
    public IReadOnlyList<string>? Strings()
        => XenstorePayload.TryReadStrings(Payload.Span, out List<string>? strings) ? strings : null;

    /// <summary>The one text in the answer to <see cref="XenstoreOperation.GetDomainPath"/>.</summary>
    public string? Text()
        => XenstorePayload.TryReadStrings(Payload.Span, out List<string>? strings) && strings.Count == 1
            ? strings[0]
            : null;

    /// <summary>The answer to <see cref="XenstoreOperation.IsDomainIntroduced"/>.</summary>
    public bool? Flag() => Text() switch { "T" => true, "F" => false, _ => null };

    /// <summary>The answer to <see cref="XenstoreOperation.GetPermissions"/>: the owner first.</summary>
    public IReadOnlyList<XenstorePermission>? Permissions()
        => XenstorePayload.TryReadStrings(Payload.Span, out List<string>? strings)
            ? XenstorePayload.ToPermissions(strings)
            : null;

    /// <summary>The answer to <see cref="XenstoreOperation.DirectoryPart"/>.</summary>
    public XenstoreDirectoryPart? DirectoryPart()
    {
        int end = Payload.Span.IndexOf((byte)0);
        if (end < 0 || !Utf8Parser.TryParse(Payload.Span, out ulong generation, out int used) || used != end)
        {
            return null;
        }

        ReadOnlySpan<byte> list = Payload.Span[(end + 1)..];
        bool isLast = list is [0] or [.., 0, 0];
        return XenstorePayload.TryReadStrings(isLast ? list[..^1] : list, out List<string>? names)
            ? new XenstoreDirectoryPart(generation, names, list.Length, isLast)
            : null;
    }
}

/// <summary>A part of the names of the children of a node.</summary>
/// <param name="Generation">Changes with the node: parts of two generations do not belong together.</param>
/// <param name="Names">The names in this part.</param>
/// <param name="SizeBytes">By how much the offset of the next part is greater.</param>
/// <param name="IsLast">Whether the list ends here.</param>
public sealed record XenstoreDirectoryPart(
    ulong Generation,
    IReadOnlyList<string> Names,
    int SizeBytes,
    bool IsLast);

/// <summary>A watch fired. Not data: whoever gets it reads the node again.</summary>
/// <param name="Path">
/// What changed: the watched path itself or one below it; relative when the watched path was.
/// </param>
/// <param name="Token">The token that the watch was set with.</param>
public readonly record struct XenstoreWatchEvent(string Path, string Token)
{
    /// <summary>Reads the payload of a <see cref="XenstoreOperation.WatchEvent"/>; false when malformed.</summary>
    public static bool TryParse(ReadOnlySpan<byte> payload, out XenstoreWatchEvent watchEvent)
    {
        bool valid = XenstorePayload.TryReadStrings(payload, out List<string>? strings)
            && strings.Count == 2
            && XenstorePath.IsValid(strings[0]);
        watchEvent = valid ? new XenstoreWatchEvent(strings![0], strings[1]) : default;
        return valid;
    }
}

/// <summary>Reads payloads that are lists of NUL-terminated strings.</summary>
public static class XenstorePayload
{
    /// <summary>
    /// Reads strings; false when the last one is not terminated or a byte is not printable ASCII. An empty payload
    /// is an empty list.
    /// </summary>
    public static bool TryReadStrings(ReadOnlySpan<byte> payload, [NotNullWhen(true)] out List<string>? strings)
    {
        strings = null;
        var read = new List<string>();
        while (!payload.IsEmpty)
        {
            int end = payload.IndexOf((byte)0);
            if (end < 0 || payload[..end].ContainsAnyExceptInRange((byte)' ', (byte)'~'))
            {
                return false;
            }

            read.Add(Encoding.ASCII.GetString(payload[..end]));
            payload = payload[(end + 1)..];
        }

        strings = read;
        return true;
    }

    /// <summary>Reads permissions; null when there are none or one is malformed.</summary>
    public static IReadOnlyList<XenstorePermission>? ToPermissions(IReadOnlyList<string> texts)
    {
        var permissions = new List<XenstorePermission>(texts.Count);
        foreach (string text in texts)
        {
            if (!XenstorePermission.TryParse(text, out XenstorePermission permission))
            {
                return null;
            }

            permissions.Add(permission);
        }

        return permissions.Count == 0 ? null : permissions;
    }
}
