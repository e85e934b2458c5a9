using System.Collections.Concurrent;
using Testbed.Domains;
using Xunit;

namespace Tests.Integration.Detection;

/// <summary>
/// Runs the rows of the matrix, once each, those that share an agent at the same time, and writes down what came of
/// them: <c>out/detection-matrix.md</c>, from which <c>make matrix WRITE=1</c> carries it into DETECTION.md.
/// </summary>
public sealed class MatrixStage : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("matrix-").FullName;
    private readonly ConcurrentDictionary<string, Lazy<Task<IReadOnlyList<RowRun>>>> _groups = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>What came of a row; it runs now, with its whole group, unless it has run.</summary>
    internal async Task<RowRun> RunAsync(string filesystem, string fault)
    {
        if (FaultDisk.WhyNot() is { } reason)
        {
            Assert.Skip(reason);
        }

        IReadOnlyList<DetectionRow> rows = DetectionRows.Together(filesystem);
        string folder = Path.Combine(_folder, $"{rows[0].Type}-{rows[0].Options.Split('=')[^1]}");
        IReadOnlyList<RowRun> runs = await _groups
            .GetOrAdd(folder, _ => new(() => new MatrixGroup(rows, folder).RunAsync())).Value;
        RowRun run = runs.Single(one => one.Row.Filesystem == filesystem && one.Row.Fault == fault);
        return run.Failure is null
            ? run
            : throw new InvalidOperationException($"the row did not run:\n{run}", run.Failure);
    }

    public async ValueTask DisposeAsync()
    {
        List<RowRun> runs = [];
        foreach (string group in _groups.Keys.Order(StringComparer.Ordinal))
        {
            runs.AddRange(await _groups[group].Value);
        }

        if (runs.Count > 0)
        {
            await MatrixTable.WriteAsync(runs);
        }

        Directory.Delete(_folder, recursive: true);
    }
}
