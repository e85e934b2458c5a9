using System.Globalization;
using System.Text;
using Protocol.Health;
using Protocol.Xenstore;

namespace Protocol.Channel;

/// <summary>
/// The line that a guest puts into its kernel log, and so on its primary console, when no carrier takes its alarm:
/// <c>guest-agent: alarm 1/10 boot=… seq=7 mount=/ device=xvda …</c>, then the fields of a filesystem's line. Whoever
/// may print on the console can forge it.
/// </summary>
/// <param name="Number">Which of this boot; from 1 to <see cref="MaxPerBoot"/>.</param>
/// <param name="Filesystem">The worst filesystem.</param>
public sealed record LastResortLine(int Number, ReportedFilesystem Filesystem)
{
    /// <summary>The most lines of one boot.</summary>
    public const int MaxPerBoot = 10;

    private const string Beginning = "guest-agent: alarm ";

    /// <summary>
    /// The line, without a line end. Shorter than the kernel's limit (LOG_LINE_MAX), so evidence is left out.
    /// </summary>
    public override string ToString()
    {
        string fields = ReportCodec.ToLine(
            Filesystem.Health with { Evidence = [] }, Filesystem.BootId, Filesystem.Sequence);
        return string.Create(CultureInfo.InvariantCulture, $"{Beginning}{Number}/{MaxPerBoot} {fields}");
    }

    /// <summary>Reads a line; null when it is none.</summary>
    public static LastResortLine? TryParse(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        int space = slash < 0 ? -1 : text.IndexOf(' ', slash);
        return text.StartsWith(Beginning, StringComparison.Ordinal) && space > 0
            && int.TryParse(
                text.AsSpan(Beginning.Length, slash - Beginning.Length), NumberStyles.None,
                CultureInfo.InvariantCulture, out int number)
            && number is >= 1 and <= MaxPerBoot
            && ReportCodec.TryParseLine(Encoding.Latin1.GetBytes(text[(space + 1)..])) is { } filesystem
                ? new LastResortLine(number, filesystem)
                : null;
    }
}
