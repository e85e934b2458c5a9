using Testbed.Agents;
using Xunit;

namespace Tests.Integration.Detection;

/// <summary>
/// What befalls real filesystems, and what the published agent says of it. The rows, with what they expect, stand in
/// <see cref="DetectionRows"/>.
/// </summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class DetectionMatrixTests(MatrixStage stage) : IClassFixture<MatrixStage>
{
    public static MatrixTheoryData<string, string> Extended { get; } =
        new(DetectionRows.ExtendedFilesystems, DetectionRows.ExtendedFaults);

    public static TheoryData<string, string> Others { get; } =
        new(DetectionRows.Others.Select(row => (row.Filesystem, row.Fault)));

    [Theory]
    [MemberData(nameof(Extended))]
    [MemberData(nameof(Others))]
    public async Task The_agent_tells_what_befalls_a_filesystem(string filesystem, string fault)
    {
        RowRun run = await stage.RunAsync(filesystem, fault);
        Assert.True(run.First?.IsAsExpected, run.ToString());
    }

    [Theory]
    [MemberData(nameof(Extended))]
    [MemberData(nameof(Others))]
    public async Task An_agent_that_starts_afterwards_tells_the_same(string filesystem, string fault)
    {
        RowRun run = await stage.RunAsync(filesystem, fault);
        Assert.True(run.Later?.IsAsExpected, run.ToString());
    }

    [Theory]
    [MemberData(nameof(Extended))]
    [MemberData(nameof(Others))]
    public async Task Once_it_is_mended_nothing_is_held_against_it(string filesystem, string fault)
    {
        RowRun run = await stage.RunAsync(filesystem, fault);
        Assert.True(run.Mended?.IsAsExpected, run.ToString());
    }
}
