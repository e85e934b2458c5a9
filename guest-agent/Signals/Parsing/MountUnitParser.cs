using System.Text;
using GuestAgent.Detection;
using Protocol.Health;

namespace GuestAgent.Signals.Parsing;

/// <summary>What a systemd mount unit, or a drop-in of one, says (systemd.mount(5)).</summary>
/// <param name="Where">The mount point in canonical form; null where it is not said, as in most drop-ins.</param>
/// <param name="Options">The mount options; null where none are said.</param>
internal sealed record MountUnit(MountPoint? Where, string? Options)
{
    /// <summary>Whether the options ask for read-only: of <c>ro</c> and <c>rw</c> the last one counts.</summary>
    public bool IsReadOnly
        => Options?.Split(',').Select(option => option.Trim()).LastOrDefault(option => option is "ro" or "rw") == "ro";

    /// <summary>The unit with a drop-in applied: what that says replaces what the unit said.</summary>
    public MountUnit With(MountUnit dropIn) => new(dropIn.Where ?? Where, dropIn.Options ?? Options);
}

/// <summary>Reads systemd mount units (systemd.syntax(7)), of which two settings count.</summary>
internal static class MountUnitParser
{
    /// <summary>Reads one file; a character stands for a byte (Latin-1).</summary>
    public static MountUnit Parse(string text)
    {
        MountPoint? where = null;
        string? options = null;
        bool isInMount = false;
        foreach (string line in Lines(text))
        {
            if (line.StartsWith('['))
            {
                isInMount = line == "[Mount]";
                continue;
            }

            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (!isInMount || equals < 0)
            {
                continue;
            }

            string value = line[(equals + 1)..].Trim();
            switch (line[..equals].TrimEnd())
            {
                case "Where" when value.StartsWith('/'):
                    // %% is the only specifier that the fstab generator writes.
                    byte[] path = Encoding.Latin1.GetBytes(value.Replace("%%", "%", StringComparison.Ordinal));
                    where = MountPoint.FromBytes(MountPaths.Canonical(path));
                    break;
                case "Options":
                    options = value;
                    break;
                default:
                    break;
            }
        }

        return new MountUnit(where, options);
    }

    /// <summary>The lines without comments; one that ends with a backslash goes on in the next.</summary>
    private static List<string> Lines(string text)
    {
        var lines = new List<string>();
        string begun = string.Empty;
        foreach (string raw in text.Split('\n'))
        {
            string line = raw.Trim();
            if (line.StartsWith('#') || line.StartsWith(';'))
            {
                continue;
            }

            if (line.EndsWith('\\'))
            {
                begun += line[..^1] + " ";
                continue;
            }

            lines.Add(begun + line);
            begun = string.Empty;
        }

        lines.Add(begun);
        return lines;
    }
}
