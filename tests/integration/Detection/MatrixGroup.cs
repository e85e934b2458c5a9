using System.Diagnostics;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Linux;
using Testbed.Xenstore;

namespace Tests.Integration.Detection;

/// <summary>What came of a row.</summary>
internal sealed class RowRun(DetectionRow row)
{
    public DetectionRow Row { get; } = row;

    /// <summary>From the fault on, by an agent that was there.</summary>
    public Sighting? First { get; set; }

    /// <summary>From its start on, by an agent that found the filesystem broken.</summary>
    public Sighting? Later { get; set; }

    /// <summary>From the end of the mending on, by that second agent.</summary>
    public Sighting? Mended { get; set; }

    /// <summary>What the kernel said of the device.</summary>
    public List<string> KernelLines { get; } = [];

    /// <summary>Why the row did not run to its end.</summary>
    public Exception? Failure { get; set; }

    public override string ToString()
    {
        const int maxLines = 40;
        return $"""
            {Row.Filesystem}: {Row.Fault}
            expected: {Row.Expected}; of an agent that came later: {Row.ExpectedLater}
            first:    {First}
            later:    {Later}
            mended:   {Mended}
            kernel:   {string.Join("\n          ", KernelLines.Take(maxLines))}
            """;
    }
}

/// <summary>
/// The rows that one agent watches at the same time. It is there when everything breaks; then it ends, and one that
/// never ran before finds everything broken and sees it mended.
/// </summary>
internal sealed class MatrixGroup(IReadOnlyList<DetectionRow> rows, string folder)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly RowRun[] _runs = [.. rows.Select(row => new RowRun(row))];
    private readonly Dictionary<RowRun, FaultyFilesystem> _filesystems = [];

    /// <summary>Every agent of the matrix probes that often while nothing is wrong.</summary>
    public const int ProbeIntervalSeconds = 2;

    public async Task<IReadOnlyList<RowRun>> RunAsync()
    {
        using KernelLog log = KernelLog.OpenAtEnd();
        try
        {
            foreach (RowRun run in _runs)
            {
                string own = Path.Combine(folder, $"{_filesystems.Count}");
                _filesystems[run] = await FaultyFilesystem.CreateAsync(own, run.Row.Type, run.Row.Options);
            }

            await using var xenstore =
                new EmbeddedXenstore(Directory.CreateDirectory(Path.Combine(folder, "store")).FullName);
            await WatchItBreakAsync(xenstore);
            Collect(log);
            await FindItBrokenAsync(xenstore);
        }
        finally
        {
            foreach ((RowRun run, FaultyFilesystem filesystem) in _filesystems)
            {
                await TryAsync(run, async () => await filesystem.DisposeAsync());
            }

            Collect(log);
        }

        return _runs;
    }

    private async Task WatchItBreakAsync(EmbeddedXenstore xenstore)
    {
        await using WatchingAgent agent = StartAgent(xenstore, 1);
        await EachAsync(async (run, filesystem) =>
        {
            Sighting healthy = await agent.WatchAsync(
                filesystem.Path, Expectation.Healthy, Stopwatch.GetTimestamp(), Limit);
            if (!healthy.IsAsExpected)
            {
                throw new InvalidOperationException($"before anything befell it the agent said: {healthy}");
            }
        });
        await EachAsync(async (run, filesystem) =>
        {
            long start = Stopwatch.GetTimestamp();
            await run.Row.Break(filesystem);
            run.First = await agent.WatchAsync(filesystem.Path, run.Row.Expected, start, Limit);
        });
        await agent.Process.StopAsync();
    }

    private async Task FindItBrokenAsync(EmbeddedXenstore xenstore)
    {
        long start = Stopwatch.GetTimestamp();
        await using WatchingAgent agent = StartAgent(xenstore, 2);
        await EachAsync(async (run, filesystem) =>
            run.Later = await agent.WatchAsync(filesystem.Path, run.Row.ExpectedLater, start, Limit));
        await EachAsync(async (run, filesystem) =>
        {
            await run.Row.Mend(filesystem);
            run.Mended = await agent.WatchAsync(
                filesystem.Path, Expectation.Healthy, Stopwatch.GetTimestamp(), Limit);
        });
        await agent.Process.StopAsync();
    }

    private WatchingAgent StartAgent(EmbeddedXenstore xenstore, int domainId) => WatchingAgent.Start(
        xenstore, domainId, Path.Combine(folder, $"agent-{domainId}"), "--data-interval", $"{ProbeIntervalSeconds}");

    /// <summary>All rows at the same time; one that fails keeps no other from going on.</summary>
    private Task EachAsync(Func<RowRun, FaultyFilesystem, Task> step)
        => Task.WhenAll(_runs
            .Where(run => run.Failure is null)
            .Select(run => TryAsync(run, () => step(run, _filesystems[run]))));

    private static async Task TryAsync(RowRun run, Func<Task> step)
    {
        try
        {
            await step();
        }
#pragma warning disable CA1031 // The row's own test throws it.
        catch (Exception failed)
#pragma warning restore CA1031
        {
            run.Failure ??= failed;
        }
    }

    private void Collect(KernelLog log)
    {
        while (log.ReadLine() is { } line)
        {
            foreach (RowRun run in _filesystems.Keys.Where(run => _filesystems[run].IsNamedIn(line)))
            {
                run.KernelLines.Add(line);
            }
        }
    }
}
