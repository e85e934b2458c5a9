using System.Text;
using GuestAgent.Detection;
using Protocol.Health;

namespace GuestAgent.Signals.Parsing;

/// <summary>Reads <c>/etc/fstab</c> (fstab(5)) for one question: who is to be read-only?</summary>
internal static class FstabParser
{
    /// <summary>The wish for each mount point that is listed; the last line for one counts.</summary>
    public static Dictionary<MountPoint, FstabWish> Parse(string fstab)
    {
        var wishes = new Dictionary<MountPoint, FstabWish>();
        foreach (string line in fstab.Split('\n'))
        {
            string[] fields = line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length < 4 || fields[0].StartsWith('#') || !fields[1].StartsWith('/'))
            {
                continue;
            }

            byte[] path = MountInfoParser.Unescape(Encoding.UTF8.GetBytes(fields[1]));
            bool isReadOnly = fields[3].Split(',').LastOrDefault(option => option is "ro" or "rw") == "ro";
            wishes[MountPoint.FromBytes(path)] = isReadOnly ? FstabWish.ReadOnly : FstabWish.ReadWrite;
        }

        return wishes;
    }
}
