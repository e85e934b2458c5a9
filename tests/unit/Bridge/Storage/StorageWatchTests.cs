using System.Diagnostics;
using System.Text;
using HostBridge;
using HostBridge.Recovery;
using HostBridge.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Tests.Unit.Bridge.Storage.Fixtures;
using Xunit;

namespace Tests.Unit.Bridge.Storage;

/// <summary>The watch as it runs: its own thread, a pipe as the kernel's log, a script as the reading child.</summary>
public sealed class StorageWatchTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly SysfsTree _tree = new();
    private readonly WakeUp _wake = new();
    private readonly BridgeInputQueue _inputs = new();
    private readonly BridgeClock _clock = new(TimeProvider.System);
    private readonly DeviceNumber _disk;
    private readonly FileStream _kernelLog;
    private StorageParts? _parts;
    private StorageWatch? _watch;

    public StorageWatchTests()
    {
        _tree.Session(1, "iqn.2026-01.org.example:array1");
        _disk = _tree.IscsiDisk("sda", 0, session: 1);
        string log = Path.Combine(_tree.Root, "kmsg");
        Process.Start("mkfifo", log).WaitForExit();
        _kernelLog = new FileStream(log, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_watch is not null)
        {
            await _watch.StopAsync(CancellationToken.None);
            _watch.Dispose();
        }

        _parts?.Dispose();
        _kernelLog.Dispose();
        _wake.Dispose();
        _tree.Dispose();
    }

    [Fact]
    public async Task A_disk_becomes_operational_ceases_to_be_and_becomes_so_again()
    {
        await StartAsync("while read -r number name; do echo \"$number 100 read\"; done");
        await UntilAsync(condition => condition.Operational);
        _tree.SessionIs(1, "FREE", "failed", "transport-offline");
        DiskCondition down = await UntilAsync(condition => !condition.Operational);
        Assert.Contains("session1 to iqn.2026-01.org.example:array1 is FREE", down.Text, StringComparison.Ordinal);
        _tree.SessionIs(1, "LOGGED_IN", "up", "running");
        DiskCondition up = await UntilAsync(condition => condition.Operational);
        Assert.Contains("is FREE", up.Fault?.Text ?? down.Fault!.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_of_the_kernels_log_reaches_the_gate_as_evidence()
    {
        await StartAsync("while read -r number name; do echo \"$number 100 read\"; done");
        await UntilAsync(condition => condition.Operational);
        long microseconds = Stopwatch.GetTimestamp() / 1000;
        _kernelLog.Write(Encoding.ASCII.GetBytes($"3,7,{microseconds},-;I/O error, dev sda, sector 8 op 0x1:(WRITE)\n"));
        DiskCondition condition = await UntilAsync(one => one.InterruptedAt is not null);
        Assert.Equal("I/O error, dev sda, sector 8 op 0x1:(WRITE)", condition.Fault!.Text);
        Assert.InRange(condition.InterruptedAt!.Value, TimeSpan.FromMinutes(-1), _clock.Now.Elapsed);
    }

    [Fact]
    public async Task What_the_backends_did_is_told_with_the_looks()
    {
        _tree.Backend(5, _disk);
        await StartAsync("while read -r number name; do echo \"$number 100 read\"; done");
        Assert.Equal([new BackendActivity(new DomainId(5), 210)], await UntilAsync(told => told.Backends is { Count: > 0 } some ? some : null));
    }

    [Fact]
    public async Task A_reading_child_that_never_answers_closes_the_gate_and_holds_nobody_up()
    {
        await StartAsync("exec sleep 1000");
        DiskCondition condition = await UntilAsync(one => one.Fault is not null);
        Assert.Contains("a direct read of sda has not returned for", condition.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reading_child_that_dies_is_started_again()
    {
        await StartAsync($"test -e {_tree.Root}/once || {{ touch {_tree.Root}/once; exit 1; }}\n"
            + "while read -r number name; do echo \"$number 100 read\"; done");
        await UntilAsync(condition => condition.Operational);
    }

    [Fact]
    public async Task A_reader_that_is_not_there_leaves_the_gate_closed()
    {
        await StartAsync(script: null);
        DiskCondition condition = await UntilAsync(_ => true);
        Assert.False(condition.Operational);
        Assert.Contains("a direct read of sda is awaited", condition.Text, StringComparison.Ordinal);
    }

    private async Task StartAsync(string? script)
    {
        string reader = Path.Combine(_tree.Root, "reader");
        if (script is not null)
        {
            File.WriteAllText(reader, $"#!/bin/sh\n{script}\n");
            File.SetUnixFileMode(reader, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        _parts = new StorageParts
        {
            Files = _tree.Files,
            KernelLog = KernelLog.TryOpen(Path.Combine(_tree.Root, "kmsg")),
            ReaderProgram = reader,
        };
        var disks = new WatchedDisks(_clock, _wake);
        _watch = new StorageWatch(_parts, disks, _wake, _inputs, _clock, NullLogger<StorageWatch>.Instance);
        disks.Watch(new DomainId(5), [_disk]);
        await _watch.StartAsync(TestContext.Current.CancellationToken);
    }

    private Task<DiskCondition> UntilAsync(Func<DiskCondition, bool> isWanted)
        => UntilAsync(told => told.Conditions.FirstOrDefault(isWanted));

    private async Task<T> UntilAsync<T>(Func<BridgeInput.DisksChecked, T?> find)
        where T : class
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Patience);
        await foreach (BridgeInput input in _inputs.ReadAllAsync(limit.Token))
        {
            if (find((BridgeInput.DisksChecked)input) is { } found)
            {
                return found;
            }
        }

        throw new TimeoutException("the watch says nothing");
    }
}
