using System.Globalization;

namespace GuestAgent.Signals.Parsing;

/// <summary>
/// Reads <c>/sys/block/X/stat</c> and <c>inflight</c> (kernel: Documentation/block/stat.rst). Fields of
/// <c>stat</c>, from 1: 5 writes completed, 16 flushes completed (since 5.5).
/// </summary>
internal static class BlockStatParser
{
    private const int WritesField = 4;
    private const int FlushesField = 15;

    /// <summary>Completed writes and flushes; null when the line is malformed.</summary>
    public static long? WriteCompletions(string stat)
    {
        long[]? fields = Numbers(stat);
        return fields is null || fields.Length <= WritesField
            ? null
            : fields[WritesField] + (fields.Length > FlushesField ? fields[FlushesField] : 0);
    }

    /// <summary>Reads and writes in flight, added; null when the line is malformed.</summary>
    public static long? Inflight(string inflight) => Numbers(inflight) is { Length: 2 } both ? both[0] + both[1] : null;

    private static long[]? Numbers(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var numbers = new long[words.Length];
        for (int i = 0; i < words.Length; i++)
        {
            if (!long.TryParse(words[i], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i]))
            {
                return null;
            }
        }

        return numbers;
    }
}
