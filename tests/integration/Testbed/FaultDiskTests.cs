using System.Globalization;
using Testbed.Domains;
using Testbed.Linux;
using Xunit;

namespace Tests.Integration.Testbed;

/// <summary>The disk that fails and blocks when told does so, and nothing else.</summary>
public sealed class FaultDiskTests : IAsyncLifetime
{
    private const long SizeBytes = 8 * 1024 * 1024;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LongEnoughToFinish = TimeSpan.FromSeconds(1);

    private readonly string _folder = Directory.CreateTempSubdirectory("fault-disk-test-").FullName;
    private FaultDisk? _disk;

    private FaultDisk Disk => _disk!;

    public async ValueTask InitializeAsync()
    {
        if (FaultDisk.WhyNot() is { } reason)
        {
            Assert.Skip(reason);
        }

        _disk = await FaultDisk.CreateAsync(Path.Combine(_folder, "disk"), SizeBytes);
    }

    public async ValueTask DisposeAsync()
    {
        if (_disk is not null)
        {
            await _disk.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task What_was_written_is_read_back_and_each_kind_of_request_is_counted()
    {
        string file = Path.Combine(_folder, "content");
        await File.WriteAllBytesAsync(
            file, [.. Enumerable.Range(0, 64 * 1024).Select(i => (byte)i)], TestContext.Current.CancellationToken);
        FaultCounts before = await Disk.CountsAsync();
        await Tool.RequireAsync("dd", $"if={file}", $"of={Disk.Loop.Path}", "bs=64k", "oflag=direct", "conv=fsync");
        FaultCounts written = await Disk.CountsAsync();
        await Tool.RequireAsync("cmp", "-n", "65536", file, Disk.Loop.Path);
        FaultCounts read = await Disk.CountsAsync();

        Assert.True(written.Writes > before.Writes, $"{written}");
        Assert.True(written.Flushes > before.Flushes, $"{written}");
        Assert.True(read.Reads > written.Reads, $"{read}");
        Assert.Equal((0, 0), (read.Failed, read.Blocked));
    }

    [Theory]
    [InlineData(FaultMode.Pass, "reads writes flushes")]
    [InlineData(FaultMode.FailAll, "")]
    [InlineData(FaultMode.FailWrites, "reads")]
    [InlineData(FaultMode.FailFlushes, "reads writes")]
    [InlineData(FaultMode.FailReads, "writes flushes")]
    public async Task A_mode_fails_what_it_names_and_serves_the_rest(FaultMode mode, string served)
    {
        await Disk.SetModeAsync(mode);
        Assert.Equal(served, await WhatIsServedAsync());
        Assert.Equal(mode == FaultMode.Pass, (await Disk.CountsAsync()).Failed == 0);
        await Disk.SetModeAsync(FaultMode.Pass);
        Assert.Equal("reads writes flushes", await WhatIsServedAsync());
    }

    [Theory]
    [InlineData(FaultMode.BlockAll, false)]
    [InlineData(FaultMode.BlockWrites, true)]
    public async Task Blocked_requests_wait_while_the_disk_still_listens_and_are_served_when_released(
        FaultMode mode, bool readsGoOn)
    {
        await Disk.SetModeAsync(mode);
        // More than the kernel by default lets wait on one FUSE connection (12).
        Task<ToolResult>[] writers = [.. Enumerable.Range(0, 20).Select(WriteAsync)];
        await UntilBlockedAsync(20);
        Task<ToolResult> reader = ReadAsync();
        if (readsGoOn)
        {
            Assert.Equal(0, (await WithinLimit(reader)).ExitCode);
        }

        await Task.Delay(LongEnoughToFinish, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(writers, writer => writer.IsCompleted);
        Assert.Equal(readsGoOn, reader.IsCompleted);

        await Disk.SetModeAsync(FaultMode.Pass);
        Assert.All(await WithinLimit(Task.WhenAll(writers)), result => Assert.Equal(0, result.ExitCode));
        Assert.Equal(0, (await WithinLimit(reader)).ExitCode);
        Assert.Equal(0, (await Disk.CountsAsync()).Blocked);
    }

    [Fact]
    public async Task Blocked_requests_fail_when_the_next_mode_fails_them()
    {
        await Disk.SetModeAsync(FaultMode.BlockAll);
        Task<ToolResult> writer = WriteAsync(0);
        await UntilBlockedAsync(1);
        await Disk.SetModeAsync(FaultMode.FailWrites);
        Assert.NotEqual(0, (await WithinLimit(writer)).ExitCode);
    }

    [Fact]
    public async Task A_disk_that_is_taken_away_while_requests_are_blocked_serves_them_and_is_gone()
    {
        await Disk.SetModeAsync(FaultMode.BlockAll);
        Task<ToolResult> writer = WriteAsync(0);
        await UntilBlockedAsync(1);
        string name = Disk.Loop.Name;

        await Disk.DisposeAsync();
        _disk = null;

        Assert.Equal(0, (await WithinLimit(writer)).ExitCode);
        Assert.False(File.Exists($"/sys/block/{name}/loop/backing_file"));
    }

    [Fact]
    public async Task When_its_program_is_killed_blocked_requests_fail_instead_of_hanging()
    {
        await Disk.SetModeAsync(FaultMode.BlockAll);
        Task<ToolResult> writer = WriteAsync(0);
        await UntilBlockedAsync(1);

        await Tool.RequireAsync("kill", "-KILL", Disk.ProcessId.ToString(CultureInfo.InvariantCulture));

        Assert.NotEqual(0, (await WithinLimit(writer)).ExitCode);
    }

    private static Task<T> WithinLimit<T>(Task<T> task)
        => task.WaitAsync(Limit, TestContext.Current.CancellationToken);

    private Task<ToolResult> WriteAsync(int block) => Tool.RunAsync(
        "dd", "if=/dev/zero", $"of={Disk.Loop.Path}", "bs=4k", "count=1", $"seek={block}", "oflag=direct",
        "conv=notrunc");

    private Task<ToolResult> ReadAsync()
        => Tool.RunAsync("dd", $"if={Disk.Loop.Path}", "of=/dev/null", "bs=4k", "count=1", "skip=1000", "iflag=direct");

    private async Task<string> WhatIsServedAsync()
    {
        List<string> served = [];
        foreach ((string kind, Task<ToolResult> run) in ((string, Task<ToolResult>)[])
            [("reads", ReadAsync()), ("writes", WriteAsync(0)), ("flushes", Tool.RunAsync("sync", Disk.Loop.Path))])
        {
            if ((await WithinLimit(run)).ExitCode == 0)
            {
                served.Add(kind);
            }
        }

        return string.Join(' ', served);
    }

    private async Task UntilBlockedAsync(long count)
    {
        long start = TimeProvider.System.GetTimestamp();
        while ((await Disk.CountsAsync()).Blocked < count)
        {
            Assert.True(
                TimeProvider.System.GetElapsedTime(start) < Limit, $"not {count} blocked: {await Disk.CountsAsync()}");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
