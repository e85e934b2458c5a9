using HostBridge.Recovery;

namespace HostBridge.Storage.Parsing;

/// <summary>A mounted filesystem.</summary>
/// <param name="Device">The device it lies on; major 0 when none that can be looked at.</param>
/// <param name="MountPoint">Where.</param>
/// <param name="Type">Its type, like <c>ext4</c>.</param>
/// <param name="TakesNoWrites">Whether it says so itself: read-only, or dead after an error.</param>
internal sealed record MountedFilesystem(DeviceNumber Device, string MountPoint, string Type, bool TakesNoWrites);

/// <summary>
/// Reads <c>/proc/self/mountinfo</c>: ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [OPTIONAL]… - TYPE SOURCE SUPER.
/// </summary>
internal static class MountTable
{
    private const int DeviceField = 2;
    private const int MountPointField = 4;

    /// <summary>Flags of a filesystem that takes no writes: ext4 since 6.15 keeps "rw" and says the rest.</summary>
    private static readonly string[] NoWriteOptions = ["ro", "emergency_ro", "shutdown"];

    /// <summary>Every line that can be parsed, in the order of mounting.</summary>
    public static IReadOnlyList<MountedFilesystem> Parse(string text)
        => [.. text.Split('\n').Select(ParseLine).OfType<MountedFilesystem>()];

    /// <summary>
    /// The filesystem a file lies on, by its path alone; the file itself is not touched, it might hang.
    /// </summary>
    public static MountedFilesystem? Find(IReadOnlyList<MountedFilesystem> mounts, string path)
    {
        MountedFilesystem? found = null;
        foreach (MountedFilesystem mount in mounts)
        {
            string prefix = mount.MountPoint == "/" ? "/" : $"{mount.MountPoint}/";
            // Of two on the same mount point the later one covers the earlier.
            if (path.StartsWith(prefix, StringComparison.Ordinal)
                && mount.MountPoint.Length >= (found?.MountPoint.Length ?? 0))
            {
                found = mount;
            }
        }

        return found;
    }

    private static MountedFilesystem? ParseLine(string line)
    {
        string[] fields = line.Split(' ');
        int separator = Array.IndexOf(fields, "-", Math.Min(fields.Length, MountPointField + 1));
        return separator >= 0 && separator + 3 < fields.Length
            && DeviceNumber.TryParse(fields[DeviceField], out DeviceNumber device)
                ? new MountedFilesystem(
                    device,
                    Unescape(fields[MountPointField]),
                    fields[separator + 1],
                    fields[separator + 3].Split(',').Any(NoWriteOptions.Contains))
                : null;
    }

    /// <summary>The kernel writes space, tab, line end and backslash as a backslash and three octal digits.</summary>
    private static string Unescape(string text)
        => text.Contains('\\')
            ? text.Replace("\\040", " ", StringComparison.Ordinal).Replace("\\011", "\t", StringComparison.Ordinal)
                .Replace("\\012", "\n", StringComparison.Ordinal).Replace("\\134", "\\", StringComparison.Ordinal)
            : text;
}
