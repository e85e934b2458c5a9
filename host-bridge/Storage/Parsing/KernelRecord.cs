using System.Buffers.Text;
using System.Text;

namespace HostBridge.Storage.Parsing;

/// <summary>
/// One record of <c>/dev/kmsg</c>: <c>6,339,5140900,-;message</c>, then lines that begin with a space.
/// </summary>
/// <param name="Facility">0 for the kernel itself; anything else was written by a program.</param>
/// <param name="At">Time since boot.</param>
/// <param name="Text">The message, without its dictionary.</param>
internal readonly record struct KernelRecord(int Facility, TimeSpan At, string Text)
{
    private const int FacilityShift = 3;
    private const int MaxTextBytes = 512;

    /// <summary>Takes a record apart; null when it is malformed.</summary>
    public static KernelRecord? Parse(ReadOnlySpan<byte> record)
    {
        int semicolon = record.IndexOf((byte)';');
        ReadOnlySpan<byte> prefix = semicolon < 0 ? [] : record[..semicolon];
        if (!TakeNumber(ref prefix, out long priority) || !TakeNumber(ref prefix, out _)
            || !TakeNumber(ref prefix, out long microseconds) || microseconds < 0)
        {
            return null;
        }

        ReadOnlySpan<byte> text = record[(semicolon + 1)..];
        int end = text.IndexOf((byte)'\n');
        text = text[..Math.Min(end < 0 ? text.Length : end, MaxTextBytes)];
        return new KernelRecord(
            (int)(priority >> FacilityShift), TimeSpan.FromMicroseconds(microseconds), Encoding.Latin1.GetString(text));
    }

    /// <summary>Each number of the prefix is followed by a comma.</summary>
    private static bool TakeNumber(ref ReadOnlySpan<byte> prefix, out long number)
    {
        bool isNumber = Utf8Parser.TryParse(prefix, out number, out int used)
            && used < prefix.Length && prefix[used] == ',';
        prefix = isNumber ? prefix[(used + 1)..] : [];
        return isNumber;
    }
}
