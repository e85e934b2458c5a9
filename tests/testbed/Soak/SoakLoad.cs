using System.Diagnostics;
using Testbed.Domains;
using Testbed.Linux;

namespace Testbed.Soak;

/// <summary>A filesystem, and the ordinary work that goes on on it until it is told to end.</summary>
internal sealed class SoakLoad : IAsyncDisposable
{
    private const string Busy = "dd, small files, sync, log rotation";
    private const string Full = "filled up and emptied";
    private const string Mounted = "mounted and unmounted";

    private const string Writing =
        "while :; do dd if=/dev/zero of=\"$1/data\" bs=1M count=16 conv=fsync; rm \"$1/data\"; done";

    private const string SmallFiles =
        "while :; do mkdir \"$1/storm\"; for i in $(seq 100); do echo $i >\"$1/storm/$i\"; done; "
        + "sync \"$1\"/storm/*; rm -r \"$1/storm\"; done";

    private const string Syncing = "while :; do echo again >\"$1/touched\"; sync -f \"$1\"; sleep 0.2; done";

    private const string LogRotation =
        "while :; do for i in $(seq 50); do echo a line of a log >>\"$1/log\"; sync \"$1/log\"; sleep 0.02; done; "
        + "rm -f \"$1/log.1.gz\"; [ ! -e \"$1/log.1\" ] || gzip \"$1/log.1\"; mv \"$1/log\" \"$1/log.1\"; done";

    private const string Filling =
        "while :; do dd if=/dev/zero of=\"$1/fill\" bs=1M; sync -f \"$1\"; sleep 20; rm \"$1/fill\"; sync -f \"$1\"; "
        + "sleep 10; done";

    private readonly List<Process> _loops = [];
    private readonly CancellationTokenSource _end = new();
    private Task _mounting = Task.CompletedTask;

    private readonly string _type;
    private readonly string _work;

    private SoakLoad(string type, string work, FaultyFilesystem filesystem)
    {
        _type = type;
        _work = work;
        Filesystem = filesystem;
    }

    /// <summary>What filesystem it is, and what is done to it.</summary>
    public string Name => $"{_type}: {_work}";

    public FaultyFilesystem Filesystem { get; }

    /// <summary>Makes the filesystems of a run. They work; their disks are never told to fail.</summary>
    /// <param name="folder">Where their folders are made.</param>
    /// <param name="loads">Is given each as soon as it is there, so that it is taken away whatever fails later.</param>
    public static async Task CreateAllAsync(string folder, List<SoakLoad> loads)
    {
        foreach (string type in (string[])["ext4", "ext3", "xfs", "btrfs"])
        {
            loads.Add(await CreateAsync(folder, type, Busy));
        }

        loads.Add(await CreateAsync(folder, "ext4", Full));
        loads.Add(await CreateAsync(folder, "ext4", Mounted));
    }

    /// <summary>Begins the work.</summary>
    public void Start()
    {
        if (_work == Mounted)
        {
            _mounting = MountAndUnmountAsync();
            return;
        }

        string[] loops = _work == Full ? [Filling] : [Writing, SmallFiles, Syncing, LogRotation];
        foreach (string loop in loops)
        {
            _loops.Add(Tool.Start(new ProcessStartInfo(
                "/bin/sh", ["-c", $"exec >/dev/null 2>&1; {loop}", "sh", Filesystem.Path])));
        }
    }

    /// <summary>Ends the work.</summary>
    public async Task StopAsync()
    {
        await _end.CancelAsync();
        await _mounting;
        foreach (Process loop in _loops)
        {
            loop.Kill(entireProcessTree: true);
            await loop.WaitForExitAsync();
            loop.Dispose();
        }

        _loops.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await Filesystem.DisposeAsync();
        _end.Dispose();
    }

    private static async Task<SoakLoad> CreateAsync(string folder, string type, string work)
    {
        string own = Path.Combine(folder, Path.GetRandomFileName());
        return new SoakLoad(type, work, await FaultyFilesystem.CreateAsync(own, type, "defaults"));
    }

    private async Task MountAndUnmountAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            await Filesystem.UnmountAsync();
            await Task.Delay(Random.Shared.Next(1500));
            await Filesystem.MountAsync();
            await Task.Delay(Random.Shared.Next(6000));
        }
    }
}
