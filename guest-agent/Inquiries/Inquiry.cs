using System.Text;
using Protocol.Health;

namespace GuestAgent.Inquiries;

/// <summary>What may be asked of the agent in its own guest.</summary>
internal enum InquiryKind
{
    /// <summary>What is held true now.</summary>
    Status = 0,

    /// <summary>The same after a probe that began after the question.</summary>
    Probe,
}

/// <summary>One question, as one line: <c>status</c>, <c>probe</c> or <c>probe MOUNTPOINT</c>.</summary>
/// <param name="Kind">What is asked.</param>
/// <param name="MountPoint">The filesystem that is meant; null means all that are watched.</param>
internal sealed record Inquiry(InquiryKind Kind, MountPoint? MountPoint = null)
{
    /// <summary>The longest line, its end included.</summary>
    public const int MaxLineBytes = 1024;

    private static readonly KebabNames<InquiryKind> Names = new();

    /// <summary>Reads a line without its end; null when it is no question of ours.</summary>
    public static Inquiry? TryParse(ReadOnlySpan<byte> line)
    {
        string[] words = Encoding.ASCII.GetString(line).Split(' ');
        return words switch
        {
            [var name] when Names.TryParse(name, out InquiryKind kind) => new Inquiry(kind),
            ["probe", var encoded] when Protocol.Health.MountPoint.TryParse(encoded, out MountPoint mountPoint)
                => new Inquiry(InquiryKind.Probe, mountPoint),
            _ => null,
        };
    }

    /// <summary>The line, without its end.</summary>
    public string ToLine() => MountPoint is { } one ? $"{Names.ToName(Kind)} {one.Encoded}" : Names.ToName(Kind);
}
