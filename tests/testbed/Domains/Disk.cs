using System.Globalization;
using Testbed.Linux;

namespace Testbed.Domains;

/// <summary>
/// A disk of a domain whose storage can fail. It is a sparse image on a tmpfs of its own, behind a loop device. The
/// storage fails by shrinking the tmpfs to what it holds: every write to a block of the image that was never
/// written then ends in a real I/O error, and a journal is nearly all such blocks. It heals by growing the tmpfs.
/// Where the definition asks for one it is a <see cref="FaultDisk"/> instead, which can do more.
/// </summary>
public sealed class Disk : IAsyncDisposable
{
    private const int ImageSizeMb = 128;
    private const int JournalSizeMb = 16;
    private const int StorageSizeKb = 256 * 1024;
    private const int BlockSizeBytes = 4096;

    private static readonly TimeSpan ReleaseLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);

    private readonly string _storage;
    private readonly FaultDisk? _faultDisk;

    private Disk(DiskDefinition definition, string storage, LoopDevice loop, FaultDisk? faultDisk)
    {
        Definition = definition;
        _storage = storage;
        Loop = loop;
        _faultDisk = faultDisk;
    }

    /// <summary>What it is to its domain.</summary>
    public DiskDefinition Definition { get; }

    /// <summary>The block device, attached as long as this object lives, through all boots of its domain.</summary>
    public LoopDevice Loop { get; }

    /// <summary>Makes the storage and attaches it; there is no filesystem on it yet.</summary>
    /// <param name="definition">What it is to its domain.</param>
    /// <param name="storage">The folder to mount the storage at; it is made here and removed with the disk.</param>
    public static async Task<Disk> CreateAsync(DiskDefinition definition, string storage)
    {
        Containment.Require();
        if (definition.IsFaultDisk)
        {
            FaultDisk disk = await FaultDisk.CreateAsync(storage, ImageSizeMb * 1024L * 1024L);
            return new Disk(definition, storage, disk.Loop, disk);
        }

        Directory.CreateDirectory(storage);
        await Tool.RequireAsync("mount", "-t", "tmpfs", "-o", $"size={StorageSizeKb}k", "testbed-storage", storage);
        await using (FileStream image = File.Create(ImageIn(storage)))
        {
            image.SetLength(ImageSizeMb * 1024L * 1024L);
        }

        return new Disk(definition, storage, LoopDevice.Attach(ImageIn(storage)), faultDisk: null);
    }

    /// <summary>Makes the filesystem.</summary>
    /// <param name="tree">The folder whose files it gets.</param>
    public async Task FormatAsync(string tree)
    {
        await Tool.RequireAsync(
            "mke2fs", "-q", "-F", "-t", Definition.FilesystemType, "-b", Text(BlockSizeBytes),
            "-J", $"size={JournalSizeMb}", "-d", tree, Loop.Path);
        if (_faultDisk is not null)
        {
            return;
        }

        // Zeros that mke2fs wrote, into the journal above all, become blocks that were never written.
        await Tool.RequireAsync("fallocate", "--dig-holes", ImageIn(_storage));
    }

    /// <summary>From now on requests meet this, on a <see cref="FaultDisk"/> alone.</summary>
    public Task SetModeAsync(FaultMode mode)
        => _faultDisk?.SetModeAsync(mode)
            ?? throw new InvalidOperationException($"{Definition.VirtualName} is defined as a disk without modes");

    /// <summary>From now on writes to blocks that were never written fail; on a fault disk all writes.</summary>
    public async Task FailStorageAsync()
    {
        const int MaxAttempts = 100;
        if (_faultDisk is not null)
        {
            await _faultDisk.SetModeAsync(FaultMode.FailWrites);
            return;
        }

        for (int attempt = 1; ; attempt++)
        {
            string used = await Tool.RequireAsync("df", "--output=used", "--block-size=1K", _storage);
            string sizeKb = used.Split('\n')[1].Trim();
            ToolResult shrunk = await Tool.RunAsync("mount", "-o", $"remount,size={sizeKb}k", _storage);
            if (shrunk.ExitCode == 0)
            {
                return;
            }

            // The domain wrote a new block between the two commands: then the size is less than what is used.
            if (attempt == MaxAttempts)
            {
                throw new IOException($"the storage of {Loop.Name} cannot be made to fail: {shrunk.Output.Trim()}");
            }
        }
    }

    /// <summary>From now on all writes succeed again. What failed stays lost.</summary>
    public Task HealStorageAsync()
        => _faultDisk?.SetModeAsync(FaultMode.Pass)
            ?? Tool.RequireAsync("mount", "-o", $"remount,size={StorageSizeKb}k", _storage);

    /// <summary>Waits until no mount namespace has it mounted.</summary>
    /// <exception cref="TimeoutException">It is still mounted somewhere.</exception>
    public async Task WaitUntilUnusedAsync()
    {
        long start = TimeProvider.System.GetTimestamp();
        while (Loop.IsInUse())
        {
            await WaitABitAsync(start, $"{Loop.Path} is still mounted after its domain ended");
        }
    }

    /// <summary>Runs e2fsck on the device, which nobody may have mounted.</summary>
    /// <param name="arguments">Its options, for example <c>-f -p</c>.</param>
    public async Task<ToolResult> CheckAsync(params string[] arguments)
    {
        await WaitUntilUnusedAsync();
        return await Tool.RunAsync("e2fsck", [.. arguments, Loop.Path]);
    }

    /// <summary>Detaches the device and gives the storage back.</summary>
    public async ValueTask DisposeAsync()
    {
        await WaitUntilUnusedAsync();
        if (_faultDisk is not null)
        {
            await _faultDisk.DisposeAsync();
            return;
        }

        Loop.Dispose();
        long start = TimeProvider.System.GetTimestamp();
        while ((await Tool.RunAsync("umount", _storage)).ExitCode != 0)
        {
            // The device detaches when the last one closes it, which may be another program that looks at devices.
            await WaitABitAsync(start, $"{_storage} cannot be unmounted: {Loop.Path} is still attached");
        }

        Directory.Delete(_storage);
    }

    private static async Task WaitABitAsync(long start, string what)
    {
        if (TimeProvider.System.GetElapsedTime(start) > ReleaseLimit)
        {
            throw new TimeoutException($"{what}, {ReleaseLimit.TotalSeconds} s later");
        }

        await Task.Delay(LookAgain);
    }

    private static string ImageIn(string storage) => Path.Combine(storage, "image");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
