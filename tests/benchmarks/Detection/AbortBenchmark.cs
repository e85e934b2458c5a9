using System.Diagnostics;
using System.Globalization;
using Protocol.Health;
using Spectre.Console;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Xenstore;

namespace Benchmarks.Detection;

/// <summary>
/// How long it takes from the kernel's "Aborting journal" to the agent's report in xenstore. The agent is the published
/// one, the filesystem a real ext4 with errors=remount-ro on a loop device; between two aborts it is unmounted, checked
/// and mounted again under the same agent, and the next abort comes at a random moment.
/// </summary>
internal sealed class AbortBenchmark : IAsyncDisposable
{
    private const int TriggeredAborts = 100;
    private const int NaturalAborts = 20;
    private const int SilentAborts = 6;
    private const int SilentIntervalSeconds = 5;

    /// <summary>Only what never comes meets it.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1.5);
    private static readonly Expectation Aborted = new(Verdict.JournalAborted, Hidden: true);
    private static readonly Expectation Writable = new(Verdict.Writable, Hidden: false);

    private readonly string _folder = Directory.CreateTempSubdirectory("benchmark-").FullName;
    private readonly KernelLogPeer _log = new();
    private readonly Table _table = new() { Border = TableBorder.Markdown };
    private readonly EmbeddedXenstore _xenstore;
    private double _alignedWithinUs;

    private AbortBenchmark()
    {
        _xenstore = new EmbeddedXenstore(Directory.CreateDirectory(Path.Combine(_folder, "store")).FullName);
        _table.AddColumns("abort", "aborts", "milliseconds to the report, from", "p50", "p95", "p99", "max");
    }

    public static async Task<int> RunAsync()
    {
        if (FaultDisk.WhyNot() is { } reason)
        {
            Console.Error.WriteLine($"benchmarks: {reason}");
            return 1;
        }

        await using var benchmark = new AbortBenchmark();
        await benchmark.MeasureToldAsync();
        await benchmark.MeasureSilentAsync();
        benchmark.Print();
        return 0;
    }

    public async ValueTask DisposeAsync()
    {
        await _xenstore.DisposeAsync();
        _log.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task MeasureToldAsync()
    {
        await using FaultyFilesystem filesystem = await CreateAsync("told", "errors=remount-ro");
        await using WatchingAgent agent = WatchingAgent.Start(_xenstore, 1, Path.Combine(_folder, "agent"));
        await RepeatAsync(
            "triggered by hand", TriggeredAborts, agent, filesystem,
            () => filesystem.ShellAsync("echo benchmark >/sys/fs/ext4/$2/trigger_fs_error"));
        await RepeatAsync("I/O errors on writes", NaturalAborts, agent, filesystem, async () =>
        {
            await filesystem.Disk.SetModeAsync(FaultMode.FailWrites);
            await filesystem.ShellAsync(
                "dd if=/dev/zero of=\"$1/victim\" bs=4k count=4 conv=fsync 2>/dev/null || true");
        });
        await agent.Process.StopAsync();
    }

    private async Task RepeatAsync(
        string name, int count, WatchingAgent agent, FaultyFilesystem filesystem, Func<Task> abort)
    {
        var afterLine = new List<double>();
        var afterReader = new List<double>();
        for (int i = 0; i < count; i++)
        {
            Require(await agent.WatchAsync(filesystem.Path, Writable, Stopwatch.GetTimestamp(), Limit));
            await Task.Delay(LongestPause * Random.Shared.NextDouble());
            _log.Skip();
            long start = Stopwatch.GetTimestamp();
            await abort();
            LogRecord line = await _log.WaitForAsync("Aborting journal", $"{filesystem.Disk.Loop.Name}-");
            Sighting report = await agent.WatchAsync(filesystem.Path, Aborted, start, Limit);
            Require(report);
            double reportUs = KernelLogPeer.ToMicroseconds(start) + report.After.TotalMicroseconds;
            (double offsetUs, double withinUs) = await _log.AlignAsync();
            _alignedWithinUs = Math.Max(_alignedWithinUs, withinUs);
            afterLine.Add((reportUs - line.TimeUs - offsetUs) / 1000);
            afterReader.Add((reportUs - KernelLogPeer.ToMicroseconds(line.ReadAt)) / 1000);
            await filesystem.RepairAsync();
        }

        AddRow(name, "the time stamp of the kernel's line", afterLine);
        AddRow(name, "the moment a waiting reader of the log has it", afterReader);
    }

    /// <summary>
    /// The commit thread meets the error, nothing touches the filesystem afterwards, and the agent has no kernel log.
    /// </summary>
    private async Task MeasureSilentAsync()
    {
        var after = new List<double>();
        await using FaultyFilesystem filesystem = await CreateAsync("silent", "errors=remount-ro,commit=1");
        for (int i = 0; i < SilentAborts; i++)
        {
            await using WatchingAgent agent = WatchingAgent.StartIn(
                [
                    // A socket cannot be opened as a file.
                    "unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /dev/kmsg && exec \"$@\"",
                    _xenstore.SocketPath,
                ],
                _xenstore, 2 + i, Path.Combine(_folder, "agent"), "--data-interval", $"{SilentIntervalSeconds}");
            Require(await agent.WatchAsync(filesystem.Path, Writable, Stopwatch.GetTimestamp(), Limit));
            await Task.Delay(TimeSpan.FromSeconds(SilentIntervalSeconds) * Random.Shared.NextDouble());
            _log.Skip();
            long start = Stopwatch.GetTimestamp();
            await filesystem.Disk.SetModeAsync(FaultMode.FailWrites);
            await filesystem.ShellAsync("touch \"$1/old-file\"");
            LogRecord line = await _log.WaitForAsync("Aborting journal", $"{filesystem.Disk.Loop.Name}-");
            await filesystem.Disk.SetModeAsync(FaultMode.Pass);
            Sighting report = await agent.WatchAsync(filesystem.Path, Aborted, start, Limit);
            Require(report);
            after.Add((start - line.ReadAt) * 1e3 / Stopwatch.Frequency + report.After.TotalMilliseconds);
            await agent.Process.StopAsync();
            await filesystem.RepairAsync();
        }

        AddRow($"silent (probed every {SilentIntervalSeconds} s)", "the abort, of which nothing tells", after);
    }

    private Task<FaultyFilesystem> CreateAsync(string name, string options)
        => FaultyFilesystem.CreateAsync(Path.Combine(_folder, name), "ext4", options);

    private static void Require(Sighting sighting)
    {
        if (!sighting.IsAsExpected)
        {
            throw new TimeoutException($"no report of it within {Limit.TotalSeconds} s; the agent says {sighting}");
        }
    }

    private void AddRow(string abort, string from, List<double> milliseconds)
    {
        double[] sorted = [.. milliseconds.Order()];
        _table.AddRow(
            abort, $"{sorted.Length}", from, Text(Percentile(50)), Text(Percentile(95)), Text(Percentile(99)),
            Text(sorted[^1]));

        // Nearest rank.
        double Percentile(int percent) => sorted[((sorted.Length * percent) + 99) / 100 - 1];
        string Text(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);
    }

    private void Print()
    {
        AnsiConsole.Profile.Width = 140;
        AnsiConsole.Write(_table);
        AnsiConsole.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"The kernel's time stamps were aligned "
            + $"to this program's clock after each abort, by records of its own, within {_alignedWithinUs:0} us."));
    }
}
