using System.Buffers.Text;
using System.Text;
using GuestAgent.Detection;
using Protocol.Health;

namespace GuestAgent.Signals.Parsing;

/// <summary>
/// Reads <c>/proc/self/mountinfo</c> (proc(5)): <c>36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root
/// rw,errors=continue</c>. Between field 6 and the separator stand any number of optional fields. Space, tab, line
/// end and backslash in a path are written as <c>\ooo</c>.
/// </summary>
internal static class MountInfoParser
{
    /// <summary>Every line that can be understood; a malformed one is left out.</summary>
    public static List<MountEntry> Parse(ReadOnlySpan<byte> table)
    {
        var mounts = new List<MountEntry>();
        foreach (Range range in table.Split((byte)'\n'))
        {
            if (ParseLine(table[range]) is { } mount)
            {
                mounts.Add(mount);
            }
        }

        return mounts;
    }

    private static MountEntry? ParseLine(ReadOnlySpan<byte> line)
    {
        // The first " - " is the separator: no field before it can hold a space.
        int separator = line.IndexOf(" - "u8);
        if (separator < 0)
        {
            return null;
        }

        ReadOnlySpan<byte> before = line[..separator];
        ReadOnlySpan<byte> after = line[(separator + 3)..];
        if (!TryNumber(Word(ref before), out int mountId)
            || !TryNumber(Word(ref before), out int parentId)
            || !TryDevice(Word(ref before), out DeviceNumber device))
        {
            return null;
        }

        ReadOnlySpan<byte> root = Word(ref before);
        ReadOnlySpan<byte> mountPoint = Word(ref before);
        ReadOnlySpan<byte> mountOptions = Word(ref before);
        ReadOnlySpan<byte> type = Word(ref after);
        ReadOnlySpan<byte> source = Word(ref after);
        ReadOnlySpan<byte> superOptions = Word(ref after);
        if (root.IsEmpty || mountPoint.IsEmpty || type.IsEmpty)
        {
            return null;
        }

        return new MountEntry
        {
            MountId = mountId,
            ParentId = parentId,
            Device = device,
            Root = MountPoint.FromBytes(Unescape(root)),
            MountPoint = MountPoint.FromBytes(Unescape(mountPoint)),
            MountOptions = Options(mountOptions),
            FilesystemType = Encoding.ASCII.GetString(type),
            Source = MountPoint.FromBytes(Unescape(source)),
            SuperOptions = Options(superOptions),
        };
    }

    /// <summary>Turns <c>\040</c> and its like back into the byte.</summary>
    internal static byte[] Unescape(ReadOnlySpan<byte> text)
    {
        var bytes = new List<byte>(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 3 < text.Length && IsOctal(text.Slice(i + 1, 3)))
            {
                bytes.Add((byte)(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) | (text[i + 3] - '0')));
                i += 3;
            }
            else
            {
                bytes.Add(text[i]);
            }
        }

        return [.. bytes];
    }

    private static bool IsOctal(ReadOnlySpan<byte> digits)
        => digits[0] is >= (byte)'0' and <= (byte)'3' && !digits.ContainsAnyExceptInRange((byte)'0', (byte)'7');

    private static string[] Options(ReadOnlySpan<byte> text)
        => Encoding.Latin1.GetString(text).Split(',', StringSplitOptions.RemoveEmptyEntries);

    private static ReadOnlySpan<byte> Word(ref ReadOnlySpan<byte> line)
    {
        int end = line.IndexOf((byte)' ');
        ReadOnlySpan<byte> word = end < 0 ? line : line[..end];
        line = end < 0 ? [] : line[(end + 1)..];
        return word;
    }

    private static bool TryNumber(ReadOnlySpan<byte> text, out int number)
        => Utf8Parser.TryParse(text, out number, out int used) && used == text.Length && used > 0;

    internal static bool TryDevice(ReadOnlySpan<byte> text, out DeviceNumber device)
    {
        device = default;
        int colon = text.IndexOf((byte)':');
        if (colon < 0 || !TryNumber(text[..colon], out int major) || !TryNumber(text[(colon + 1)..], out int minor))
        {
            return false;
        }

        device = new DeviceNumber(major, minor);
        return true;
    }
}
