namespace GuestAgent.Signals.Parsing;

/// <summary>
/// Reads <c>/proc/fs/ext4/X/options</c>: every option that holds, one a line, those of the superblock's defaults
/// included, which mountinfo leaves out.
/// </summary>
internal static class ExtendedOptionsParser
{
    /// <summary>An error makes the kernel panic.</summary>
    public static bool PanicsOnErrors(string options) => options.Split('\n').Contains("errors=panic");
}
