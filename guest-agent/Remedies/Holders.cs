using GuestAgent.Linux;
using Mono.Unix.Native;
using Protocol.Health;

namespace GuestAgent.Remedies;

/// <summary>Who keeps a filesystem busy, from /proc; nothing here touches the filesystem itself.</summary>
internal static class Holders
{
    private const int MaxNamed = 5;

    /// <summary>For example <c>pid 811 (mysqld), pid 902 (bash)</c>.</summary>
    public static string Describe(PathRoot paths, MountPoint mountPoint)
    {
        string prefix = System.Text.Encoding.UTF8.GetString(mountPoint.ToBytes());
        var holders = new List<string>();
        foreach (string process in Directory.EnumerateDirectories(paths.Proc(string.Empty)))
        {
            if (int.TryParse(Path.GetFileName(process), out int processId) && Holds(process, prefix))
            {
                holders.Add($"pid {processId} ({SmallFile.TryReadText($"{process}/comm")})");
            }
        }

        return holders.Count == 0
            ? "in use, by whom is not visible from here"
            : string.Join(", ", holders.Take(MaxNamed)) + (holders.Count > MaxNamed ? ", …" : string.Empty);
    }

    private static bool Holds(string process, string prefix)
        => Leads($"{process}/cwd", prefix) || Leads($"{process}/root", prefix) || HoldsFile(process, prefix);

    private static bool HoldsFile(string process, string prefix)
    {
        try
        {
            return Directory.EnumerateFileSystemEntries($"{process}/fd").Any(file => Leads(file, prefix));
        }
        catch (IOException)
        {
            // It ended meanwhile.
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool Leads(string link, string prefix)
    {
        byte[] target = new byte[4096];
        long size = Syscall.readlink(link, target);
        if (size <= 0)
        {
            return false;
        }

        string path = System.Text.Encoding.UTF8.GetString(target, 0, (int)size);
        return path == prefix || path.StartsWith(prefix.TrimEnd('/') + "/", StringComparison.Ordinal);
    }
}
