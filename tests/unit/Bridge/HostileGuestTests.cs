using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>Guests that keep the bridge busy: the others must still get their turn and be heard.</summary>
public sealed class HostileGuestTests
{
    private static BridgeStory Restarting()
        => new BridgeStory().WithAbortedRoot().RecordIntent().Arm().Answer(RequestStatus.Accepted);

    [Fact]
    public void A_boot_loop_ends_with_an_operator_at_the_first_proof_deadline()
    {
        BridgeStory story = Restarting();
        int domain = 5;
        for (int boot = 2; boot <= 7; boot++)
        {
            story.Gone(domain).Appear(++domain).Say(domain, boot, 1, Filesystem()).Wait(40);
        }

        Assert.IsType<RecoveryState.Verifying>(story.State());
        story.Gone(domain).Appear(++domain).Say(domain, 8, 1, Filesystem()).Wait(61);
        Assert.Contains("not be proved in time", Assert.Single(story.Told(TellKind.Operator)));
    }

    [Fact]
    public void A_guest_that_accepts_and_does_nothing_keeps_no_other_from_its_turn()
    {
        var story = new BridgeStory(Recover with { MaxPerHost = 1, OldBootPatience = TimeSpan.FromHours(1) });
        story.Appear(7, guest: 2).WithAbortedRoot().RecordIntent().Arm().Answer(RequestStatus.Accepted).Wait(590);
        story.Say(7, 20, 1, Filesystem(verdict: Verdict.JournalAborted));
        Assert.IsType<RecoveryState.Queued>(story.State(2));
        story.Wait(11, guest: 2);
        Assert.IsType<RecoveryState.Recovering>(story.State(2));
        Assert.IsType<RecoveryState.Recovering>(story.State(1));
    }

    [Fact]
    public void One_result_of_a_check_is_asked_at_a_time_and_an_old_one_is_not_taken_for_a_newer_boot()
    {
        BridgeStory story = Restarting();
        for (int boot = 2; boot <= 20; boot++)
        {
            story.Say(5, boot, 1, Filesystem());
        }

        Assert.Equal(Boot(2), Assert.Single(story.Of<RecoveryAction.ReadFsckResult>()).BootId);
        story.ReadFsck(1);
        Assert.DoesNotContain(story.Of<RecoveryAction.SendRequest>(),
            sent => sent.Request.Action == RequestAction.Probe);
        Assert.Equal(Boot(20), story.Of<RecoveryAction.ReadFsckResult>()[^1].BootId);
        story.ReadFsck(1);
        Assert.Equal((RequestAction.Probe, Boot(20)), (story.LastRequest.Action, story.LastRequest.BootId));
    }

    [Fact]
    public void Flapping_verdicts_are_told_in_a_burst_and_then_at_a_pace_and_the_newest_is_told_in_the_end()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Wait(31);
        for (int second = 0; second < 3600; second++)
        {
            Verdict verdict = second % 2 == 0 ? Verdict.ErrorsRecorded : Verdict.Writable;
            story.Say(5, 1, second + 1, Filesystem(verdict: verdict)).Wait(1);
        }

        Assert.InRange(story.Of<RecoveryAction.Tell>().Count, 60, 60 + 121);
        Assert.Contains(story.Of<RecoveryAction.Tell>(), tell => tell.Text.EndsWith(" more not told", StringComparison.Ordinal));
        story.Wait(31);
        Assert.Contains("everything is well", story.Of<RecoveryAction.Tell>()[^1].Text);
    }

    [Fact]
    public void A_guests_own_words_are_marked_in_the_operators_line()
    {
        BridgeStory story = new BridgeStory().WithAbortedRoot().RecordIntent().Arm();
        story.Step(new BridgeInput.OutcomeRead(Guest().Uuid, new DomainId(5), new RequestOutcome
        {
            Id = story.LastRequest.Id,
            BootId = story.LastRequest.BootId,
            Status = RequestStatus.Failed,
            Detail = "ok\" all is well",
        }));
        Assert.EndsWith("recover it by hand; the guest says \"ok\\\" all is well\"", story.Operator().Reason);
    }

    [Fact]
    public void What_stands_and_the_end_of_an_intent_pass_even_after_a_storm_but_stand_once()
    {
        var pacer = new TellPacer(TimeSpan.Zero);
        var chatter = new RecoveryAction.Tell(TellKind.Report, "flap", IncidentFacts.None);
        Assert.Equal(60, pacer.Take([.. Enumerable.Repeat(chatter, 100)], TimeSpan.Zero).Count);
        RecoveryAction.Tell standing = chatter with { Kind = TellKind.Operator, Standing = true };
        Assert.Equal(
            [chatter with { Text = "flap; 39 more not told" }, standing], pacer.Take([standing], TimeSpan.Zero));
        RecoveryAction.Tell end = standing with { EndsIntent = true };
        Assert.Equal([end with { Standing = false }], pacer.Take([end], TimeSpan.Zero));
        pacer.Release();
        Assert.Equal([end], pacer.Take([end], TimeSpan.Zero));
    }
}
