using System.Text.RegularExpressions;

namespace Protocol.Kernel;

/// <summary>
/// Every format of a kernel line that guest and host understand, from 2.6.18 to 6.18: the one table of them. The first
/// that fits counts. <c>protocol/Kernel/README.md</c> shows it.
/// </summary>
public static partial class KernelFormats
{
    /// <summary>The longest line that is looked at, in characters; the kernel's own limit is 1024 (LOG_LINE_MAX).</summary>
    public const int MaxLineLength = 2048;

    /// <summary>All of them, in the order in which they are tried.</summary>
    public static IReadOnlyList<KernelFormat> All { get; } =
        [.. ExtendedFormats.Rows, .. FilesystemFormats.Rows, .. DiskFormats.Rows, .. TransportFormats.Rows];

    private static readonly KernelFormat[] OfGuest = [.. All.Where(one => one.Readers.HasFlag(KernelReaders.Guest))];

    private static readonly KernelFormat[] OfHost = [.. All.Where(one => one.Readers.HasFlag(KernelReaders.Host))];

    /// <summary>The format of a line, and its match; null when it is none, or speaks of a program.</summary>
    /// <param name="text">The message alone, without a time or a level before it.</param>
    /// <param name="reader">Whose log it stands in.</param>
    public static (KernelFormat Format, Match Match)? Find(string text, KernelReaders reader)
    {
        if (text.Length > MaxLineLength || IsOfProgram(text))
        {
            return null;
        }

        foreach (KernelFormat format in reader == KernelReaders.Host ? OfHost : OfGuest)
        {
            if (format.Pattern.Match(text) is { Success: true } match)
            {
                return (format, match);
            }
        }

        return null;
    }

    /// <summary>
    /// Whether the kernel speaks of a program, as of one that crashed: any user chooses its name and its file's, so that
    /// such a line is no evidence whatever stands in it.
    /// </summary>
    public static bool IsOfProgram(string text) => OfProgram().IsMatch(text);

    // "name[312]: segfault at 0 ... in file[1000+1000]", "traps: name[312] general protection fault ..." (arch/*/mm/fault.c,
    // kernel/traps.c): the name has 15 bytes, which may stand there as \x0a.
    [GeneratedRegex(@"^(?:.{0,60}?\[\d+\][: ]|traps: |(?:process|program|warning:) ['`])")]
    private static partial Regex OfProgram();
}
