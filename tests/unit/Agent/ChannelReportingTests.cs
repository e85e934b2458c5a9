using GuestAgent;
using Protocol.Channel;
using Protocol.Health;
using Protocol.Xenstore;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>What the agent says over the channel, and over the kernel log when nothing else is left.</summary>
public sealed class ChannelReportingTests
{
    [Fact]
    public void The_channel_carries_what_xenstore_carries()
    {
        AgentStage stage = Aborted();
        GuestReport told = stage.Effects.OfType<AgentEffect.OfferOverChannel>()
            .Select(offer => offer.Message).OfType<ChannelMessage.Report>().Last().Content;
        ReportedFilesystem slot = stage.Slot(0);
        Assert.Equal(slot.Sequence, told.Sequence);
        Assert.Equal(slot.Health.Verdict, told.Filesystems[0].Verdict);
    }

    [Fact]
    public void Also_when_a_filesystem_goes_the_lines_bear_the_reports_sequence()
    {
        AgentStage stage = Aborted();
        stage.Unmount(2);
        GuestReport told = stage.Effects.OfType<AgentEffect.OfferOverChannel>()
            .Select(offer => offer.Message).OfType<ChannelMessage.Report>().Last().Content;
        Assert.Equal(1, told.FilesystemCount);
        Assert.Equal(told.Sequence, stage.Slot(0).Sequence);
    }

    [Fact]
    public void A_remedy_begins_when_the_channel_alone_confirms_its_mark()
    {
        AgentStage stage = Aborted();
        stage.XenstoreAnswers = false;
        stage.Step(new AgentInput.LinkDown("stopped"));
        stage.Step(new AgentInput.ChannelChanged(null));
        stage.Step(new AgentInput.ChannelRequestRead(Request("r-1")));
        stage.Pass(1);
        Assert.Empty(stage.Remedies);
        ConfirmOutcome(stage);
        Assert.Equal(RequestAction.Reboot, Assert.Single(stage.Remedies).Request.Action);
    }

    [Fact]
    public void The_same_request_over_both_carriers_is_carried_out_once()
    {
        AgentStage stage = Aborted();
        stage.Request("r-1", "reboot");
        stage.Step(new AgentInput.ChannelRequestRead(Request("r-1")));
        stage.Pass(30);
        stage.Step(new AgentInput.ChannelRequestRead(Request("r-1")));
        stage.Pass(30);
        Assert.Single(stage.Remedies);
    }

    [Fact]
    public void A_carrier_that_is_stuck_with_an_old_request_does_not_bring_it_again()
    {
        AgentStage stage = Aborted();
        stage.Request("p-1", "probe");
        stage.Pass(5);
        stage.Step(new AgentInput.ChannelRequestRead(Request("p-2", RequestAction.Probe)));
        stage.Pass(5);
        Assert.Equal("p-2", stage.Outcome!.Id.ToString());
        stage.Request("p-1", "probe");
        stage.Pass(30);
        Assert.Equal("p-2", stage.Outcome!.Id.ToString());
    }

    [Fact]
    public void A_carrier_without_a_request_takes_none_away_from_the_other()
    {
        AgentStage stage = Aborted();
        stage.XenstoreAnswers = false;
        stage.Step(new AgentInput.ChannelRequestRead(Request("r-1")));
        stage.Step(new AgentInput.RequestRead(null));
        stage.Pass(1);
        ConfirmOutcome(stage);
        Assert.Single(stage.Remedies);
    }

    [Fact]
    public void A_request_that_the_host_took_away_over_the_channel_is_not_begun()
    {
        AgentStage stage = Aborted();
        stage.XenstoreAnswers = false;
        stage.Step(new AgentInput.ChannelRequestRead(Request("r-1")));
        stage.Pass(1);
        stage.Step(new AgentInput.ChannelRequestRead(null));
        ConfirmOutcome(stage);
        stage.Pass(30);
        Assert.Empty(stage.Remedies);
    }

    [Fact]
    public void An_alarm_that_nobody_takes_for_half_a_minute_goes_into_the_kernel_log_once_a_minute_ten_times_a_boot()
    {
        AgentStage stage = Silenced();
        stage.Pass(20);
        Assert.Empty(Lines(stage));
        stage.Pass(15);
        LastResortLine line = Assert.Single(Lines(stage));
        Assert.Equal(1, line.Number);
        Assert.Equal(Verdict.JournalAborted, line.Filesystem.Health.Verdict);
        stage.Pass(90);
        Assert.InRange(Lines(stage).Count, 2, 3);
        stage.Pass(3600);
        Assert.Equal(10, Lines(stage).Count);
    }

    [Fact]
    public void An_agent_that_was_started_again_counts_the_lines_of_the_one_before()
    {
        AgentStage stage = Silenced();
        stage.Step(new AgentInput.EarlierLastResortRead(8));
        stage.Pass(3600);
        Assert.Equal([9, 10], Lines(stage).Select(line => line.Number));
    }

    [Fact]
    public void An_alarm_that_one_carrier_took_is_told_nobody_else()
    {
        AgentStage stage = Silenced();
        stage.Pass(10);
        ChannelMessage report = stage.Effects.OfType<AgentEffect.OfferOverChannel>()
            .Last(offer => offer.Topic == ChannelTopic.Report).Message;
        stage.Step(new AgentInput.ChannelDelivered(ChannelTopic.Report, report));
        stage.Step(new AgentInput.ChannelChanged("the host does not answer"));
        stage.Pass(600);
        Assert.Empty(Lines(stage));
    }

    private static AgentStage Aborted()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/srv", 2)).Start();
        stage.Pass(1);
        stage.ProbesMeet(1, "EROFS");
        stage.Pass(20);
        return stage;
    }

    private static AgentStage Silenced()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Pass(1);
        stage.XenstoreAnswers = false;
        stage.Step(new AgentInput.LinkDown("stopped"));
        stage.ProbesMeet(1, "EROFS");
        stage.Pass(6);
        Assert.Equal(Verdict.JournalAborted, stage.Health(1).Verdict);
        return stage;
    }

    private static List<LastResortLine> Lines(AgentStage stage)
        => [.. stage.Effects.OfType<AgentEffect.TellKernelLog>().Select(tell => tell.Line)];

    private static void ConfirmOutcome(AgentStage stage)
    {
        AgentEffect.OfferOverChannel offer = stage.Effects.OfType<AgentEffect.OfferOverChannel>()
            .Last(one => one.Topic == ChannelTopic.Outcome);
        stage.Step(new AgentInput.ChannelDelivered(offer.Topic, offer.Message));
    }

    private static GuestRequest Request(string id, RequestAction action = RequestAction.Reboot) => new()
    {
        Id = RequestId.TryParse(id, out RequestId requestId) ? requestId : default,
        BootId = BootId.TryParse(AgentStage.Boot, out BootId boot) ? boot : default,
        ReportSequence = 1,
        Filesystem = MountPoint.Root,
        Action = action,
        LifetimeSeconds = 60,
    };
}
