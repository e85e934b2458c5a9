using GuestAgent;
using Protocol.Health;
using Protocol.Xenstore;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>What stands in xenstore, and when it is written.</summary>
public sealed class ReportingTests
{
    [Fact]
    public void The_first_report_says_the_truth_and_fits_the_budget()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/srv", 2)).Start();
        Assert.Equal("ok writable", stage.Xenstore[GuestKeys.State]);
        Assert.Equal("2", stage.Xenstore[GuestKeys.FilesystemCount]);
        Assert.Equal(AgentStage.Boot, stage.Xenstore[GuestKeys.BootId]);
        Assert.All(stage.Xenstore.Values, value => Assert.True(value.Length <= FieldLine.MaxLength));
    }

    [Fact]
    public void The_worst_filesystem_stands_first_and_only_changed_lines_are_written()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/srv", 2)).Start();
        stage.Pass(1);
        stage.ProbesMeet(2, "EROFS");
        stage.Pass(20);
        Assert.Equal("/srv", stage.Slot(0).Health.MountPoint.Encoded);
        Assert.Equal(Verdict.JournalAborted, stage.Slot(0).Health.Verdict);
        Assert.Equal("critical journal-aborted hidden", stage.Xenstore[GuestKeys.State]);
        stage.Effects.Clear();
        stage.Pass(50);
        Assert.All(
            stage.Effects.OfType<AgentEffect.WriteKey>(),
            write => Assert.Equal(GuestKeys.Heartbeat, write.Path));
    }

    [Fact]
    public void Sixteen_of_forty_filesystems_are_reported_and_all_are_counted()
    {
        var stage = new AgentStage();
        for (int minor = 1; minor <= 40; minor++)
        {
            stage.With(AgentStage.Ext(minor == 1 ? "/" : $"/srv/{minor}", minor), minor == 40 ? "EROFS" : "ok");
        }

        stage.Start();
        stage.Pass(1);
        Assert.Equal("40", stage.Xenstore[GuestKeys.FilesystemCount]);
        Assert.Equal("/srv/40", stage.Slot(0).Health.MountPoint.Encoded);
        Assert.Equal(16, stage.Xenstore.Keys.Count(key => key.StartsWith(GuestKeys.Filesystems + "/", StringComparison.Ordinal)));
        Assert.Equal(24, stage.Xenstore.Keys.Count(key => key.StartsWith(GuestKeys.Report + "/", StringComparison.Ordinal)) + 1);
    }

    [Fact]
    public void A_filesystem_that_is_unmounted_leaves_no_line_behind()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/srv", 2)).Start();
        stage.Pass(1);
        stage.Unmount(2);
        Assert.DoesNotContain(GuestKeys.Filesystem(1), stage.Xenstore.Keys);
        Assert.Equal("1", stage.Xenstore[GuestKeys.FilesystemCount]);
    }

    [Fact]
    public void While_xenstore_does_not_answer_nothing_piles_up_and_one_report_follows()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Pass(1);
        stage.XenstoreAnswers = false;
        for (int turn = 0; turn < 20; turn++)
        {
            stage.ProbesMeet(1, turn % 2 == 0 ? "EIO" : "ok");
            stage.Pass(6);
        }

        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
        stage.XenstoreAnswers = true;
        stage.Effects.Clear();
        stage.Step(new AgentInput.LinkUp());
        int writes = stage.Effects.OfType<AgentEffect.WriteKey>().Count();
        Assert.InRange(writes, 10, 32);
        Assert.Equal(Verdict.Writable, stage.Slot(0).Health.Verdict);
    }

    [Fact]
    public void After_a_migration_everything_is_published_again()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Pass(1);
        stage.Xenstore.Clear();
        stage.Step(new AgentInput.OwnBootIdRead(null));
        Assert.Equal("ok writable", stage.Xenstore[GuestKeys.State]);
        Assert.Equal(AgentStage.Boot, stage.Xenstore[GuestKeys.BootId]);
    }

    [Fact]
    public void A_refused_node_is_tried_again_after_a_minute_and_not_before()
    {
        AgentStage stage = new AgentStage { WriteError = XenstoreError.ENOSPC };
        stage.With(AgentStage.Ext("/", 1)).Start();
        stage.Effects.Clear();
        stage.Pass(40);
        Assert.DoesNotContain(stage.Effects, effect => effect is AgentEffect.WriteKey { Path: GuestKeys.State });
        stage.WriteError = XenstoreError.None;
        stage.Pass(30);
        Assert.Equal("ok writable", stage.Xenstore[GuestKeys.State]);
    }

    [Fact]
    public void Over_its_quota_the_least_important_nodes_go_first_and_the_state_says_so()
    {
        AgentStage stage = new AgentStage { NodeQuota = 8 };
        stage.With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/a", 2)).With(AgentStage.Ext("/b", 3))
            .With(AgentStage.Ext("/c", 4)).Start();
        stage.Pass(2);
        Assert.Equal("ok writable quota-exceeded", stage.Xenstore[GuestKeys.State]);
        Assert.Equal("4", stage.Xenstore[GuestKeys.FilesystemCount]);
        Assert.Equal(
            [GuestKeys.BootId, GuestKeys.FilesystemCount, GuestKeys.Filesystem(0), GuestKeys.Filesystem(1),
                GuestKeys.Filesystem(2), GuestKeys.Heartbeat, GuestKeys.Schema, GuestKeys.State],
            stage.Xenstore.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void An_answer_to_the_host_makes_room_for_itself()
    {
        AgentStage stage = new AgentStage { NodeQuota = 7 };
        stage.With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/a", 2)).Start();
        stage.Pass(2);
        Assert.Contains(GuestKeys.Filesystem(1), stage.Xenstore.Keys);
        stage.Request("r-1", "probe");
        stage.Pass(2);
        Assert.Equal(RequestStatus.Done, stage.Outcome!.Status);
        Assert.DoesNotContain(GuestKeys.Filesystem(1), stage.Xenstore.Keys);
    }

    [Fact]
    public void With_room_again_everything_is_back_within_a_minute_or_two()
    {
        AgentStage stage = new AgentStage { NodeQuota = 7 };
        stage.With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/a", 2)).With(AgentStage.Ext("/b", 3)).Start();
        stage.Pass(2);
        Assert.DoesNotContain(GuestKeys.Version, stage.Xenstore.Keys);
        stage.NodeQuota = 1000;
        stage.Pass(130);
        Assert.Equal("ok writable", stage.Xenstore[GuestKeys.State]);
        Assert.Contains(GuestKeys.Filesystem(2), stage.Xenstore.Keys);
        Assert.Contains(GuestKeys.Service + "/version", stage.Xenstore.Keys);
    }

    [Fact]
    public void A_quota_that_stays_used_up_costs_a_handful_of_writes_a_minute()
    {
        AgentStage stage = new AgentStage { NodeQuota = 6 };
        stage.With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/a", 2)).Start();
        stage.Pass(10);
        stage.Effects.Clear();
        stage.Pass(600);
        Assert.InRange(stage.Effects.OfType<AgentEffect.WriteKey>().Count(), 10, 300);
    }

    [Fact]
    public void A_mount_point_that_is_too_long_for_a_line_is_cut_and_stays_one_name()
    {
        string deep = "/home/alice/" + new string('é', 300);
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).With(AgentStage.Ext(deep + "a", 2))
            .With(AgentStage.Ext(deep + "b", 3)).Start();
        stage.Pass(2);
        string[] names = [.. Enumerable.Range(0, 3).Select(slot => stage.Slot(slot).Health.MountPoint.Encoded)];
        Assert.Equal(3, names.Distinct().Count());
        Assert.Equal(2, names.Count(name => name.Contains("@cut-", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_heartbeat_comes_about_once_a_minute()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Effects.Clear();
        stage.Pass(600);
        Assert.InRange(
            stage.Effects.OfType<AgentEffect.WriteKey>().Count(write => write.Path == GuestKeys.Heartbeat), 9, 11);
    }
}
