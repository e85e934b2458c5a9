using System.Diagnostics;
using System.Globalization;
using System.Text;
using Testbed.Linux;

namespace Testbed.Domains;

/// <summary>What the storage under a <see cref="FaultDisk"/> does with requests.</summary>
public enum FaultMode
{
    /// <summary>It serves them.</summary>
    Pass = 0,

    /// <summary>Every request fails with EIO.</summary>
    FailAll,

    /// <summary>Writes and flushes fail with EIO; reads are served.</summary>
    FailWrites,

    /// <summary>Flushes fail with EIO; reads and writes are served.</summary>
    FailFlushes,

    /// <summary>Reads fail with EIO; writes and flushes are served.</summary>
    FailReads,

    /// <summary>Nothing is answered.</summary>
    BlockAll,

    /// <summary>Writes are not answered; reads go on, and flushes, which a filesystem sends after its writes.</summary>
    BlockWrites,
}

/// <summary>The requests that came to a <see cref="FaultDisk"/>.</summary>
/// <param name="Reads">All reads that came.</param>
/// <param name="Writes">All writes that came, discards and zeroing included.</param>
/// <param name="Flushes">All flushes that came.</param>
/// <param name="Failed">Those of them that were answered with EIO.</param>
/// <param name="Blocked">Those of them that wait now.</param>
public readonly record struct FaultCounts(long Reads, long Writes, long Flushes, long Failed, long Blocked);

/// <summary>
/// A block device whose storage fails or stops answering when told, and serves again when told, mounted or not: a loop
/// device on a file of <c>FaultDisk/fault-disk.c</c>, which keeps it in memory. However this process ends, that program
/// ends too, and then the kernel fails whatever waits for it.
/// </summary>
public sealed class FaultDisk : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);
    private static readonly Lazy<Task<string>> Program = new(CompileAsync);

    private readonly string _folder;
    private readonly Process _process;
    private readonly SemaphoreSlim _oneAtATime = new(1);

    private FaultDisk(string folder, Process process, LoopDevice loop)
    {
        _folder = folder;
        _process = process;
        Loop = loop;
    }

    /// <summary>The block device, attached as long as this object lives.</summary>
    public LoopDevice Loop { get; }

    /// <summary>The program that is its storage.</summary>
    internal int ProcessId => _process.Id;

    /// <summary>Past the writer, which would keep what a broken pipe did not take.</summary>
    private Stream Input => _process.StandardInput.BaseStream;

    /// <summary>Why fault disks cannot be made here; null when they can.</summary>
    public static string? WhyNot() => Containment.WhyNot()
        ?? (!File.Exists("/dev/fuse") ? "this machine offers no FUSE (/dev/fuse)"
            : !File.Exists("/usr/include/fuse3/fuse_lowlevel.h")
                ? "libfuse3 is not installed: run tests/prepare.sh testbed (Debian's package libfuse3-dev)"
                : null);

    /// <summary>Starts the storage, full of zeros, and attaches it.</summary>
    /// <param name="folder">Where the program's own filesystem is mounted; made here and removed with the disk.</param>
    /// <param name="sizeBytes">The size of the disk. It takes as much memory as is written to it.</param>
    /// <exception cref="IOException">The program or the loop device cannot be had; the message says why.</exception>
    public static async Task<FaultDisk> CreateAsync(string folder, long sizeBytes)
    {
        Containment.Require();
        string program = await Program.Value;
        Directory.CreateDirectory(folder);
        var start = new ProcessStartInfo(program, [folder, sizeBytes.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        Process process = Tool.Start(start);
        try
        {
            string? greeting = await process.StandardOutput.ReadLineAsync().WaitAsync(Limit);
            if (greeting is null)
            {
                throw new IOException($"{program} cannot mount at {folder}: it ended at once");
            }

            // Opening the file waits for the program, which by now listens.
            LoopDevice loop = await Task.Run(() => LoopDevice.Attach(Path.Combine(folder, "disk"), LoopFlags.DirectIo));
            return new FaultDisk(folder, process, loop);
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }
    }

    /// <summary>From now on requests meet this; those that wait are answered unless the mode blocks them.</summary>
    public Task SetModeAsync(FaultMode mode) => TellAsync(mode switch
    {
        FaultMode.Pass => "pass",
        FaultMode.FailAll => "fail-all",
        FaultMode.FailWrites => "fail-writes",
        FaultMode.FailFlushes => "fail-flushes",
        FaultMode.FailReads => "fail-reads",
        FaultMode.BlockAll => "block-all",
        FaultMode.BlockWrites => "block-writes",
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "not a mode"),
    });

    /// <summary>The requests that came until now.</summary>
    public async Task<FaultCounts> CountsAsync()
    {
        string line = await TellAsync("counts");
        long[] numbers = [.. line.Split(' ')[1..]
            .Select(word => long.Parse(word.Split('=')[1], CultureInfo.InvariantCulture))];
        return new FaultCounts(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]);
    }

    /// <summary>
    /// Serves what waits, detaches the device and ends the program. Returns within half a minute whatever happens: what
    /// still uses the device then meets EIO.
    /// </summary>
    /// <exception cref="TimeoutException">A filesystem on it was still mounted.</exception>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await SetModeAsync(FaultMode.Pass);
        }
        catch (Exception failed) when (failed is IOException or TimeoutException)
        {
            // The program is gone or does not listen; ending it below releases whatever waits for it.
        }

        bool unused = await IsUnusedInTimeAsync();
        Loop.Dispose();
        await EndProgramAsync();
        await Tool.RunAsync("umount", "--lazy", _folder);
        Directory.Delete(_folder);
        _oneAtATime.Dispose();
        if (!unused)
        {
            throw new TimeoutException($"{Loop.Path} was still in use when its disk was taken away: unmount it first");
        }
    }

    /// <summary>Waits until no mount namespace has it mounted.</summary>
    /// <exception cref="TimeoutException">It is still mounted somewhere.</exception>
    public async Task WaitUntilUnusedAsync()
    {
        if (!await IsUnusedInTimeAsync())
        {
            throw new TimeoutException($"{Loop.Path} is still mounted somewhere");
        }
    }

    private async Task<bool> IsUnusedInTimeAsync()
    {
        long start = Stopwatch.GetTimestamp();
        while (Loop.IsInUse())
        {
            if (Stopwatch.GetElapsedTime(start) > Limit)
            {
                return false;
            }

            await Task.Delay(LookAgain);
        }

        return true;
    }

    /// <summary>The end of its input ends it; if not, a signal does, and the kernel fails what waits for it.</summary>
    private async Task EndProgramAsync()
    {
        await Input.DisposeAsync();
        try
        {
            await _process.WaitForExitAsync().WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private async Task<string> TellAsync(string line)
    {
        await _oneAtATime.WaitAsync();
        try
        {
            await Input.WriteAsync(Encoding.ASCII.GetBytes($"{line}\n")).AsTask().WaitAsync(Limit);
            await Input.FlushAsync().WaitAsync(Limit);
            return await _process.StandardOutput.ReadLineAsync().WaitAsync(Limit)
                ?? throw new IOException($"the storage of {Loop.Name} has ended");
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    private static async Task<string> CompileAsync()
    {
        string program = Path.Combine(Directory.CreateTempSubdirectory("fault-disk-").FullName, "fault-disk");
        string source = Path.Combine(AppContext.BaseDirectory, "FaultDisk", "fault-disk.c");
        await Tool.RequireAsync(
            "sh", "-c", "gcc -Wall -Wextra -Werror -O1 -o \"$1\" \"$2\" $(pkg-config --cflags --libs fuse3)",
            "sh", program, source);
        return program;
    }
}
