using System.Text;
using Protocol.Configuration;
using Protocol.Health;

namespace GuestAgent.Configuration;

/// <summary>A mount point as an administrator types it.</summary>
internal sealed class MountPointKind : ValueKind<MountPoint>
{
    /// <inheritdoc/>
    public override string Allowed => "an absolute path, which begins with /";

    /// <inheritdoc/>
    public override string? Read(string text, out MountPoint value)
    {
        value = MountPoint.FromText(text);
        return text[0] == '/' && value.Encoded.Length <= MountPoint.MaxEncodedLength ? null : text;
    }

    /// <inheritdoc/>
    public override string Write(MountPoint value) => Encoding.UTF8.GetString(value.ToBytes());
}
