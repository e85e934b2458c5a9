using System.Buffers.Text;
using System.Text;
using GuestAgent.Detection;
using Protocol.Kernel;

namespace GuestAgent.Signals.Parsing;

/// <summary>One record of <c>/dev/kmsg</c>.</summary>
/// <param name="Facility">0 for the kernel itself; anything else was written by a program.</param>
/// <param name="At">Time since boot.</param>
/// <param name="Text">The message, without its dictionary.</param>
internal readonly record struct KernelRecord(int Facility, TimeSpan At, string Text);

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
            || !Utf8Parser.TryParse(prefix, out long _, out used) || !Skip(ref prefix, used)
            || !Utf8Parser.TryParse(prefix, out long microseconds, out _))
        {
            return null;
        }

        ReadOnlySpan<byte> text = record[(semicolon + 1)..];
        int end = text.IndexOf((byte)'\n');
        text = text[..Math.Min(end < 0 ? text.Length : end, MaxTextBytes)];
        return new KernelRecord(
            priority >> FacilityShift, TimeSpan.FromMicroseconds(microseconds), Encoding.Latin1.GetString(text));
    }

    /// <summary>
    /// What a record says of a filesystem or its device; null when nothing, or when the kernel did not write it.
    /// </summary>
    public static KernelLine? Understand(KernelRecord record)
    {
        if (record.Facility != 0)
        {
            return null;
        }

        return FilesystemLines.Understand(record.Text) is { } line
            ? new KernelLine(line.Kind, line.DeviceName, record.At)
            : null;
    }

    private static bool Skip(ref ReadOnlySpan<byte> prefix, int used)
    {
        bool comma = used < prefix.Length && prefix[used] == ',';
        prefix = comma ? prefix[(used + 1)..] : [];
        return comma;
    }
}
