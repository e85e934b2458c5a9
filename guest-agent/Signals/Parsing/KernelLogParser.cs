using System.Buffers.Text;
using System.Text;
using GuestAgent.Detection;
using Protocol.Channel;
using Protocol.Kernel;

namespace GuestAgent.Signals.Parsing;

/// <summary>One record of <c>/dev/kmsg</c>.</summary>
/// <param name="Facility">0 for the kernel itself; anything else was written by a program.</param>
/// <param name="Sequence">Grows by one with each record: a gap is a loss.</param>
/// <param name="At">Time since boot.</param>
/// <param name="Text">The message, without its dictionary; empty when a program wrote it.</param>
internal readonly record struct KernelRecord(int Facility, long Sequence, TimeSpan At, string Text);

/// <summary>
/// Reads records of <c>/dev/kmsg</c> (kernel: Documentation/ABI/testing/dev-kmsg):
/// <c>6,339,5140900,-;message</c>, then lines that begin with a space (the dictionary, left out here).
/// </summary>
internal static class KernelLogParser
{
    private const int FacilityShift = 3;
    private const int MaxTextBytes = 512;

    /// <summary>Takes a record apart; null when it is malformed.</summary>
    public static KernelRecord? ParseRecord(ReadOnlySpan<byte> record)
    {
        int semicolon = record.IndexOf((byte)';');
        if (semicolon < 0)
        {
            return null;
        }

        ReadOnlySpan<byte> prefix = record[..semicolon];
        if (!Utf8Parser.TryParse(prefix, out int priority, out int used) || !Skip(ref prefix, used)
            || !Utf8Parser.TryParse(prefix, out long sequence, out used) || !Skip(ref prefix, used)
            || !Utf8Parser.TryParse(prefix, out long microseconds, out _)
            || priority < 0 || microseconds is < 0 or > MaxMicroseconds)
        {
            return null;
        }

        int facility = priority >> FacilityShift;
        ReadOnlySpan<byte> text = facility == 0 ? record[(semicolon + 1)..] : [];
        int end = text.IndexOf((byte)'\n');
        text = text[..Math.Min(end < 0 ? text.Length : end, MaxTextBytes)];
        return new KernelRecord(
            facility, sequence, TimeSpan.FromMicroseconds(microseconds), Encoding.Latin1.GetString(text));
    }

    /// <summary>
    /// What a record says of a filesystem or its device; null when nothing, or when a program wrote it
    /// (facility other than 0).
    /// </summary>
    public static KernelLine? Understand(KernelRecord record)
        => record.Facility == 0 && FilesystemLines.Understand(record.Text) is { } line
            ? new KernelLine(line.Kind, line.DeviceName, record.At) { Sector = line.Sector }
            : null;

    /// <summary>
    /// Which of this boot's last-resort lines a record is; 0 when it is none. Its word is no evidence.
    /// </summary>
    public static int LastResortNumber(ReadOnlySpan<byte> record)
    {
        ReadOnlySpan<byte> text = record[(record.IndexOf((byte)';') + 1)..];
        int end = text.IndexOf((byte)'\n');
        return LastResortLine.TryParse(Encoding.Latin1.GetString(end < 0 ? text : text[..end]))?.Number ?? 0;
    }

    /// <summary>What a TimeSpan holds; the kernel's clock would need 29,000 years.</summary>
    private const long MaxMicroseconds = long.MaxValue / TimeSpan.TicksPerMicrosecond;

    private static bool Skip(ref ReadOnlySpan<byte> prefix, int used)
    {
        bool comma = used < prefix.Length && prefix[used] == ',';
        prefix = comma ? prefix[(used + 1)..] : [];
        return comma;
    }
}
