using System.Text;
using HostBridge;
using HostBridge.Guests;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Xenstore;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>What stood in xenstore before the bridge listened is no sign of life: its writer may be dead.</summary>
public sealed class SignOfLifeTests
{
    private const int NobodysGuest = 99;

    private static readonly RecoveryPolicy Observe = new() { ActWithoutHostEvidence = true };

    private static BridgeStory WithStaleAbort(RecoveryPolicy? policy = null)
        => new BridgeStory(policy).StorageIs(true).Appear().Wait(31).Find(
            5, 1, 2, Filesystem("/srv", Verdict.JournalAborted, "ext4"), Filesystem());

    private static RequestAction[] Asked(BridgeStory story)
        => [.. story.Of<RecoveryAction.SendRequest>().Select(sent => sent.Request.Action)];

    private static BridgeInput.ReportRead Take(ListenedDomain domain, int uptime)
    {
        Dictionary<string, byte[]?> nodes = ReportCodec
            .ToNodes(Report(1, 7, Filesystem()), _ => 7, $"seq=7 uptime={uptime}", isQuotaExceeded: false)
            .ToDictionary(node => node.Key, byte[]? (node) => Encoding.ASCII.GetBytes(node.Value));
        return domain.Take(new DomainReading(Guest(), GuestDisks.None, nodes))
            .OfType<BridgeInput.ReportRead>().Single();
    }

    [Fact]
    public void Nothing_is_done_on_a_report_that_stood_there_when_the_bridge_began_to_read()
    {
        BridgeStory story = WithStaleAbort();
        Assert.Contains("not heard yet", Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
        story.Wait(50, NobodysGuest).Find(5, 1, 2, Filesystem("/srv", Verdict.JournalAborted, "ext4"), Filesystem())
            .Wait(1000, NobodysGuest);
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
        Assert.Contains("nothing was heard", Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
    }

    [Fact]
    public void A_heartbeat_makes_it_evidence()
    {
        BridgeStory story = WithStaleAbort().Say(
            5, 1, 2, Filesystem("/srv", Verdict.JournalAborted, "ext4"), Filesystem());
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
    }

    [Theory]
    [InlineData(RequestStatus.Done, OutcomeReason.None)]
    [InlineData(RequestStatus.Refused, OutcomeReason.UnknownFilesystem)]
    [InlineData(RequestStatus.Failed, OutcomeReason.TimedOut)]
    public void The_guest_is_asked_for_a_probe_and_any_answer_makes_it_evidence(RequestStatus status, OutcomeReason reason)
    {
        BridgeStory story = WithStaleAbort();
        Assert.Equal([RequestAction.Probe], Asked(story));
        Assert.Equal((Boot(1), "/srv"), (story.LastRequest.BootId, story.LastRequest.Filesystem.Encoded));
        story.Answer(status, reason, probe: "EROFS");
        Assert.Single(story.Of<RecoveryAction.RecordIntent>());
        Assert.Single(story.Of<RecoveryAction.RemoveRequest>());
        Assert.Equal(1, Assert.IsType<RecoveryState.Recovering>(story.State()).Attempt);
    }

    [Fact]
    public void It_is_asked_once_a_minute_and_not_any_more_once_it_counts_as_silent()
    {
        BridgeStory story = WithStaleAbort();
        story.Wait(59, NobodysGuest);
        Assert.Single(Asked(story));
        story.Wait(3600, NobodysGuest);
        Assert.Equal(3, Asked(story).Length);
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void An_answer_to_something_else_or_of_another_boot_is_no_sign_of_life()
    {
        BridgeStory story = WithStaleAbort();
        GuestRequest asked = story.LastRequest;
        Assert.True(RequestId.TryParse("listen-earlier", out RequestId earlier));
        foreach ((RequestId id, BootId boot) in new[] { (earlier, asked.BootId), (asked.Id, Boot(9)) })
        {
            story.Step(new BridgeInput.OutcomeRead(
                Guest().Uuid, new DomainId(5), new RequestOutcome { Id = id, BootId = boot, Status = RequestStatus.Done }));
        }

        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void An_observer_waits_for_the_heartbeat_and_sends_nothing()
    {
        BridgeStory story = WithStaleAbort(Observe).Wait(100, NobodysGuest);
        Assert.Contains("not heard yet", Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
        Assert.Empty(story.Acts);
    }

    [Fact]
    public void Nobody_is_asked_while_its_storage_is_not_stable()
    {
        var story = new BridgeStory().StorageIs(false).Appear()
            .Find(5, 1, 1, Filesystem(verdict: Verdict.JournalAborted)).Wait(100, NobodysGuest);
        Assert.IsType<RecoveryState.AwaitingStorage>(story.State());
        Assert.Empty(Asked(story));
    }

    [Fact]
    public void A_report_from_before_is_not_taken_for_well_either_and_releases_no_operator()
    {
        var story = new BridgeStory();
        story.Appear().Find(5, 1, 1, Filesystem());
        Assert.Contains("not heard yet", Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
        story.Say(5, 1, 1, Filesystem());
        Assert.IsType<RecoveryState.Healthy>(story.State());

        story = new BridgeStory();
        var standing = new RecoveryState.NeedsOperator("fsck exit 4", OperatorRelease.WhenHealthy, MountPoint.Root);
        story.Step(new BridgeInput.HistoryRestored(new GuestHistory(Guest(), [], standing)));
        story.Appear().Find(5, 1, 1, Filesystem()).Wait(5);
        Assert.Equal(standing, story.State());
        story.Say(5, 1, 1, Filesystem());
        Assert.IsType<RecoveryState.Healthy>(story.State());
    }

    [Fact]
    public void A_report_read_again_after_the_link_broke_does_not_renew_the_sign_of_life()
    {
        var story = new BridgeStory();
        story.StorageIs(false).Appear().Say(5, 1, 1, Filesystem(verdict: Verdict.JournalAborted))
            .Wait(170, NobodysGuest).StorageIs(true)
            .Find(5, 1, 1, Filesystem(verdict: Verdict.JournalAborted)).Wait(60, NobodysGuest);
        Assert.Contains("silent", Assert.IsType<RecoveryState.Suspect>(story.State()).Reason);
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void A_migrated_guest_must_be_heard_anew()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Gone().Wait(31).Appear(6)
            .Find(6, 1, 2, Filesystem(verdict: Verdict.JournalAborted));
        Assert.Equal([RequestAction.Probe], Asked(story));
        Assert.Empty(story.Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void Only_what_changes_after_the_first_reading_is_new()
    {
        var domain = new ListenedDomain(new DomainId(5), TimeSpan.Zero);
        Assert.False(Take(domain, uptime: 60).IsNew);
        Assert.True(Take(domain, uptime: 120).IsNew);
        domain.Forget();
        Assert.False(Take(domain, uptime: 180).IsNew);
        Assert.True(Take(domain, uptime: 240).IsNew);
    }

    [Fact]
    public void The_first_report_of_a_domain_that_was_seen_to_start_is_new()
    {
        var domain = new ListenedDomain(new DomainId(5), TimeSpan.Zero);
        var empty = new DomainReading(Guest(), GuestDisks.None, new Dictionary<string, byte[]?>());
        Assert.DoesNotContain(domain.Take(empty), input => input is BridgeInput.ReportRead);
        Assert.True(Take(domain, uptime: 5).IsNew);
    }
}
