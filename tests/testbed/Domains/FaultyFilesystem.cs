using System.Diagnostics;
using System.Text.RegularExpressions;
using Testbed.Linux;

namespace Testbed.Domains;

/// <summary>A mounted filesystem on a disk that fails when told, and what a row of the matrix may do to it.</summary>
internal sealed class FaultyFilesystem : IAsyncDisposable
{
    // What mkfs.xfs (300 MB) and mkfs.btrfs demand at least, with some room; memory is taken only where it is written.
    private const long LargeSizeBytes = 512L * 1024 * 1024;
    private const long SmallSizeBytes = 64L * 1024 * 1024;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);

    private readonly string _folder;
    private readonly string _type;
    private readonly string _options;
    private readonly CancellationTokenSource _end = new();
    private Task _reader = Task.CompletedTask;

    private FaultyFilesystem(string folder, string type, string options, FaultDisk disk)
    {
        _folder = folder;
        _type = type;
        _options = options;
        Disk = disk;
    }

    public FaultDisk Disk { get; }

    /// <summary>Where it is mounted.</summary>
    public string Path => System.IO.Path.Combine(_folder, "mounted");

    private string FrozenMark => System.IO.Path.Combine(
        Environment.GetEnvironmentVariable(Containment.FrozenFolderVariable)!, Disk.Loop.Name);

    /// <summary>Makes the disk and the filesystem on it, and mounts it.</summary>
    /// <param name="folder">A folder for it, made here.</param>
    /// <param name="type">The type, as mount(8) takes it.</param>
    /// <param name="options">The options, as mount(8) takes them.</param>
    public static async Task<FaultyFilesystem> CreateAsync(string folder, string type, string options)
    {
        FaultDisk disk = await FaultDisk.CreateAsync(
            System.IO.Path.Combine(folder, "disk"), IsExtended(type) ? SmallSizeBytes : LargeSizeBytes);
        var filesystem = new FaultyFilesystem(folder, type, options, disk);
        try
        {
            string format = type switch
            {
                // All at once, so that no thread of the kernel writes tables later; few files, so that they run out.
                "ext3" or "ext4" =>
                    $"mke2fs -q -F -t {type} -N 256 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0",
                "xfs" => "mkfs.xfs -q -K",
                "btrfs" => "mkfs.btrfs -q -K",
                _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not a type of the matrix"),
            };
            await Tool.RequireAsync("sh", "-c", $"{format} \"$1\"", "sh", disk.Loop.Path);
            Directory.CreateDirectory(filesystem.Path);
            await filesystem.MountAsync();
            await filesystem.ShellAsync("head -c 1048576 /dev/zero >\"$1/old-file\" && sync -f \"$1\"");
            return filesystem;
        }
        catch
        {
            await filesystem.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Mounts it so that the kernel says so. ext4 prints at most 64 lines about mounts in 30 s (fs/ext4/super.c,
    /// ext4_mount_msg_ratelimit), the whole machine's together; without its line an agent cannot know that older lines
    /// speak of another filesystem, which was on the same loop device before.
    /// </summary>
    public async Task MountAsync()
    {
        var ratelimit = TimeSpan.FromSeconds(30);
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            using KernelLog log = KernelLog.OpenAtEnd();
            await Tool.RequireAsync("mount", "-t", _type, "-o", _options, Disk.Loop.Path, Path);
            if (!IsExtended(_type) || SaysMounted(log) || Stopwatch.GetElapsedTime(start) > ratelimit)
            {
                return;
            }

            await UnmountAsync();
            await Task.Delay(LookAgain * 20);
        }
    }

    /// <summary>
    /// Unmounts it; an agent's probe may hold it for a moment. A domain that is just being made may have taken the mount
    /// along into its own namespace, and lets go of it when it has its root.
    /// </summary>
    public async Task UnmountAsync()
    {
        await RetryAsync("umount", Path);
        await Disk.WaitUntilUnusedAsync();
    }

    /// <summary>Changes its options; an agent's probe may stand in the way for a moment.</summary>
    public Task RemountAsync(string options) => RetryAsync("mount", "-o", $"remount,{options}", Path);

    /// <summary>Serves every request again, unmounts it and mounts it unchecked: the journal is replayed.</summary>
    public async Task MountAgainAsync()
    {
        await Disk.SetModeAsync(FaultMode.Pass);
        await UnmountAsync();
        await MountAsync();
    }

    /// <summary>Serves every request again, unmounts it, has it checked and mounts it.</summary>
    public async Task RepairAsync()
    {
        const int mended = 1; // e2fsck(8)
        await Disk.SetModeAsync(FaultMode.Pass);
        await UnmountAsync();
        ToolResult check = await Tool.RunAsync("e2fsck", "-f", "-p", Disk.Loop.Path);
        if (check.ExitCode > mended)
        {
            throw new IOException($"e2fsck -f -p: exit code {check.ExitCode}: {check.Output}");
        }

        await MountAsync();
    }

    /// <summary>Whether a line of the kernel log speaks of its device; <c>loop1</c> is not <c>loop12</c>.</summary>
    public bool IsNamedIn(string kernelLine) => Regex.IsMatch(kernelLine, $@"\b{Disk.Loop.Name}\b");

    /// <summary>Runs a line of shell, in which <c>$1</c> is the mount point and <c>$2</c> the device's name.</summary>
    public Task<string> ShellAsync(string line) => Tool.RequireAsync("sh", "-c", line, "sh", Path, Disk.Loop.Name);

    /// <summary>Freezes it; <c>tests/thaw.sh</c> thaws it if nobody is left to do it here.</summary>
    public async Task FreezeAsync()
    {
        await File.Create(FrozenMark).DisposeAsync();
        await Tool.RequireAsync("fsfreeze", "--freeze", Path);
    }

    /// <summary>Thaws it, if it is frozen.</summary>
    public async Task ThawAsync()
    {
        await Tool.RunAsync("fsfreeze", "--unfreeze", Path);
        File.Delete(FrozenMark);
    }

    /// <summary>
    /// From now on a program reads a file from the device, twice a second, whatever it meets: the kernel prints at most
    /// ten lines about I/O errors in five seconds for all devices together, so a single one may have no line.
    /// </summary>
    public void ReadOnAndOn() => _reader = Task.Run(async () =>
    {
        while (!_end.IsCancellationRequested)
        {
            await Tool.RunAsync("dd", $"if={Path}/old-file", "of=/dev/null", "bs=64k", "count=1", "iflag=direct");
            await Task.Delay(LookAgain * 5);
        }
    });

    /// <summary>Ends what <see cref="ReadOnAndOn"/> began.</summary>
    public async Task StopReadingAsync()
    {
        await _end.CancelAsync();
        await _reader;
    }

    /// <summary>Whatever was done to it is taken back first: nothing may stay frozen, blocked or mounted.</summary>
    public async ValueTask DisposeAsync()
    {
        await Disk.SetModeAsync(FaultMode.Pass);
        await StopReadingAsync();
        await ThawAsync();
        await Tool.RunAsync("blockdev", "--setrw", Disk.Loop.Path);
        if ((await Tool.RunAsync("mountpoint", "--quiet", Path)).ExitCode == 0)
        {
            await UnmountAsync();
        }

        await Disk.DisposeAsync();
        _end.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static bool IsExtended(string type) => type.StartsWith("ext", StringComparison.Ordinal);

    private bool SaysMounted(KernelLog log)
    {
        while (log.ReadLine() is { } line)
        {
            if (line.Contains($"({Disk.Loop.Name}): mounted filesystem", StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private static async Task RetryAsync(string program, params string[] arguments)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            ToolResult result = await Tool.RunAsync(program, arguments);
            if (result.ExitCode == 0)
            {
                return;
            }

            if (Stopwatch.GetElapsedTime(start) > Limit)
            {
                throw new IOException($"{program} {string.Join(' ', arguments)}: {result.Output.Trim()}");
            }

            await Task.Delay(LookAgain);
        }
    }
}
