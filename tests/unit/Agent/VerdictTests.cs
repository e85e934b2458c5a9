using GuestAgent;
using GuestAgent.Detection;
using Protocol.Health;
using Protocol.Kernel;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>From facts to verdicts, told as what happens to a filesystem.</summary>
public sealed class VerdictTests
{
    [Fact]
    public void A_probe_that_writes_makes_a_filesystem_writable()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        FilesystemHealth root = stage.Health(1);
        Assert.Equal(Verdict.Writable, root.Verdict);
        Assert.Equal(FilesystemRole.Root, root.Role);
        Assert.False(root.Hidden);
    }

    [Fact]
    public void An_abort_that_the_mount_table_hides_is_found_by_the_probe_alone()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.ProbesMeet(1, "EROFS");
        stage.Pass(6);
        FilesystemHealth root = stage.Health(1);
        Assert.Equal(Verdict.JournalAborted, root.Verdict);
        Assert.True(root.Hidden);
        Assert.Equal(MountClaim.Rw, root.Claims);
        Assert.Contains(new Evidence(EvidenceKind.Probe, "EROFS"), root.Evidence);
    }

    [Fact]
    public void A_kernel_line_asks_for_a_probe_at_once_and_names_the_abort()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/srv", 1)).Start();
        stage.Pass(3);
        stage.ProbesMeet(1, "EIO");
        int before = stage.Probes;
        stage.Kernel(KernelLineKind.JournalAborted, 1);
        Assert.Equal(before + 1, stage.Probes);
        Assert.Equal(Verdict.JournalAborted, stage.Health(1).Verdict);
        Assert.Contains(new Evidence(EvidenceKind.KernelLine, "aborting-journal"), stage.Health(1).Evidence);
    }

    [Fact]
    public void A_probe_that_overtook_the_abort_is_followed_by_another_within_a_second()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Pass(3);
        stage.Kernel(KernelLineKind.JournalAborted, 1);
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
        stage.ProbesMeet(1, "EROFS");
        stage.Pass(1.1);
        Assert.Equal(Verdict.JournalAborted, stage.Health(1).Verdict);
    }

    [Fact]
    public void A_kernel_line_alone_makes_no_verdict()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Pass(3);
        stage.Kernel(KernelLineKind.JournalAborted, 1);
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
    }

    [Fact]
    public void Eio_without_a_word_of_the_journal_is_a_failing_device()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1), probe: "EIO").Start();
        Assert.Equal(Verdict.DeviceFailing, stage.Health(1).Verdict);
        Assert.True(stage.Health(1).Hidden);
        Assert.NotNull(stage.Health(1).DataLossSince);
    }

    [Fact]
    public void Data_loss_stays_told_after_the_device_recovers()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1), probe: "EIO").Start();
        DateTimeOffset? since = stage.Health(1).DataLossSince;
        stage.ProbesMeet(1, "ok");
        stage.Pass(5);
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
        Assert.Equal(since, stage.Health(1).DataLossSince);
    }

    [Theory]
    [InlineData("rw,emergency_ro", "EROFS", Verdict.JournalAborted)]
    [InlineData("rw,emergency_ro", "EIO", Verdict.JournalAborted)]
    [InlineData("rw,shutdown", "EIO", Verdict.ShutDown)]
    [InlineData("rw,shutdown", "EROFS", Verdict.ShutDown)]
    public void Options_of_the_superblock_name_what_the_probe_meets(string super, string errno, Verdict expected)
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1, super: super), probe: errno).Start();
        Assert.Equal(expected, stage.Health(1).Verdict);
    }

    [Fact]
    public void An_administrators_remount_that_was_seen_is_by_design()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/srv", 1)).Start();
        stage.With(AgentStage.Ext("/srv", 1, "ro", "ro"), probe: "EROFS").ReadMounts();
        stage.Pass(1);
        Assert.Equal(Verdict.ReadOnlyByDesign, stage.Health(1).Verdict);
        Assert.Contains(stage.Health(1).Evidence, fact => fact.Kind == EvidenceKind.AdministratorRemount);
        Assert.False(stage.Health(1).Hidden);
    }

    [Theory]
    [InlineData(0.01, Verdict.ReadOnlyByDesign)]
    [InlineData(10, Verdict.RemountedReadOnly)]
    public void A_remount_that_was_caught_between_its_two_steps_is_still_an_administrators(
        double betweenSeconds, Verdict expected)
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/srv", 1)).Start();
        stage.With(AgentStage.Ext("/srv", 1, "rw", "ro"), probe: "EROFS").ReadMounts();
        stage.Pass(betweenSeconds);
        stage.With(AgentStage.Ext("/srv", 1, "ro", "ro"), probe: "EROFS").ReadMounts();
        stage.Pass(1);
        Assert.Equal(expected, stage.Health(1).Verdict);
    }

    [Fact]
    public void A_read_only_root_is_never_learned_as_intended()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.With(AgentStage.Ext("/", 1, "ro", "ro"), probe: "EROFS").ReadMounts();
        stage.Pass(1);
        Assert.Equal(Verdict.RemountedReadOnly, stage.Health(1).Verdict);
    }

    [Fact]
    public void Fstab_that_says_rw_forbids_learning_that_ro_is_intended()
    {
        var readWrite = new MountWish(WishSource.Fstab, IsReadOnly: false);
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/srv", 1), wish: readWrite).Start();
        stage.With(AgentStage.Ext("/srv", 1, "ro", "ro"), "EROFS", readWrite).ReadMounts();
        stage.Pass(1);
        Assert.Equal(Verdict.RemountedReadOnly, stage.Health(1).Verdict);
    }

    [Fact]
    public void Read_only_after_an_abort_is_not_by_design_though_it_was_seen()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/srv", 1)).Start();
        stage.Kernel(KernelLineKind.JournalAborted, 1);
        stage.With(AgentStage.Ext("/srv", 1, "rw", "ro"), probe: "EROFS").ReadMounts();
        stage.Pass(1);
        Assert.Equal(Verdict.JournalAborted, stage.Health(1).Verdict);
        Assert.False(stage.Health(1).Hidden);
    }

    [Fact]
    public void Fstab_that_says_ro_makes_it_by_design_from_the_start()
    {
        var readOnly = new MountWish(WishSource.Fstab, IsReadOnly: true);
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/srv", 1, "ro", "ro"), "EROFS", readOnly).Start();
        Assert.Equal((Verdict.ReadOnlyByDesign, VerdictReason.Fstab), (stage.Health(1).Verdict, stage.Health(1).Why));
    }

    [Fact]
    public void Read_only_since_before_the_agent_and_unlisted_is_by_design_and_a_warning()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/srv", 1, "ro", "ro"), "EROFS").Start();
        stage.Pass(3600);
        FilesystemHealth health = stage.Health(1);
        Assert.Equal((Verdict.ReadOnlyByDesign, VerdictReason.ReadOnlySinceBoot), (health.Verdict, health.Why));
        Assert.Equal(Severity.Warning, health.Severity);
    }

    [Fact]
    public void A_root_that_is_read_only_since_before_the_agent_says_which_key_settles_it()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1, "ro", "ro"), "EROFS").Start();
        stage.Pass(3600);
        FilesystemHealth health = stage.Health(1);
        Assert.Equal((Verdict.Unknown, VerdictReason.ReadOnlyUnexplained), (health.Verdict, health.Why));
        Assert.Contains(
            "set read-only = /", health.Why!.Value.ToSentence(health.MountPoint, "ext4"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData((int)WishSource.Fstab, VerdictReason.Fstab)]
    [InlineData((int)WishSource.SystemdUnit, VerdictReason.SystemdUnit)]
    [InlineData((int)WishSource.CommandLine, VerdictReason.CommandLine)]
    [InlineData((int)WishSource.Key, VerdictReason.ReadOnlyKey)]
    public void A_root_that_is_written_down_as_read_only_is_well(int source, VerdictReason why)
    {
        var wish = new MountWish((WishSource)source, IsReadOnly: true);
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1, "ro", "ro"), "EROFS", wish).Start();
        stage.Pass(60);
        Assert.Equal((Verdict.ReadOnlyByDesign, why), (stage.Health(1).Verdict, stage.Health(1).Why));
        Assert.Equal(Severity.Ok, stage.Health(1).Severity);
    }

    [Fact]
    public void Writes_that_are_refused_from_the_first_probe_on_are_no_abort()
    {
        AgentStage stage = new AgentStage { IsSilent = true }.With(AgentStage.Ext("/", 1), "EROFS").Start();
        stage.Pass(20);
        Assert.Equal((Verdict.Unknown, VerdictReason.RemountUnderWay), (stage.Health(1).Verdict, stage.Health(1).Why));
        stage.Pass(3600);
        Assert.Equal((Verdict.Unknown, VerdictReason.WritesRefused), (stage.Health(1).Verdict, stage.Health(1).Why));
        Assert.DoesNotContain("journal-aborted", string.Join('\n', stage.Xenstore.Values), StringComparison.Ordinal);
    }

    [Fact]
    public void Writes_that_are_refused_after_one_that_succeeded_are_an_abort()
    {
        AgentStage stage = new AgentStage { IsSilent = true }.With(AgentStage.Ext("/", 1)).Start();
        stage.ProbesMeet(1, "EROFS");
        stage.Pass(400);
        Assert.Equal(Verdict.JournalAborted, stage.Health(1).Verdict);
        Assert.Null(stage.Health(1).Why);
    }

    [Fact]
    public void The_key_read_only_settles_a_mount_that_claims_to_be_writable()
    {
        var key = new MountWish(WishSource.Key, IsReadOnly: true);
        AgentStage stage = new AgentStage { IsSilent = true }.With(AgentStage.Ext("/", 1), "EROFS", key).Start();
        Assert.Equal((Verdict.ReadOnlyByDesign, VerdictReason.ReadOnlyKey), (stage.Health(1).Verdict, stage.Health(1).Why));
        stage.Kernel(KernelLineKind.JournalAborted, 1);
        stage.Pass(5);
        Assert.Equal(Verdict.JournalAborted, stage.Health(1).Verdict);
    }

    [Fact]
    public void Errors_that_were_recorded_on_a_writable_filesystem_are_told()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Observe(new Observation.ErrorsCountRead(new DeviceNumber(202, 1), 0));
        stage.Observe(new Observation.ErrorsCountRead(new DeviceNumber(202, 1), 1));
        stage.Pass(0.6);
        Assert.Equal(Verdict.ErrorsRecorded, stage.Health(1).Verdict);
        Assert.Contains(new Evidence(EvidenceKind.ErrorsCount, "1(+1)"), stage.Health(1).Evidence);
    }

    [Fact]
    public void A_grown_error_count_is_no_verdict_before_the_next_probe_has_told_what_it_means()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Observe(new Observation.ErrorsCountRead(new DeviceNumber(202, 1), 0));
        stage.ProbesMeet(1, "EROFS");
        stage.Observe(new Observation.ErrorsCountRead(new DeviceNumber(202, 1), 1));
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
        stage.Pass(0.6);
        Assert.Equal(Verdict.JournalAborted, stage.Health(1).Verdict);
    }

    [Fact]
    public void Another_error_on_a_filesystem_that_goes_on_does_not_make_it_writable_for_a_moment()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Observe(new Observation.ErrorsCountRead(new DeviceNumber(202, 1), 3));
        stage.Pass(20);
        Assert.Equal(Verdict.ErrorsRecorded, stage.Health(1).Verdict);
        stage.Effects.Clear();
        stage.Observe(new Observation.ErrorsCountRead(new DeviceNumber(202, 1), 4));
        stage.Request("r-1", "probe");
        stage.Pass(3);
        Assert.DoesNotContain(stage.Effects, one => one is AgentEffect.TellVerdict);
    }

    [Fact]
    public void A_remount_under_way_refuses_writes_before_the_table_says_so_and_is_no_abort()
    {
        AgentStage stage = new AgentStage { IsSilent = true };
        stage.With(AgentStage.Ext("/srv", 1)).Start();
        stage.ProbesMeet(1, "EROFS");
        stage.Pass(20);
        Assert.Equal(Verdict.Unknown, stage.Health(1).Verdict);
        stage.With(AgentStage.Ext("/srv", 1, "ro", "ro"), probe: "EROFS").ReadMounts();
        stage.Pass(2);
        Assert.Equal(Verdict.ReadOnlyByDesign, stage.Health(1).Verdict);
    }

    [Fact]
    public void What_refuses_writes_for_half_a_minute_while_the_table_says_rw_is_aborted_without_any_other_sign()
    {
        AgentStage stage = new AgentStage { IsSilent = true };
        stage.With(AgentStage.Ext("/", 1)).Start();
        stage.ProbesMeet(1, "EROFS");
        stage.Pass(40);
        Assert.Equal(Verdict.JournalAborted, stage.Health(1).Verdict);
        Assert.True(stage.Health(1).Hidden);
    }

    [Theory]
    [InlineData(60, Verdict.Unknown)]
    [InlineData(330, Verdict.JournalAborted)]
    public void A_remount_that_writes_out_for_a_minute_is_no_abort_but_one_of_many_minutes_is(
        int seconds, Verdict expected)
    {
        AgentStage stage = new AgentStage { IsSilent = true };
        stage.With(AgentStage.Ext("/srv", 1)).Start();
        stage.ProbesMeet(1, "EROFS");
        for (int second = 0; second < seconds; second++)
        {
            stage.Observe(new Observation.ActivitySampled(
                new DeviceNumber(202, 1), new BlockActivity(8, second, IsReadOnly: false)));
            stage.Pass(1);
        }

        Assert.Equal(expected, stage.Health(1).Verdict);
    }

    [Fact]
    public void A_lost_write_barrier_and_lost_data_outlive_a_mount()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/srv", 1)).Start();
        stage.Kernel(KernelLineKind.FlushDisabled, 1);
        stage.Kernel(KernelLineKind.WriteLost, 1);
        stage.Kernel(KernelLineKind.Mounted, 1);
        stage.Pass(20);
        Assert.Equal(Verdict.FlushDisabled, stage.Health(1).Verdict);
        Assert.NotNull(stage.Health(1).DataLossSince);
    }

    [Fact]
    public void A_full_disk_is_information_and_no_fault()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1), probe: "ENOSPC").Start();
        Assert.Equal(Verdict.Full, stage.Health(1).Verdict);
        Assert.False(stage.Health(1).Hidden);
    }

    [Fact]
    public void A_probe_file_that_is_not_ours_leaves_the_verdict_unknown()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1), probe: "not-our-file").Start();
        Assert.Equal(Verdict.Unknown, stage.Health(1).Verdict);
        Assert.Contains(stage.Health(1).Evidence, fact => fact.Kind == EvidenceKind.ProbeRefused);
    }

    [Fact]
    public void A_lost_write_barrier_is_told_on_a_filesystem_that_writes()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Kernel(KernelLineKind.FlushDisabled, 1);
        Assert.Equal(Verdict.FlushDisabled, stage.Health(1).Verdict);
    }

    [Fact]
    public void A_new_mount_clears_what_was_said_of_the_old_one()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/srv", 1), probe: "EROFS").Start();
        stage.Kernel(KernelLineKind.JournalAborted, 1);
        Assert.Equal(Verdict.JournalAborted, stage.Health(1).Verdict);
        stage.Unmount(1);
        stage.Kernel(KernelLineKind.Mounted, 1);
        stage.With(AgentStage.Ext("/srv", 1, id: 77)).ReadMounts();
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
        Assert.DoesNotContain(stage.Health(1).Evidence, fact => fact.Kind == EvidenceKind.KernelLine);
    }
}
