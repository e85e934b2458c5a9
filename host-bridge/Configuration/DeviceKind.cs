using HostBridge.Recovery;
using Protocol.Configuration;

namespace HostBridge.Configuration;

/// <summary>A block device of this host by its numbers.</summary>
internal sealed class DeviceKind : ValueKind<DeviceNumber>
{
    /// <inheritdoc/>
    public override string Allowed => "MAJOR:MINOR as lsblk prints it, like 8:16";

    /// <inheritdoc/>
    public override string? Read(string text, out DeviceNumber value)
        => DeviceNumber.TryParse(text, out value) ? null : text;

    /// <inheritdoc/>
    public override string Write(DeviceNumber value) => value.ToString();
}
