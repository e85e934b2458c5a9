using GuestAgent;
using GuestAgent.Detection;
using Protocol.Health;
using Protocol.Kernel;
using Protocol.Xenstore;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>An agent whose clock stands still, or whose probes do not start, says nothing good.</summary>
public sealed class StoppedProbingTests
{
    private static readonly TimeSpan Count = TimeSpan.FromSeconds(5);

    [Fact]
    public void A_clock_that_stands_still_leaves_nothing_well()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/srv", 2)).Start();
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
        StandClockStill(stage);
        Assert.All([1, 2], minor => Assert.Equal(
            (Verdict.Unknown, new Evidence(EvidenceKind.ProbeRefused, AgentLoop.ClockStandsStill)),
            (stage.Health(minor).Verdict, stage.Health(minor).Evidence[0])));
        Assert.StartsWith("unknown unknown", stage.Xenstore[GuestKeys.State], StringComparison.Ordinal);
        Assert.StartsWith("unknown unknown", LastStatus(stage), StringComparison.Ordinal);
        Assert.Single(Warnings(stage), text => text.StartsWith("the clock stands still", StringComparison.Ordinal));
    }

    [Fact]
    public void When_the_clock_goes_on_the_next_probe_decides()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        StandClockStill(stage);
        int before = stage.Probes;
        LetTimePass(stage, 20);
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
        Assert.True(stage.Probes > before);
        Assert.Contains("the clock goes on", Warnings(stage));
    }

    [Fact]
    public void A_clock_that_stands_still_before_the_first_probe_came_back_is_reported_and_not_withheld()
    {
        AgentStage stage = new AgentStage { LosesProbes = true }.With(AgentStage.Ext("/", 1)).Start();
        Assert.DoesNotContain(GuestKeys.Filesystem(0), stage.Xenstore.Keys);
        StandClockStill(stage);
        Assert.Equal(
            (Verdict.Unknown, AgentLoop.ClockStandsStill),
            (stage.Slot(0).Health.Verdict, stage.Slot(0).Health.Evidence[0].Detail));
    }

    [Theory]
    [InlineData("EROFS", KernelLineKind.JournalAborted, Verdict.JournalAborted)]
    [InlineData("EIO", KernelLineKind.DeviceError, Verdict.DeviceFailing)]
    public void A_fault_stays_a_fault_while_the_clock_stands_still(string errno, KernelLineKind line, Verdict verdict)
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.ProbesMeet(1, errno);
        stage.Kernel(line, 1);
        stage.Pass(5);
        Assert.Equal(verdict, stage.Health(1).Verdict);
        StandClockStill(stage);
        Assert.Equal(verdict, stage.Health(1).Verdict);
    }

    [Theory]
    [InlineData(1.0)] // CLOCK_MONOTONIC
    [InlineData(100.0)] // CLOCK_BOOTTIME of a guest that was suspended
    [InlineData(0.7)] // The watch's thread waits for the processor, and counts less than passed; the clock is slewed.
    public void A_clock_that_goes_is_believed(double pace)
    {
        var check = new ClockCheck();
        Moment now = AgentStage.Beginning;
        for (int i = 0; i < 50; i++)
        {
            now += Count * pace;
            check.Counted(Count, now);
            Assert.False(check.StandsStill);
        }
    }

    [Fact]
    public void A_probe_that_is_due_and_never_starts_makes_a_filesystem_unknown_and_the_heartbeat_says_so()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.LosesProbes = true;
        stage.Pass(30);
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
        stage.Pass(70);
        Assert.Equal(Verdict.Unknown, stage.Health(1).Verdict);
        Assert.Equal(new Evidence(EvidenceKind.ProbeRefused, AgentLoop.ProbeOverdue), stage.Health(1).Evidence[0]);
        Assert.StartsWith("unknown unknown", stage.Xenstore[GuestKeys.State], StringComparison.Ordinal);
        Assert.NotEmpty(stage.Xenstore[GuestKeys.Heartbeat]);
        stage.LosesProbes = false;
        Assert.True(stage.NextWake.SinceBoot > stage.Now.SinceBoot, "a loop that waits for what never comes must sleep");
    }

    [Fact]
    public void A_guest_that_was_paused_for_an_hour_is_not_unknown_when_it_goes_on()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Pass(60);
        stage.Effects.Clear();
        stage.StandStill(3600);
        stage.Step(new AgentInput.TimeCounted(TimeSpan.Zero));
        stage.Pass(60);
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
        Assert.DoesNotContain(stage.Effects, effect => effect is AgentEffect.TellVerdict);
    }

    [Fact]
    public void A_probe_that_is_away_is_late_and_not_overdue()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.ProbesMeet(1, "never");
        stage.Pass(200);
        Assert.DoesNotContain(stage.Health(1).Evidence, fact => fact.Detail == AgentLoop.ProbeOverdue);
    }

    [Fact]
    public void The_status_file_is_written_again_with_each_heartbeat_and_says_until_when_it_holds()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        Assert.Contains(
            "written 2026-03-01T04:05:06.000Z uptime 1000 s, stale after uptime 1120 s\n", LastStatus(stage),
            StringComparison.Ordinal);
        stage.Effects.Clear();
        stage.Pass(300);
        long[] ends = [.. stage.Effects.OfType<AgentEffect.WriteStatus>().Select(write => StaleAfter(write.Text))];
        Assert.InRange(ends.Length, 4, 6);
        Assert.All(ends.Zip(ends.Skip(1)), pair => Assert.InRange(pair.Second, pair.First + 1, pair.First + 119));
    }

    private static void StandClockStill(AgentStage stage)
    {
        for (TimeSpan counted = TimeSpan.Zero; counted <= ClockCheck.Window; counted += Count)
        {
            stage.Step(new AgentInput.TimeCounted(Count));
        }
    }

    private static void LetTimePass(AgentStage stage, int seconds)
    {
        for (int passed = 0; passed < seconds; passed += 5)
        {
            stage.Pass(5);
            stage.Step(new AgentInput.TimeCounted(Count));
        }
    }

    private static string LastStatus(AgentStage stage) => stage.Effects.OfType<AgentEffect.WriteStatus>().Last().Text;

    private static IEnumerable<string> Warnings(AgentStage stage)
        => stage.Effects.OfType<AgentEffect.TellWarning>().Select(warning => warning.Text);

    private static long StaleAfter(string text)
    {
        const string mark = "stale after uptime ";
        string rest = text[(text.IndexOf(mark, StringComparison.Ordinal) + mark.Length)..];
        return long.Parse(rest[..rest.IndexOf(' ', StringComparison.Ordinal)], System.Globalization.CultureInfo.InvariantCulture);
    }
}
