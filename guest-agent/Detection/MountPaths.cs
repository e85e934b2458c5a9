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

    /// <summary>
    /// The path without empty and <c>.</c> segments and a slash at its end, with <c>..</c> applied: mount(8) takes
    /// <c>/srv//old/</c> for <c>/srv/old</c>, and mountinfo shows that.
    /// </summary>
    public static byte[] Canonical(ReadOnlySpan<byte> path)
    {
        var segments = new List<byte[]>();
        foreach (Range range in path.Split((byte)'/'))
        {
            ReadOnlySpan<byte> segment = path[range];
            if (segment.SequenceEqual(".."u8))
            {
                segments.RemoveRange(Math.Max(segments.Count - 1, 0), Math.Min(segments.Count, 1));
            }
            else if (!segment.IsEmpty && !segment.SequenceEqual("."u8))
            {
                segments.Add(segment.ToArray());
            }
        }

        return segments.Count == 0 ? "/"u8.ToArray() : [.. segments.SelectMany(segment => (byte[])[(byte)'/', .. segment])];
    }
}
