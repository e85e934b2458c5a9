using System.Globalization;

namespace GuestAgent.Signals.Parsing;

/// <summary>
/// Reads <c>/sys/block/X/stat</c> and <c>inflight</c> (kernel: Documentation/block/stat.rst). Fields of
/// <c>stat</c>, from 1: 5 writes completed, 16 flushes completed (since 5.5). <c>inflight</c>: reads, then writes.
/// </summary>
internal static class BlockStatParser
{
    private const int WritesField = 4;
    private const int FlushesField = 15;

    /// <summary>Completed writes and flushes; null when the line is malformed.</summary>
    public static long? WriteCompletions(string stat)
        => Field(stat, WritesField) is { } writes && Field(stat, FlushesField, absent: 0) is { } flushes
            ? writes + flushes
            : null;

    /// <summary>Reads and writes in flight; null when the line is malformed.</summary>
    public static (long Reads, long Writes)? Inflight(string inflight)
        => Field(inflight, 0) is { } reads && Field(inflight, 1) is { } writes && Field(inflight, 2, absent: -1) == -1
            ? (reads, writes)
            : null;

    /// <summary>One number of a line; <paramref name="absent"/> where the line ends before it.</summary>
    private static long? Field(ReadOnlySpan<char> line, int index, long? absent = null)
    {
        int at = 0;
        foreach (Range range in line.Split(' '))
        {
            ReadOnlySpan<char> word = line[range];
            if (word.IsEmpty)
            {
                continue;
            }

            if (at++ == index)
            {
                return long.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
                    ? value
                    : null;
            }
        }

        return absent;
    }
}
