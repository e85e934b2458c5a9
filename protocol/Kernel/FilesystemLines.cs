using System.Globalization;
using System.Text.RegularExpressions;

namespace Protocol.Kernel;

/// <summary>A line of Linux about a filesystem or its disk, understood.</summary>
/// <param name="Kind">What it says.</param>
/// <param name="DeviceName">The device it speaks of; null where the line names none.</param>
/// <param name="Sector">The sector that a failed request began at; null where the line names none.</param>
public readonly record struct FilesystemLine(KernelLineKind Kind, string? DeviceName, long? Sector);

/// <summary>
/// What a guest's kernel says of a filesystem or its disk. The daily <c>error count since last fsck</c>, <c>initial error
/// at time</c> and <c>last error at time</c> are old news and stand in no format.
/// </summary>
public static class FilesystemLines
{
    /// <summary>What a line says; null when nothing.</summary>
    /// <param name="text">The message alone, without a time or a level before it.</param>
    public static FilesystemLine? Understand(string text)
    {
        if (KernelFormats.Find(text, KernelReaders.Guest) is not var (format, match))
        {
            return null;
        }

        Group device = match.Groups["device"];
        bool hasSector = long.TryParse(
            match.Groups["sector"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out long sector);
        return new FilesystemLine(format.Kind, device.Length == 0 ? null : device.Value, hasSector ? sector : null);
    }
}
