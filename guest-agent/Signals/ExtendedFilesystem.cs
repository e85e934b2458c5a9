using System.Globalization;
using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Signals.Parsing;

namespace GuestAgent.Signals;

/// <summary>
/// What ext4 says of a filesystem of its own (also ext2 and ext3) in <c>/sys/fs/ext4/X</c> and
/// <c>/proc/fs/ext4/X</c>. <c>errors_count</c> proves that an error was recorded since the last fsck. It lies by
/// silence: an aborted journal is counted only when some operation meets it; and by age: it survives mounts and
/// restarts, so its growth counts, or that the last error is of this boot.
/// </summary>
internal static class ExtendedFilesystem
{
    private const int MaxFunctionLength = 32; // s_last_error_func, fs/ext4/ext4.h

    /// <summary>The error count; null where there is none (other types, kernels before 3.17).</summary>
    public static long? ReadErrorsCount(PathRoot paths, string deviceName)
        => Number(paths, deviceName, "errors_count");

    /// <summary>The last error; null where none is recorded, and on kernels before 5.10.</summary>
    public static RecordedError? ReadLastError(PathRoot paths, string deviceName)
        => Number(paths, deviceName, "last_error_time") is > 0 and <= MaxUnixSeconds and var seconds
            && Text(paths, deviceName, "last_error_func") is { } function
                ? new RecordedError(Clean(function), DateTimeOffset.FromUnixTimeSeconds(seconds))
                : null;

    /// <summary>Whether it has a journal that could be aborted; true where nothing says otherwise.</summary>
    public static bool HasJournal(PathRoot paths, string deviceName, string filesystemType)
        => filesystemType != "ext2" && Text(paths, deviceName, "journal_task") != "<none>";

    /// <summary>errors=panic; false where nothing says so.</summary>
    public static bool PanicsOnErrors(PathRoot paths, string deviceName)
        => SmallFile.TryReadText(paths.Proc($"fs/ext4/{deviceName}/options")) is { } options
            && ExtendedOptionsParser.PanicsOnErrors(options);

    /// <summary>What a DateTimeOffset holds; the value comes from a disk.</summary>
    private const long MaxUnixSeconds = 253402300799;

    private static string? Text(PathRoot paths, string deviceName, string file)
        => SmallFile.TryReadText(paths.Sys($"fs/ext4/{deviceName}/{file}"));

    private static long? Number(PathRoot paths, string deviceName, string file)
        => long.TryParse(
            Text(paths, deviceName, file), NumberStyles.None, CultureInfo.InvariantCulture, out long number)
                ? number
                : null;

    private static string Clean(string function)
        => string.Concat(function.Take(MaxFunctionLength).Select(one => char.IsAsciiLetterOrDigit(one) ? one : '_'));
}
