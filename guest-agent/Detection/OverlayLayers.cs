using System.Text;
using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>
/// The lower layers of the overlay that is mounted at <c>/</c> (overlayfs.rst): an overlay root keeps its real root
/// read-only below it, for example overlayroot at <c>/media/root-ro</c>.
/// </summary>
internal static class OverlayLayers
{
    private const string Key = "lowerdir=";

    /// <summary>The folders named by <c>lowerdir=</c>; none where <c>/</c> is no overlay.</summary>
    public static IReadOnlyList<MountPoint> OfRoot(IReadOnlyList<MountEntry> table)
        => table.LastOrDefault(mount => mount.MountPoint.IsRoot) is { FilesystemType: "overlay" or "overlayfs" } root
            ? [.. root.SuperOptions
                .Where(option => option.StartsWith(Key, StringComparison.Ordinal))
                .SelectMany(option => option[Key.Length..].Split(':', StringSplitOptions.RemoveEmptyEntries))
                .Where(folder => folder.StartsWith('/'))
                .Select(folder => MountPoint.FromBytes(Encoding.Latin1.GetBytes(folder)))]
            : [];

    /// <summary>Whether a layer lies in the filesystem that is mounted there.</summary>
    public static bool Holds(MountPoint mountPoint, IReadOnlyList<MountPoint> layers)
        => !mountPoint.IsRoot && layers.Any(layer
            => layer == mountPoint || layer.Encoded.StartsWith($"{mountPoint.Encoded}/", StringComparison.Ordinal));
}
