using System.Diagnostics;
using System.Text;
using HostBridge;
using HostBridge.Recovery;
using HostBridge.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Testbed.Domains;
using Tests.Integration.Bridge;
using Xunit;
using KernelLog = HostBridge.Storage.KernelLog;

namespace Tests.Integration.Storage;

/// <summary>
/// A direct read that hangs in the kernel for real: two block devices whose storage stops answering when told, the
/// published program as the reading child, the watch and the loop of the bridge. Only /sys is a folder in which both
/// are disks of virtio, which stand on their read alone.
/// </summary>
public sealed class StuckReadTests : IAsyncLifetime
{
    private const long SizeBytes = 8 * 1024 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);

    private readonly string _folder = Directory.CreateTempSubdirectory("stuck-read-").FullName;
    private readonly BridgeClock _clock = new(TimeProvider.System);
    private readonly BridgeInputQueue _inputs = new();
    private readonly WakeUp _wake = new();
    private readonly BridgeLoop _loop = new(new RecoveryPolicy { StableFor = TimeSpan.FromSeconds(2) });
    private FaultDisk? _sick;
    private FaultDisk? _well;
    private FileStream? _kernel;
    private StorageParts? _parts;
    private StorageWatch? _watch;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string LogPath => Path.Combine(_folder, "kmsg");

    public async ValueTask InitializeAsync()
    {
        if (FaultDisk.WhyNot() is { } reason)
        {
            Assert.Skip(reason);
        }

        _sick = await FaultDisk.CreateAsync(Path.Combine(_folder, "sick"), SizeBytes);
        _well = await FaultDisk.CreateAsync(Path.Combine(_folder, "well"), SizeBytes);
    }

    public async ValueTask DisposeAsync()
    {
        if (_sick is not null)
        {
            // What hangs ends here, also when the test failed.
            await _sick.SetModeAsync(FaultMode.Pass);
        }

        if (_watch is not null)
        {
            await _watch.StopAsync(CancellationToken.None);
            _watch.Dispose();
        }

        _parts?.Dispose();
        _kernel?.Dispose();
        _wake.Dispose();
        foreach (FaultDisk disk in new[] { _sick, _well }.OfType<FaultDisk>())
        {
            await disk.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_read_that_hangs_in_the_kernel_closes_its_gate_alone_is_not_repeated_and_opens_it_again_once_it_returned()
    {
        await StartAsync();
        await UntilAsync(() => IsOpen(1) && IsOpen(2));

        await _sick!.SetModeAsync(FaultMode.BlockAll);
        await SayAsync($"I/O error, dev {_sick.Loop.Name}, sector 8");
        await UntilAsync(() => GateOf(1) is StorageGate.Closed { Reasons: var reasons }
            && reasons.Contains($"a direct read of {_sick.Loop.Name} has not returned for", StringComparison.Ordinal));
        Assert.Contains('D', StatesOfReaders());
        FaultCounts stuck = await _sick.CountsAsync();
        Assert.Equal(1, stuck.Blocked);

        // The other disk is read and looked at meanwhile: a line that names it makes it be read anew.
        long wellReads = (await _well!.CountsAsync()).Reads;
        await SayAsync($"I/O error, dev {_well.Loop.Name}, sector 8");
        await UntilAsync(() => !IsOpen(2));
        await UntilAsync(() => IsOpen(2));
        Assert.True((await _well.CountsAsync()).Reads > wellReads);
        Assert.Equal(stuck, await _sick.CountsAsync());
        Assert.False(IsOpen(1));

        await _sick.SetModeAsync(FaultMode.Pass);
        await UntilAsync(() => IsOpen(1));
        Assert.DoesNotContain('D', StatesOfReaders());
    }

    [Fact]
    public async Task A_watch_whose_read_hangs_stops_when_it_is_asked_to()
    {
        await _sick!.SetModeAsync(FaultMode.BlockAll);
        await StartAsync();
        await UntilAsync(() => StatesOfReaders().Contains('D'));
        using var limit = new CancellationTokenSource(Patience);
        await _watch!.StopAsync(limit.Token);
        Assert.False(limit.IsCancellationRequested);
    }

    private async Task StartAsync()
    {
        using (Process made = Process.Start("mkfifo", LogPath))
        {
            await made.WaitForExitAsync(Cancellation);
        }

        // A pipe that is open for reading and writing is never at its end.
        _kernel = new FileStream(LogPath, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        _parts = new StorageParts
        {
            Files = new HostFiles(_folder),
            KernelLog = KernelLog.TryOpen(LogPath),
            ReaderProgram = BridgeProgram.Program,
        };
        var disks = new WatchedDisks(_clock, _wake);
        _watch = new StorageWatch(_parts, disks, _wake, _inputs, _clock, NullLogger<StorageWatch>.Instance);
        foreach ((int guest, FaultDisk disk) in new[] { (1, _sick!), (2, _well!) })
        {
            var number = new DeviceNumber(disk.Loop.Major, disk.Loop.Minor);
            string device = Directory.CreateDirectory(
                Path.Combine(_folder, $"sys/devices/pci0000:00/virtio{guest}/block/{disk.Loop.Name}")).FullName;
            await File.WriteAllTextAsync(Path.Combine(device, "size"), $"{SizeBytes / 512}\n", Cancellation);
            await File.WriteAllTextAsync(Path.Combine(device, "ro"), "0\n", Cancellation);
            Directory.CreateDirectory(Path.Combine(_folder, "sys/dev/block"));
            File.CreateSymbolicLink(Path.Combine(_folder, $"sys/dev/block/{number}"), device);
            disks.Watch(new DomainId(guest), [number]);
            var identity = new GuestIdentity(new Guid(guest, 0, 0, new byte[8]), $"g{guest}");
            _loop.Step(new BridgeInput.GuestSeen(identity, new DomainId(guest), new GuestDisks([number], [])), _clock.Now);
        }

        await _watch.StartAsync(Cancellation);
    }

    private async Task SayAsync(string line)
        => await _kernel!.WriteAsync(
            Encoding.ASCII.GetBytes($"3,1,{Stopwatch.GetTimestamp() / 1000},-;{line}\n"), Cancellation);

    private bool IsOpen(int guest) => GateOf(guest) is StorageGate.Open;

    private StorageGate GateOf(int guest)
        => _loop.Guests.Single(one => one.Domain == new DomainId(guest)).Storage.Gate;

    /// <summary>Turns the bridge's loop until it is so.</summary>
    private async Task UntilAsync(Func<bool> isSo)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(Patience);
        IAsyncEnumerator<BridgeInput> inputs = _inputs.ReadAllAsync(limit.Token).GetAsyncEnumerator(limit.Token);
        Task<bool> next = inputs.MoveNextAsync().AsTask();
        while (!isSo())
        {
            await Task.WhenAny(next, Task.Delay(LookAgain, limit.Token));
            limit.Token.ThrowIfCancellationRequested();
            if (next.IsCompleted)
            {
                _loop.Step(inputs.Current, _clock.Now);
                next = inputs.MoveNextAsync().AsTask();
            }

            _loop.Step(new BridgeInput.Tick(), _clock.Now);
        }

        await limit.CancelAsync();
        await Task.WhenAny(next);
    }

    /// <summary>The states of all threads of the reading children of this process.</summary>
    private static string StatesOfReaders()
    {
        var states = new StringBuilder();
        foreach (string process in Directory.EnumerateDirectories("/proc").Where(path => int.TryParse(Path.GetFileName(path), out _)))
        {
            try
            {
                if (!File.ReadAllText($"{process}/cmdline").EndsWith($"{DirectReader.Verb}\0", StringComparison.Ordinal))
                {
                    continue;
                }

                foreach (string thread in Directory.EnumerateDirectories($"{process}/task"))
                {
                    // PID (NAME) STATE …; a name may hold anything.
                    string status = File.ReadAllText($"{thread}/stat");
                    states.Append(status[status.LastIndexOf(')') + 2]);
                }
            }
            catch (IOException)
            {
                // It ended while it was looked at.
            }
        }

        return states.ToString();
    }
}
