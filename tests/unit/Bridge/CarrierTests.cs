using System.Text;
using HostBridge;
using HostBridge.Guests.Parsing;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Kernel;
using Xunit;

namespace Tests.Unit.Bridge;

/// <summary>Two carriers, one guest.</summary>
public sealed class CarrierTests
{
    private static readonly DomainId Domain = new(5);

    [Fact]
    public void What_the_channel_brought_is_not_undone_by_a_xenstore_that_lags_behind()
    {
        BridgeStory story = new BridgeStory().Appear();
        Say(story, ReportCarrier.Xenstore, BridgeStory.Report(1, 7, BridgeStory.Filesystem()));
        Say(story, ReportCarrier.Channel, Aborted(8));
        Say(story, ReportCarrier.Xenstore, BridgeStory.Report(1, 7, BridgeStory.Filesystem()));
        Assert.Equal(Verdict.JournalAborted, Report(story).State.Worst);
    }

    [Fact]
    public void Of_a_report_that_xenstore_holds_half_written_the_whole_one_counts()
    {
        BridgeStory story = new BridgeStory().Appear();
        Say(story, ReportCarrier.Channel, Aborted(8));
        Say(story, ReportCarrier.Xenstore, BridgeStory.Report(1, 8, BridgeStory.Filesystem()));
        Assert.Equal(Verdict.JournalAborted, Report(story).State.Worst);
    }

    [Fact]
    public void Whichever_brings_the_newer_report_is_believed_and_so_is_a_new_boot()
    {
        BridgeStory story = new BridgeStory().Appear();
        Say(story, ReportCarrier.Channel, Aborted(8));
        Say(story, ReportCarrier.Xenstore, BridgeStory.Report(1, 9, BridgeStory.Filesystem()));
        Assert.Equal(9, Report(story).Sequence);
        Say(story, ReportCarrier.Channel, BridgeStory.Report(2, 3, BridgeStory.Filesystem()));
        Assert.Equal(BridgeStory.Boot(2), Report(story).BootId);
    }

    [Fact]
    public void It_is_known_over_what_a_guest_is_heard()
    {
        BridgeStory story = new BridgeStory().Appear();
        Guid guest = BridgeStory.Guest().Uuid;
        Assert.Empty(story.Loop.Carriers.HeardOver(guest, story.Now.Elapsed));
        Say(story, ReportCarrier.Xenstore, BridgeStory.Report(1, 7, BridgeStory.Filesystem()));
        Say(story, ReportCarrier.Channel, BridgeStory.Report(1, 7, BridgeStory.Filesystem()));
        Assert.Equal(
            [ReportCarrier.Xenstore, ReportCarrier.Channel],
            story.Loop.Carriers.HeardOver(guest, story.Now.Elapsed));
        for (int minute = 0; minute < 4; minute++)
        {
            story.Wait(59);
            Say(story, ReportCarrier.Channel, BridgeStory.Report(1, 7, BridgeStory.Filesystem()));
        }

        Assert.Equal([ReportCarrier.Channel], story.Loop.Carriers.HeardOver(guest, story.Now.Elapsed));
        story.Gone();
        Assert.Empty(story.Loop.Carriers.HeardOver(guest, story.Now.Elapsed));
    }

    [Fact]
    public void A_guest_that_is_heard_over_the_channel_alone_is_not_silent()
    {
        BridgeStory story = new BridgeStory().Appear();
        for (int minute = 0; minute < 30; minute++)
        {
            Say(story, ReportCarrier.Channel, BridgeStory.Report(1, 7, BridgeStory.Filesystem()));
            story.Wait(59);
        }

        Assert.IsNotType<RecoveryState.Suspect>(story.Loop.Guests.Single().State);
    }

    [Theory]
    [InlineData("journal-aborted", KernelLineKind.JournalAborted)]
    [InlineData("shut-down", KernelLineKind.ShutDown)]
    [InlineData("hung", KernelLineKind.TaskHung)]
    public void An_agents_last_resort_is_read_from_the_console_as_a_sign(string verdict, KernelLineKind kind)
    {
        string line = "[   99.123456] guest-agent: alarm 1/10 boot=11111111-2222-3333-4444-555555555555 seq=7 mount=/ "
            + $"device=xvda type=ext3 role=root verdict={verdict} hidden=yes claims=rw since=2026-03-01T04:05:06.789Z";
        Assert.Equal(kind, Assert.IsType<ConsoleSign.Fault>(ConsoleText.Understand(Encoding.ASCII.GetBytes(line))).Kind);
        Assert.Null(ConsoleText.Understand(Encoding.ASCII.GetBytes(line[..80])));
    }

    private static GuestReport Aborted(long sequence)
        => BridgeStory.Report(1, sequence, BridgeStory.Filesystem(verdict: Verdict.JournalAborted));

    private static GuestReport Report(BridgeStory story) => story.Loop.Guests.Single().Report!;

    private static void Say(BridgeStory story, ReportCarrier carrier, GuestReport report)
        => story.Step(new BridgeInput.ReportRead(BridgeStory.Guest().Uuid, Domain, report, IsNew: true)
        {
            Carrier = carrier,
        });
}
