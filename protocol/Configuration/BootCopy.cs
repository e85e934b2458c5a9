using System.Globalization;
using System.Text;
using Protocol.Health;

namespace Protocol.Configuration;

/// <summary>
/// The form of a copy in /run of what a program last read well: a line that binds it to the boot and to its source, then
/// the bytes. It stands in for files that cannot be read any more. A copy of another boot, of another source, or one that
/// is not whole counts for nothing.
/// </summary>
public static class BootCopy
{
    /// <summary>The largest copy, in bytes; what is larger is not kept.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    private const string Mark = "copy-of-this-boot 1";

    /// <summary>The copy; null for content that is too large or a source that is no line of text.</summary>
    /// <param name="bootId">The boot in which it was read.</param>
    /// <param name="source">What it was read from: a path.</param>
    /// <param name="content">The bytes.</param>
    public static byte[]? Write(BootId bootId, string source, ReadOnlySpan<byte> content)
    {
        if (source.Any(char.IsControl))
        {
            return null;
        }

        byte[] head = Encoding.UTF8.GetBytes(Head(bootId, source, content.Length));
        return head.Length + content.Length <= MaxBytes ? [.. head, .. content] : null;
    }

    /// <summary>The content of a copy; null when it is none of this boot and source, or not whole.</summary>
    /// <param name="copy">Any bytes.</param>
    /// <param name="bootId">This boot.</param>
    /// <param name="source">What is wanted.</param>
    public static byte[]? TryRead(ReadOnlySpan<byte> copy, BootId bootId, string source)
    {
        int end = copy.IndexOf((byte)'\n') + 1;
        ReadOnlySpan<byte> content = copy[end..];
        return copy[..end].SequenceEqual(Encoding.UTF8.GetBytes(Head(bootId, source, content.Length)))
            ? content.ToArray()
            : null;
    }

    private static string Head(BootId bootId, string source, int size)
        => string.Create(CultureInfo.InvariantCulture, $"{Mark} boot-id={bootId} bytes={size} of={source}\n");
}
