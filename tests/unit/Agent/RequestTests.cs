using GuestAgent;
using GuestAgent.Detection;
using GuestAgent.Requests;
using Protocol.Health;
using Protocol.Kernel;
using Protocol.Xenstore;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>What the guest does with the host's requests.</summary>
public sealed class RequestTests
{
    private static AgentStage Aborted(bool isDomU = true)
    {
        AgentStage stage = new AgentStage(isDomU)
            .With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/srv", 2)).Start();
        stage.Pass(1);
        return stage;
    }

    [Fact]
    public void A_reboot_is_marked_as_accepted_before_it_happens()
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(1, "EROFS");
        stage.XenstoreAnswers = false;
        stage.Request("r-1", "reboot");
        stage.Pass(5);
        Assert.Empty(stage.Remedies);
        stage.XenstoreAnswers = true;
        stage.Step(new AgentInput.LinkUp());
        Assert.Equal(RequestStatus.Accepted, stage.Outcome!.Status);
        Assert.Equal(RequestAction.Reboot, Assert.Single(stage.Remedies).Request.Action);
    }

    [Fact]
    public void A_root_that_writes_is_not_rebooted()
    {
        AgentStage stage = Aborted();
        stage.Request("r-1", "reboot");
        stage.Pass(2);
        Assert.Empty(stage.Remedies);
        Assert.Equal(RequestStatus.Refused, stage.Outcome!.Status);
        Assert.Equal(OutcomeReason.FaultGone, stage.Outcome!.Reason);
        Assert.Equal("ok", stage.Outcome!.Probe);
    }

    [Fact]
    public void The_fault_must_show_in_a_probe_that_began_after_the_request_came()
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(1, "EROFS");
        stage.Pass(10);
        Assert.Equal(Verdict.JournalAborted, stage.Health(1).Verdict);
        stage.ProbesMeet(1, "ok");
        stage.Request("r-1", "reboot");
        stage.Pass(2);
        Assert.Empty(stage.Remedies);
        Assert.Equal(OutcomeReason.FaultGone, stage.Outcome!.Reason);
    }

    [Theory]
    [InlineData("reboot")]
    [InlineData("repair")]
    [InlineData("remount")]
    public void Outside_a_domu_every_remedy_is_refused(string action)
    {
        AgentStage stage = Aborted(isDomU: false);
        stage.ProbesMeet(1, "EROFS");
        stage.ProbesMeet(2, "EROFS");
        stage.Request("r-1", action, action == "repair" ? "/srv" : "/");
        stage.Pass(2);
        Assert.Empty(stage.Remedies);
        Assert.Equal(OutcomeReason.NotADomu, stage.Outcome!.Reason);
    }

    [Theory]
    [InlineData("repair", "/srv", DiskOrigin.Iscsi)]
    [InlineData("repair", "/srv", DiskOrigin.Nbd)]
    [InlineData("repair", "/srv", DiskOrigin.PassedThrough)]
    [InlineData("repair", "/srv", DiskOrigin.Virtio)]
    [InlineData("repair", "/srv", DiskOrigin.Loop)]
    [InlineData("repair", "/srv", DiskOrigin.Unrecognized)]
    [InlineData("repair", "/srv", null)] // nobody looked
    [InlineData("reboot", "/", DiskOrigin.Iscsi)]
    [InlineData("reboot", "/", DiskOrigin.NvmeFabrics)]
    public void On_a_disk_that_the_host_does_not_serve_a_remedy_is_refused(string action, string mount, DiskOrigin? origin)
    {
        var stage = new AgentStage(isDomU: true) { Origins = origin is { } known ? [DiskOrigin.Vbd, known] : [] };
        stage.With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/srv", 2)).Start();
        stage.Pass(1);
        int minor = mount == "/" ? 1 : 2;
        stage.ProbesMeet(minor, "EROFS");
        stage.Kernel(KernelLineKind.JournalAborted, minor);
        stage.Pass(1);
        Assert.Equal(Verdict.JournalAborted, stage.Health(minor).Verdict);

        stage.Request("r-1", action, mount);
        stage.Pass(2);
        Assert.Empty(stage.Remedies);
        Assert.Equal(OutcomeReason.DiskNotServedByHost, stage.Outcome!.Reason);
        Assert.Equal(origin is { } named ? $"vbd,{named.ToName()}" : string.Empty, stage.Outcome.Detail);
    }

    [Theory]
    [InlineData(DiskOrigin.Unrecognized)]
    [InlineData(DiskOrigin.Loop)]
    [InlineData(null)]
    public void A_root_whose_disks_are_not_known_may_be_restarted(DiskOrigin? origin)
    {
        var stage = new AgentStage(isDomU: true) { Origins = origin is { } known ? [known] : [] };
        stage.With(AgentStage.Ext("/", 1)).Start();
        stage.Pass(1);
        stage.ProbesMeet(1, "EROFS");
        stage.Kernel(KernelLineKind.JournalAborted, 1);
        stage.Request("r-1", "reboot");
        stage.Pass(2);

        Assert.Single(stage.Remedies);
    }

    [Fact]
    public void A_filesystem_whose_disk_went_offline_is_not_repaired()
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(2, "EROFS");
        stage.Kernel(KernelLineKind.JournalAborted, 2);
        stage.Kernel(KernelLineKind.DeviceOffline, 2);
        stage.Request("r-1", "repair", "/srv");
        stage.Pass(2);

        Assert.Empty(stage.Remedies);
        Assert.Equal(OutcomeReason.DeviceOffline, stage.Outcome!.Reason);
    }

    [Fact]
    public void A_request_of_another_boot_is_refused()
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(1, "EROFS");
        stage.Request("r-1", "reboot", boot: "99999999-2222-3333-4444-555555555555");
        Assert.Equal(OutcomeReason.BootIdDiffers, stage.Outcome!.Reason);
        Assert.Empty(stage.Remedies);
    }

    [Fact]
    public void A_request_whose_lifetime_passed_is_refused()
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(1, "EROFS");
        stage.XenstoreAnswers = false;
        stage.Request("r-1", "reboot", lifetime: 10);
        stage.Pass(11);
        stage.XenstoreAnswers = true;
        stage.Step(new AgentInput.LinkUp());
        stage.Pass(1);
        Assert.Empty(stage.Remedies);
        Assert.Equal(OutcomeReason.Expired, stage.Outcome!.Reason);
    }

    [Fact]
    public void A_repeated_request_is_carried_out_once()
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(2, "EROFS");
        stage.Request("r-1", "repair", "/srv");
        stage.Pass(1);
        stage.Request("r-1", "repair", "/srv");
        stage.Pass(1);
        Assert.Single(stage.Remedies);
        stage.ProbesMeet(2, "ok");
        stage.Step(new AgentInput.RemedyEnded(new RemedyResult(OutcomeReason.None, string.Empty, 1)));
        stage.Pass(1);
        stage.Request("r-1", "repair", "/srv");
        stage.Pass(1);
        Assert.Single(stage.Remedies);
    }

    [Fact]
    public void An_agent_restarted_in_the_middle_does_not_repeat_what_it_accepted()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1), probe: "EROFS");
        string accepted = RequestCodec.ToLine(new RequestOutcome
        {
            Id = Id("r-1"),
            BootId = Boot(AgentStage.Boot),
            Status = RequestStatus.Accepted,
        });
        stage.Step(new AgentInput.LinkUp());
        stage.Step(new AgentInput.EarlierOutcomeRead(System.Text.Encoding.ASCII.GetBytes(accepted)));
        stage.Request("r-1", "reboot");
        stage.ReadMounts();
        stage.Pass(5);
        Assert.Empty(stage.Remedies);
        Assert.Equal(RequestStatus.Accepted, stage.Outcome!.Status);
    }

    [Fact]
    public void A_repair_is_proved_by_a_probe_and_not_by_its_return()
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(2, "EROFS");
        stage.Request("r-1", "repair", "/srv");
        stage.Pass(1);
        Assert.Single(stage.Remedies);
        stage.Step(new AgentInput.RemedyEnded(new RemedyResult(OutcomeReason.None, string.Empty, 1)));
        stage.Pass(1);
        Assert.Equal(RequestStatus.Failed, stage.Outcome!.Status);
        Assert.Equal(OutcomeReason.ProbeFailed, stage.Outcome!.Reason);
        Assert.Equal(1, stage.Outcome!.FsckExitCode);
    }

    [Fact]
    public void A_proved_repair_is_done_and_carries_the_checks_exit_code()
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(2, "EROFS");
        stage.Request("r-1", "repair", "/srv");
        stage.Pass(1);
        stage.ProbesMeet(2, "ok");
        stage.Step(new AgentInput.RemedyEnded(new RemedyResult(OutcomeReason.None, string.Empty, 1)));
        stage.Pass(1);
        Assert.Equal(RequestStatus.Done, stage.Outcome!.Status);
        Assert.Equal("ok", stage.Outcome!.Probe);
        Assert.Equal(1, stage.Outcome!.FsckExitCode);
    }

    [Fact]
    public void A_root_that_writes_again_while_the_mark_waits_is_not_rebooted()
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(1, "EIO");
        stage.XenstoreAnswers = false;
        stage.Request("r-1", "reboot");
        stage.Pass(3);
        stage.ProbesMeet(1, "ok");
        stage.Pass(30);
        Assert.Equal(Verdict.Writable, stage.Health(1).Verdict);
        stage.XenstoreAnswers = true;
        stage.Step(new AgentInput.LinkUp());
        stage.Pass(1);
        Assert.Empty(stage.Remedies);
        Assert.Equal(OutcomeReason.FaultGone, stage.Outcome!.Reason);
    }

    [Fact]
    public void A_request_that_the_host_took_away_is_not_carried_out()
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(2, "EROFS");
        stage.Request("r-1", "repair", "/srv");
        stage.Pass(2);
        Assert.Single(stage.Remedies);
        stage.ProbesMeet(1, "EROFS");
        stage.Request("r-2", "reboot");
        stage.Step(new AgentInput.RequestRead(null));
        stage.Pass(600);
        stage.Step(new AgentInput.RemedyEnded(new RemedyResult(OutcomeReason.CheckFailed, "x", 4)));
        stage.Pass(5);
        Assert.Single(stage.Remedies);
    }

    [Fact]
    public void A_request_that_waited_behind_another_keeps_the_lifetime_it_came_with()
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(2, "EROFS");
        stage.Request("r-1", "repair", "/srv");
        stage.Pass(2);
        stage.ProbesMeet(1, "EROFS");
        stage.Request("r-2", "reboot");
        stage.Pass(600);
        stage.Step(new AgentInput.RemedyEnded(new RemedyResult(OutcomeReason.CheckFailed, "x", 4)));
        stage.Pass(5);
        Assert.Single(stage.Remedies);
        Assert.Equal(OutcomeReason.Expired, stage.Outcome!.Reason);
    }

    [Fact]
    public void A_filesystem_that_fstab_wants_read_only_is_not_repaired_into_writing()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1))
            .With(AgentStage.Ext("/srv", 2, super: "ro"), "EROFS", new MountWish(WishSource.Fstab, IsReadOnly: true)).Start();
        stage.Observe(new Observation.ErrorsCountRead(new DeviceNumber(202, 2), 3));
        stage.Pass(20);
        stage.Request("r-1", "repair", "/srv");
        stage.Pass(3);
        Assert.Empty(stage.Remedies);
        Assert.Equal(OutcomeReason.NotLegitimate, stage.Outcome!.Reason);
    }

    [Fact]
    public void A_remount_under_way_is_no_reason_for_a_remedy()
    {
        AgentStage stage = new AgentStage { IsSilent = true };
        stage.With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/srv", 2)).Start();
        stage.Pass(1);
        stage.ProbesMeet(2, "EROFS");
        stage.Request("r-1", "repair", "/srv");
        stage.Pass(5);
        Assert.Empty(stage.Remedies);
        Assert.Equal(OutcomeReason.NotLegitimate, stage.Outcome!.Reason);
    }

    [Fact]
    public void A_root_is_never_repaired_in_place()
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(1, "EROFS");
        stage.Request("r-1", "repair", "/");
        stage.Pass(1);
        Assert.Equal(OutcomeReason.NotLegitimate, stage.Outcome!.Reason);
    }

    [Fact]
    public void Nothing_is_executed_from_a_root_that_cannot_be_written()
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(1, "EROFS");
        stage.ProbesMeet(2, "EROFS");
        stage.Pass(20);
        stage.Request("r-1", "repair", "/srv");
        stage.Pass(1);
        Assert.Equal(OutcomeReason.RootNotWritable, stage.Outcome!.Reason);
        Assert.Empty(stage.Remedies);
    }

    [Fact]
    public void An_aborted_journal_is_never_remounted()
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(2, "EROFS");
        stage.Request("r-1", "remount", "/srv");
        stage.Pass(1);
        Assert.Equal(OutcomeReason.NotLegitimate, stage.Outcome!.Reason);
    }

    [Fact]
    public void A_filesystem_plainly_read_only_without_an_error_may_be_remounted()
    {
        AgentStage stage = Aborted();
        var readWrite = new MountWish(WishSource.Fstab, IsReadOnly: false);
        stage.With(AgentStage.Ext("/srv", 2, "ro", "ro"), "EROFS", readWrite).ReadMounts();
        stage.Pass(1);
        stage.Request("r-1", "remount", "/srv");
        stage.Pass(1);
        Assert.Equal(RequestAction.Remount, Assert.Single(stage.Remedies).Request.Action);
    }

    [Fact]
    public void A_guest_that_merely_hangs_is_not_rebooted()
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(1, "never");
        stage.Pass(20);
        stage.Request("r-1", "reboot");
        stage.Pass(20);
        Assert.Equal(OutcomeReason.ProbeOutstanding, stage.Outcome!.Reason);
        Assert.Empty(stage.Remedies);
    }

    [Fact]
    public void A_probe_on_request_says_what_it_met()
    {
        AgentStage stage = Aborted();
        stage.Request("r-1", "probe");
        stage.Pass(1);
        Assert.Equal(RequestStatus.Done, stage.Outcome!.Status);
        Assert.Equal("ok", stage.Outcome!.Probe);
    }

    [Fact]
    public void A_filesystem_that_nobody_watches_is_refused()
    {
        AgentStage stage = Aborted();
        stage.Request("r-1", "repair", "/nowhere");
        Assert.Equal(OutcomeReason.UnknownFilesystem, stage.Outcome!.Reason);
    }

    [Theory]
    [InlineData("")]
    [InlineData("rubbish")]
    [InlineData("id=r-1 boot=x seq=1 filesystem=/ action=reboot lifetime=60")]
    [InlineData("id=r-1 boot=11111111-2222-3333-4444-555555555555 seq=1 filesystem=/ action=destroy lifetime=60")]
    public void Garbage_is_left_alone(string line)
    {
        AgentStage stage = Aborted();
        stage.ProbesMeet(1, "EROFS");
        stage.Step(new AgentInput.RequestRead(System.Text.Encoding.ASCII.GetBytes(line)));
        stage.Pass(3);
        Assert.Null(stage.Outcome);
        Assert.Empty(stage.Remedies);
    }

    private static RequestId Id(string text) => RequestId.TryParse(text, out RequestId id) ? id : default;

    private static BootId Boot(string text) => BootId.TryParse(text, out BootId id) ? id : default;
}
