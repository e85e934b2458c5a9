using System.Globalization;
using System.Text;
using GuestAgent.Detection;
using Protocol.Health;

namespace GuestAgent.Signals.Parsing;

/// <summary>One line of <c>/etc/fstab</c> (fstab(5)).</summary>
/// <param name="MountPoint">The second field in canonical form.</param>
/// <param name="FilesystemType">The third field.</param>
/// <param name="Options">The fourth field.</param>
/// <param name="CheckPass">The sixth field: 0 when absent or no number, and then no boot checks it.</param>
internal sealed record FstabEntry(
    MountPoint MountPoint, string FilesystemType, IReadOnlyList<string> Options, int CheckPass)
{
    /// <summary>Whether the options ask for read-only: of <c>ro</c> and <c>rw</c> the last one counts.</summary>
    public bool IsReadOnly => Options.LastOrDefault(option => option is "ro" or "rw") == "ro";
}

/// <summary>Reads <c>/etc/fstab</c>.</summary>
internal static class FstabParser
{
    /// <summary>The entries with a mount point, in the order of the file; of several for one the last counts.</summary>
    public static List<FstabEntry> Parse(ReadOnlySpan<byte> fstab)
    {
        var entries = new List<FstabEntry>();
        foreach (string line in Encoding.Latin1.GetString(fstab).Split('\n'))
        {
            string[] fields = line.Split((char[])[' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length < 3 || fields[0].StartsWith('#') || !fields[1].StartsWith('/'))
            {
                continue;
            }

            byte[] path = MountInfoParser.Unescape(Encoding.Latin1.GetBytes(fields[1]));
            string[] options = fields.Length > 3 ? fields[3].Split(',') : [];
            _ = int.TryParse(
                fields.ElementAtOrDefault(5), NumberStyles.None, CultureInfo.InvariantCulture, out int checkPass);
            entries.Add(new FstabEntry(MountPoint.FromBytes(MountPaths.Canonical(path)), fields[2], options, checkPass));
        }

        return entries;
    }
}
