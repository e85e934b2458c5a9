using System.Text;
using GuestAgent.Detection;
using Protocol.Configuration;
using Protocol.Health;

namespace GuestAgent.Configuration;

/// <summary>
/// A mount point or folder as an administrator types it, or as fstab(5) and /proc/self/mountinfo have it: a space, which
/// separates two of them, is <c>\040</c>, and so may any other byte be. Read in canonical form.
/// </summary>
internal sealed class MountPointKind : ValueKind<MountPoint>
{
    private const int OctalDigits = 3;

    /// <inheritdoc/>
    public override string Allowed => "an absolute path, which begins with /";

    /// <inheritdoc/>
    public override string? Read(string text, out MountPoint value)
    {
        value = MountPoint.FromBytes(MountPaths.Canonical(Unescape(text)));
        return text[0] == '/' && value.Encoded.Length <= MountPoint.MaxEncodedLength ? null : text;
    }

    /// <inheritdoc/>
    public override string Write(MountPoint value)
        => Encoding.UTF8.GetString(value.ToBytes()).Replace("\\", "\\134").Replace(" ", "\\040");

    private static byte[] Unescape(string text)
    {
        var bytes = new List<byte>(Encoding.UTF8.GetBytes(text));
        for (int at = 0; at + OctalDigits < bytes.Count; at++)
        {
            if (bytes[at] == '\\' && bytes[at + 1] is >= (byte)'0' and <= (byte)'3'
                && bytes[at + 2] is >= (byte)'0' and <= (byte)'7' && bytes[at + 3] is >= (byte)'0' and <= (byte)'7')
            {
                bytes[at] = (byte)(((bytes[at + 1] - '0') << 6) | ((bytes[at + 2] - '0') << 3) | (bytes[at + 3] - '0'));
                bytes.RemoveRange(at + 1, OctalDigits);
            }
        }

        return [.. bytes];
    }
}
