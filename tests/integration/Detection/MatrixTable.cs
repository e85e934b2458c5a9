using System.Globalization;
using System.Text;
using Protocol.Health;
using Testbed.Agents;

namespace Tests.Integration.Detection;

/// <summary>The results as a table for people.</summary>
internal static class MatrixTable
{
    private const string Header = """
        | filesystem | what befell it | verdict | hidden | evidence | found after | first alarm | later | found after |
        |---|---|---|---|---|---:|---|---|---:|
        """;

    /// <summary>Writes <c>out/detection-matrix.md</c>.</summary>
    public static async Task WriteAsync(IReadOnlyList<RowRun> runs)
    {
        // The version alone: what follows the dash is a builder's name for it.
        string kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim().Split('-')[0];
        var text = new StringBuilder()
            .Append(CultureInfo.InvariantCulture, $"Linux {kernel}, a probe each ")
            .Append(CultureInfo.InvariantCulture, $"{MatrixGroup.ProbeIntervalSeconds} s while ")
            .Append("nothing is wrong, all rows of one filesystem at the same time. *Found after* is from the ")
            .Append("fault, and from the start of the agent, until the verdict is in xenstore; *first alarm* is a ")
            .Append("critical verdict before it.\n\n")
            .Append(Header).Append('\n');
        foreach (RowRun run in runs)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {run.Row.Filesystem} | {run.Row.Fault} | ")
                .Append(CultureInfo.InvariantCulture, $"{Verdict(run.First)} | {Hidden(run.First)} | ")
                .Append(CultureInfo.InvariantCulture, $"{run.First?.Evidence} | {After(run.First)} | ")
                .Append(CultureInfo.InvariantCulture, $"{Alarm(run.First)} | ")
                .Append(CultureInfo.InvariantCulture, $"{Verdict(run.Later)} | {After(run.Later)} |\n");
        }

        string file = Path.Combine(AgentProcess.RepositoryRoot, "out", "detection-matrix.md");
        await File.WriteAllTextAsync(file, text.ToString());
    }

    private static string Verdict(Sighting? sighting) => sighting switch
    {
        null or { Health: null } => "-",
        { IsAsExpected: true } => sighting.Health.Verdict.ToName(),
        _ => $"**not as expected:** {sighting.Health.Verdict.ToName()}",
    };

    private static string Hidden(Sighting? sighting) => sighting?.Health is { Hidden: true } ? "yes" : "";

    private static string Alarm(Sighting? sighting) => sighting?.FirstAlarm is { } alarm && alarm.After < sighting.After
        ? $"{alarm.Verdict.ToName()}, {Milliseconds(alarm.After)}"
        : "";

    private static string After(Sighting? sighting) => sighting is null ? "-" : Milliseconds(sighting.After);

    private static string Milliseconds(TimeSpan time)
        => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:F0} ms");
}
