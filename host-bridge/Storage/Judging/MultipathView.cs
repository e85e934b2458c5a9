namespace HostBridge.Storage.Judging;

/// <summary>A path as multipathd sees it.</summary>
/// <param name="DeviceMapperState">active or failed: what the kernel's map does with it.</param>
/// <param name="CheckerState">ready, faulty, ghost, shaky, …: what the last check of the path found.</param>
internal readonly record struct MultipathPath(string DeviceMapperState, string CheckerState);

/// <summary>What multipathd said of every path; it adds to sysfs, and takes nothing from it.</summary>
/// <param name="Paths">The paths by the kernel's name of their device, like <c>sda</c>.</param>
internal sealed record MultipathView(IReadOnlyDictionary<string, MultipathPath> Paths)
{
    /// <summary>multipathd does not run here, or did not answer.</summary>
    public static MultipathView None { get; } = new(new Dictionary<string, MultipathPath>());
}
