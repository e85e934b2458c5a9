namespace HostBridge.Storage.Parsing;

/// <summary>
/// What the path of a block device in sysfs tells, without opening anything:
/// <c>devices/platform/host3/session1/target3:0:0/3:0:0:0/block/sdb/sdb1</c>. The kernel makes these names.
/// </summary>
internal sealed record DevicePath
{
    private const string SessionPrefix = "session";
    private const string RemotePortPrefix = "rport-";
    private const string SubsystemPrefix = "nvme-subsys";
    private const string ControllerPrefix = "nvme";

    /// <summary>The kernel's name of the device: the last part, <c>!</c> for a slash.</summary>
    public required string Name { get; init; }

    /// <summary>HOST:CHANNEL:TARGET:LUN; null when it is no SCSI disk, or a partition of one.</summary>
    public string? ScsiAddress { get; init; }

    /// <summary>The iSCSI session on the way to it, like <c>session1</c>; null when there is none.</summary>
    public string? Session { get; init; }

    /// <summary>The Fibre Channel port on the way to it, like <c>rport-3:0-1</c>; null when there is none.</summary>
    public string? RemotePort { get; init; }

    /// <summary>
    /// The NVMe subsystem it is a namespace of, like <c>nvme-subsys0</c>; null without native multipath.
    /// </summary>
    public string? NvmeSubsystem { get; init; }

    /// <summary>The NVMe controller it is a namespace of, like <c>nvme0</c>; null with native multipath.</summary>
    public string? NvmeController { get; init; }

    /// <summary>Whether it is a disk of virtio.</summary>
    public bool IsVirtio { get; init; }

    /// <summary>Takes a path apart; it may be relative.</summary>
    public static DevicePath Parse(string path)
    {
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        string? above = parts.Length > 1 ? parts[^2] : null;
        string name = parts.Length > 0 ? parts[^1] : string.Empty;
        return new DevicePath
        {
            Name = name,
            ScsiAddress = above == "block" ? parts.LastOrDefault(IsScsiAddress) : null,
            Session = parts.FirstOrDefault(part => IsNumbered(part, SessionPrefix)),
            RemotePort = parts.FirstOrDefault(part => part.StartsWith(RemotePortPrefix, StringComparison.Ordinal)),
            NvmeSubsystem = IsNumbered(above, SubsystemPrefix) ? above : null,
            NvmeController = IsNumbered(above, ControllerPrefix) ? above : null,
            IsVirtio = parts.Any(part => IsNumbered(part, "virtio")),
        };
    }

    private static bool IsScsiAddress(string part)
        => part.Count(letter => letter == ':') == 3 && part.All(letter => letter is ':' || char.IsAsciiDigit(letter));

    private static bool IsNumbered(string? part, string prefix)
        => part is not null && part.Length > prefix.Length && part.StartsWith(prefix, StringComparison.Ordinal)
            && part.AsSpan(prefix.Length).IndexOfAnyExceptInRange('0', '9') < 0;
}
