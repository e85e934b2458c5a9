using GuestAgent;
using GuestAgent.Detection;
using Protocol.Health;
using Protocol.Kernel;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>Probes that do not come back.</summary>
public sealed class HangTests
{
    private static readonly DeviceNumber Device = new(202, 1);

    private static AgentStage Hanging()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Pass(1);
        stage.Observe(new Observation.ActivitySampled(Device, new BlockActivity(0, 500, false)));
        stage.ProbesMeet(1, "never");
        stage.Observe(new Observation.ProbeWanted(Device));
        return stage;
    }

    [Fact]
    public void Slow_after_two_seconds_hung_after_five_when_nothing_completes()
    {
        AgentStage stage = Hanging();
        stage.Pass(1.9);
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
        stage.Observe(new Observation.ActivitySampled(Device, new BlockActivity(4, 500, false)));
        stage.Pass(1);
        Assert.Equal(Verdict.Slow, stage.Health(1).Verdict);
        stage.Pass(3);
        Assert.Equal(Verdict.Hung, stage.Health(1).Verdict);
        Assert.True(stage.Health(1).Hidden);
    }

    [Fact]
    public void A_guest_that_was_paused_in_the_midst_of_a_probe_does_not_call_its_disk_slow_or_hung()
    {
        AgentStage stage = Hanging();
        stage.Observe(new Observation.ActivitySampled(Device, new BlockActivity(1, 500, false)));
        stage.StandStill(600);
        stage.Observe(new Observation.ActivitySampled(Device, new BlockActivity(1, 500, false)));
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
        stage.ProbesMeet(1, "ok");
        stage.Observe(new Observation.ProbeFinished(
            Device, stage.LastProbeId, new ProbeResult(ProbeStep.Done, ProbeResult.Ok, TimeSpan.FromSeconds(600))));
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
    }

    [Fact]
    public void A_thin_pool_without_room_for_a_block_that_was_written_before_is_a_failing_device()
    {
        AgentStage stage = Hanging();
        stage.Observe(new Observation.ProbeFinished(
            Device, stage.LastProbeId, new ProbeResult(ProbeStep.Sync, "ENOSPC", TimeSpan.Zero)));
        Assert.Equal(Verdict.DeviceFailing, stage.Health(1).Verdict);
    }

    [Fact]
    public void A_disk_that_hangs_after_a_pause_is_found_to_hang()
    {
        AgentStage stage = Hanging();
        stage.StandStill(600);
        stage.Observe(new Observation.ActivitySampled(Device, new BlockActivity(1, 500, false)));
        stage.Pass(5.5);
        Assert.Equal(Verdict.Hung, stage.Health(1).Verdict);
    }

    [Fact]
    public void A_device_that_completes_writes_is_slow_and_not_hung()
    {
        AgentStage stage = Hanging();
        for (int second = 0; second < 60; second++)
        {
            stage.Pass(1);
            stage.Observe(new Observation.ActivitySampled(Device, new BlockActivity(4, 501 + second, false)));
        }

        Assert.Equal(Verdict.Slow, stage.Health(1).Verdict);
    }

    [Fact]
    public void Two_minutes_without_one_completed_probe_are_a_hang_whatever_else_completes()
    {
        AgentStage stage = Hanging();
        for (int second = 0; second < 121; second++)
        {
            stage.Pass(1);
            stage.Observe(new Observation.ActivitySampled(Device, new BlockActivity(4, 501 + second, false)));
        }

        Assert.Equal(Verdict.Hung, stage.Health(1).Verdict);
    }

    [Fact]
    public void Stuck_with_nothing_in_flight_is_unknown()
    {
        AgentStage stage = Hanging();
        stage.Pass(8);
        Assert.Equal(Verdict.Unknown, stage.Health(1).Verdict);
    }

    [Fact]
    public void A_frozen_filesystem_is_told_as_such_and_neither_probed_again_nor_acted_on()
    {
        AgentStage stage = Hanging();
        int probes = stage.Probes;
        stage.Pass(2);
        stage.Observe(new Observation.FreezeWaitSeen(Device, "percpu_rwsem_wait"));
        stage.Kernel(KernelLineKind.DeviceTimeout, 1);
        stage.Request("r-1", "reboot");
        stage.Pass(600);
        Assert.Equal(Verdict.Frozen, stage.Health(1).Verdict);
        Assert.False(stage.Health(1).Hidden);
        Assert.Contains(new Evidence(EvidenceKind.FreezeWait, "percpu_rwsem_wait"), stage.Health(1).Evidence);
        Assert.Equal(probes, stage.Probes);
        Assert.Empty(stage.Remedies);
    }

    [Fact]
    public void Right_after_a_hang_ends_the_probe_is_late_and_not_unknown()
    {
        AgentStage stage = Hanging();
        stage.Observe(new Observation.ActivitySampled(Device, new BlockActivity(4, 500, false)));
        stage.Pass(30);
        Assert.Equal(Verdict.Hung, stage.Health(1).Verdict);
        stage.Observe(new Observation.ActivitySampled(Device, new BlockActivity(0, 504, false)));
        Assert.Equal(Verdict.Slow, stage.Health(1).Verdict);
        stage.Pass(6);
        Assert.Equal(Verdict.Unknown, stage.Health(1).Verdict);
    }

    [Fact]
    public void Lost_records_of_the_kernel_log_ask_for_probes_but_not_of_a_dead_filesystem()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/dead", 2), "EROFS").Start();
        stage.Pass(10);
        Assert.Equal(Verdict.JournalAborted, stage.Health(2).Verdict);
        stage.Effects.Clear();
        stage.Observe(new Observation.EventsLost());
        stage.Pass(0.6);
        AgentEffect.StartProbe started = Assert.Single(stage.Effects.OfType<AgentEffect.StartProbe>());
        Assert.True(started.Mount.MountPoint.IsRoot);
    }

    [Fact]
    public void A_line_that_names_no_device_asks_for_a_probe_and_proves_nothing()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Pass(1);
        stage.Effects.Clear();
        stage.Observe(new Observation.KernelLineSeen(
            new KernelLine(KernelLineKind.JournalAborted, null, stage.Now.SinceBoot)));
        stage.Pass(0.6);
        Assert.NotEmpty(stage.Effects.OfType<AgentEffect.StartProbe>());
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
        Assert.Equal([new Evidence(EvidenceKind.Probe, "ok")], stage.Health(1).Evidence);
    }

    [Fact]
    public void A_stuck_probe_never_multiplies()
    {
        AgentStage stage = Hanging();
        int probes = stage.Probes;
        stage.Kernel(KernelLineKind.DeviceError, 1);
        stage.Request("r-1", "reboot");
        stage.Pass(600);
        Assert.Equal(probes, stage.Probes);
    }

    [Fact]
    public void A_hang_that_ends_is_cleared_by_the_same_probe()
    {
        AgentStage stage = Hanging();
        stage.Observe(new Observation.ActivitySampled(Device, new BlockActivity(4, 500, false)));
        stage.Pass(30);
        Assert.Equal(Verdict.Hung, stage.Health(1).Verdict);
        stage.ProbesMeet(1, "ok");
        stage.ProbeReturns(1, stage.LastProbeId, "ok");
        stage.Pass(2);
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
    }

    [Fact]
    public void A_dead_root_is_probed_every_five_minutes_and_does_not_feed_itself()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1), probe: "EROFS").Start();
        stage.Pass(5);
        int before = stage.Probes;
        for (int second = 0; second < 600; second++)
        {
            stage.Pass(1);
            stage.Kernel(KernelLineKind.JournalAborted, 1);
            stage.Kernel(KernelLineKind.FilesystemError, 1);
            stage.Kernel(KernelLineKind.DeviceError, 1);
            stage.Kernel(KernelLineKind.WriteLost, 1);
            stage.Observe(new Observation.ErrorsCountRead(Device, second));
        }

        Assert.InRange(stage.Probes - before, 1, 3);
    }

    [Fact]
    public void A_probe_of_a_dead_root_that_comes_late_neither_hides_the_abort_nor_asks_for_another()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1), probe: "EROFS").Start();
        stage.Pass(30);
        stage.ProbesMeet(1, "never");
        stage.Observe(new Observation.ProbeWanted(Device));
        stage.Pass(1);
        int before = stage.Probes;
        stage.Pass(3);
        Assert.Equal(Verdict.JournalAborted, stage.Health(1).Verdict);
        stage.Pass(7);
        Assert.Equal(Verdict.JournalAborted, stage.Health(1).Verdict);
        stage.Observe(new Observation.ActivitySampled(Device, new BlockActivity(4, 500, false)));
        stage.Pass(20);
        Assert.Equal(Verdict.Hung, stage.Health(1).Verdict);
        stage.Kernel(KernelLineKind.DeviceError, 1);
        stage.Kernel(KernelLineKind.FilesystemError, 1);
        stage.Observe(new Observation.ErrorsCountRead(Device, 99));
        stage.Observe(new Observation.ActivitySampled(Device, new BlockActivity(0, 501, false)));
        stage.ProbesMeet(1, "EROFS");
        stage.ProbeReturns(1, stage.LastProbeId, "EROFS");
        stage.Pass(200);
        Assert.Equal(Verdict.JournalAborted, stage.Health(1).Verdict);
        Assert.Equal(before, stage.Probes);
    }

    [Fact]
    public void An_abort_a_moment_after_a_probe_is_judged_at_once_and_once()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Pass(10);
        stage.Kernel(KernelLineKind.DeviceError, 1);
        int before = stage.Probes;
        stage.ProbesMeet(1, "EROFS");
        stage.Kernel(KernelLineKind.JournalAborted, 1);
        stage.Pass(0.01);
        Assert.Equal(Verdict.JournalAborted, stage.Health(1).Verdict);
        Assert.Equal(before + 1, stage.Probes);

        stage.Kernel(KernelLineKind.JournalAborted, 1);
        stage.Pass(10);
        Assert.InRange(stage.Probes - before, 1, 2);
    }

    [Fact]
    public void Probes_lost_with_their_process_are_asked_again()
    {
        AgentStage stage = Hanging();
        stage.Pass(3);
        stage.ProbesMeet(1, "ok");
        stage.Observe(new Observation.ProbeLost(Device, stage.LastProbeId));
        stage.Pass(1);
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
    }

    [Fact]
    public void A_probe_that_an_earlier_agent_began_is_still_hung_since_then_and_gets_no_second_beside_it()
    {
        var stage = new AgentStage { StuckSince = AgentStage.Beginning + -TimeSpan.FromMinutes(7), StuckCompletions = 500 };
        stage.With(AgentStage.Ext("/", 1), probe: "never").Start();
        stage.Observe(new Observation.ActivitySampled(Device, new BlockActivity(3, 500, false)));
        Assert.Equal(Verdict.Hung, stage.Health(1).Verdict);
        Assert.Equal(AgentStage.Beginning.WallClock.AddMinutes(-7), stage.Health(1).Since);
        stage.Pass(300);
        Assert.Equal(0, stage.Probes);

        stage.StuckSince = null;
        stage.ProbesMeet(1, "ok");
        stage.Observe(new Observation.ProbeLost(Device, AgentStage.StuckProbeId));
        stage.Pass(2);
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
    }

    [Fact]
    public void What_completed_while_no_agent_looked_is_no_frozen_queue()
    {
        var stage = new AgentStage { StuckSince = AgentStage.Beginning + -TimeSpan.FromSeconds(20), StuckCompletions = 500 };
        stage.With(AgentStage.Ext("/", 1), probe: "never").Start();
        stage.Observe(new Observation.ActivitySampled(Device, new BlockActivity(3, 777, false)));
        Assert.Equal(Verdict.Slow, stage.Health(1).Verdict);
        stage.Pass(6);
        Assert.Equal(Verdict.Hung, stage.Health(1).Verdict);
        Assert.Equal(AgentStage.Beginning.WallClock.AddSeconds(-20), stage.Health(1).Since);
    }

    [Fact]
    public void A_hang_is_dated_from_the_probe_that_met_it()
    {
        AgentStage stage = Hanging();
        DateTimeOffset began = stage.Now.WallClock;
        stage.Observe(new Observation.ActivitySampled(Device, new BlockActivity(4, 500, false)));
        stage.Pass(30);
        Assert.Equal(Verdict.Hung, stage.Health(1).Verdict);
        Assert.InRange(stage.Health(1).Since - began, TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void Without_a_probe_process_nothing_is_known_and_nothing_spins()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Pass(1);
        stage.HasProbeProcess = false;
        int before = stage.Effects.Count(effect => effect is AgentEffect.StartProbe);
        stage.With(AgentStage.Ext("/new", 2)).ReadMounts();
        stage.Pass(60);
        Assert.Equal(Verdict.Unknown, stage.Health(1).Verdict);
        Assert.Equal(Verdict.Unknown, stage.Health(2).Verdict);
        Assert.InRange(stage.Effects.Count(effect => effect is AgentEffect.StartProbe) - before, 20, 130);
        stage.HasProbeProcess = true;
        stage.Pass(3);
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
    }

    [Fact]
    public void Before_the_first_report_the_loop_waits_and_does_not_spin()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1), probe: "never").Start();
        Assert.True(stage.NextWake.SinceBoot > stage.Now.SinceBoot);
    }

    [Fact]
    public void A_healthy_guest_sleeps_between_its_probes()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/srv", 2)).Start();
        int before = stage.Probes;
        stage.Pass(600);
        Assert.InRange(stage.Probes - before, 140, 190);
        Assert.DoesNotContain(stage.Effects, effect => effect is AgentEffect.RunRemedy);
    }
}
