using System.Globalization;
using System.Runtime.InteropServices;
using HostBridge.Commands;
using HostBridge.Guests;
using Microsoft.Win32.SafeHandles;

namespace HostBridge.Toolstacks.Steps;

/// <summary>What a check of one filesystem came to.</summary>
/// <param name="ExitCode">e2fsck's exit code; null when it did not run to its end.</param>
/// <param name="Text">For a person.</param>
internal readonly record struct CheckResult(int? ExitCode, string Text);

/// <summary>
/// Runs <c>e2fsck -f -p</c> on one filesystem, as nobody, in a <see cref="Sandbox"/> that holds that filesystem and no
/// other device. What it prints and how long it takes is bounded: the filesystem is its guest's, and hostile.
/// </summary>
internal static partial class FilesystemChecker
{
    private const int MaxOutputBytes = 16 * 1024;
    private const int MaxTextLength = 400;

    private const int SetDescriptorFlags = 2; // F_SETFD
    private const int CloseOnExec = 1; // FD_CLOEXEC
    private const nuint FlushBuffers = 0x1261; // BLKFLSBUF, linux/fs.h

    private const long Terabyte = 1L << 40;
    private const long Mebibyte = 1L << 20;

    private static readonly TimeSpan BaseTime = TimeSpan.FromMinutes(30);

    /// <summary>e2fsck takes 1 to 15 minutes a terabyte.</summary>
    private static readonly TimeSpan TimePerTerabyte = TimeSpan.FromMinutes(60);

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    /// <summary>Why nothing can be checked on this host; null when it can.</summary>
    public static string? WhyNot()
        => BoundedCommand.Find("e2fsck") is null ? "e2fsck is not installed (e2fsprogs)" : BoundLoop.WhyNot();

    /// <summary>How long a check of so many bytes may take.</summary>
    public static TimeSpan LimitOf(long length)
        => BaseTime + (TimePerTerabyte * ((double)length / Terabyte));

    /// <summary>
    /// How much memory it may have: bitmaps and counts of inodes and blocks, about 1 GiB a terabyte, and never so much
    /// that this domain would have none.
    /// </summary>
    public static long MemoryLimitOf(long length) => Math.Clamp(length / 1024, 512 * Mebibyte, 8192 * Mebibyte);

    /// <summary>Checks a filesystem on a claimed disk.</summary>
    /// <param name="disk">The disk.</param>
    /// <param name="place">Where on it.</param>
    /// <param name="stepLock">
    /// The lock of the step, which e2fsck inherits: as long as it runs, even without this process, the step runs.
    /// </param>
    public static async Task<CheckResult> RunAsync(ClaimedDisk disk, FilesystemPlace place, SafeFileHandle stepLock)
    {
        Flush(disk);
        using BoundLoop loop = BoundLoop.Attach(disk.Handle!, place.Offset, place.Length, disk.BlockBytes);
        TimeSpan limit = LimitOf(place.Length);
        CommandOutput output;
        Inherit(stepLock, isInherited: true);
        try
        {
            output = await BoundedCommand.RunAsync(
                Environment.ProcessPath!,
                [
                    Sandbox.Verb, Text(BoundLoop.Major), Text(loop.Minor), Text(MemoryLimitOf(place.Length)),
                    BoundedCommand.Find("e2fsck")!,
                ],
                new CommandLimits(limit, MaxOutputBytes) { IsMoreDropped = true, Grace = Grace }).ConfigureAwait(false);
        }
        finally
        {
            Inherit(stepLock, isInherited: false);
        }

        await loop.DetachAsync().ConfigureAwait(false);
        Flush(disk);
        string words = Printable.Escape($"{output.Text} {output.Complaint}".Trim().ReplaceLineEndings("; "), MaxTextLength);
        return output.ExitCode switch
        {
            null => new CheckResult(null, $"e2fsck: {output.Problem}: {words}"),
            Sandbox.FailedExitCode => new CheckResult(
                null, $"e2fsck was not begun: {(words.Length > 0 ? words : "the user nobody cannot execute it")}"),
            { } exitCode => new CheckResult(exitCode, $"e2fsck ended with {Text(exitCode)}: {words}"),
        };
    }

    /// <summary>
    /// Writes out and forgets what this domain's page cache holds of the disk: backends read and write past it.
    /// </summary>
    private static void Flush(ClaimedDisk disk)
    {
        RandomAccess.FlushToDisk(disk.Handle!);
        _ = Control((int)disk.Handle!.DangerousGetHandle(), FlushBuffers, 0);
    }

    private static void Inherit(SafeFileHandle handle, bool isInherited)
        => _ = SetFlags((int)handle.DangerousGetHandle(), SetDescriptorFlags, isInherited ? 0 : CloseOnExec);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int SetFlags(int file, int command, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int file, nuint request, nint argument);
}
