using System.Text.RegularExpressions;

namespace HostBridge.Correlation;

/// <summary>What lines of the kernel's log have in common that tell of the same thing again. Pure.</summary>
internal static partial class LineShape
{
    /// <summary>
    /// The line without the numbers that are others each time: sectors, blocks, tags, ages and jiffies. Names of
    /// devices and numbers of errors stay.
    /// </summary>
    public static string Of(string line) => Counters().Replace(line, "$1#");

    [GeneratedRegex(
        @"(sector |block |tag#|cmd_age=|waited |last rx |last ping |now |phys_seg |flags 0x|op 0x)[0-9a-f]+")]
    private static partial Regex Counters();
}
