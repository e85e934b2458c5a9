using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>Paths compared segment by segment.</summary>
internal static class MountPaths
{
    /// <summary>Whether a path is the folder itself or lies below it.</summary>
    public static bool IsAtOrBelow(MountPoint path, MountPoint folder)
        => path == folder || IsBelow(path, folder);

    /// <summary>Whether a path lies below the folder.</summary>
    public static bool IsBelow(MountPoint path, MountPoint folder)
        => folder.IsRoot
            ? !path.IsRoot
            : path.Encoded.Length > folder.Encoded.Length
                && path.Encoded[folder.Encoded.Length] == '/'
                && path.Encoded.StartsWith(folder.Encoded, StringComparison.Ordinal);

    /// <summary>The rest of a path behind a folder that it lies at or below: <c>/lib</c> of <c>/var/lib</c>.</summary>
    public static MountPoint Behind(MountPoint path, MountPoint folder)
        => path == folder ? MountPoint.Root
            : folder.IsRoot ? path
            : MountPoint.FromBytes(path.ToBytes().AsSpan(folder.ToBytes().Length));

    /// <summary>How many segments a path has; 0 for <c>/</c>.</summary>
    public static int Depth(MountPoint path)
        => path.IsRoot ? 0 : path.Encoded.Count(letter => letter == '/');
}
