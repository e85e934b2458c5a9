using HostBridge;
using HostBridge.Notifications.Telling;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge.Notifications;

/// <summary>Of which transitions people are told: each once.</summary>
public sealed class NoticeTests
{
    private static IReadOnlyList<Notice> Notices(BridgeStory story)
        => [.. story.Effects.Select(effect => effect.Notice).OfType<Notice>()];

    private static NoticeKind[] Kinds(BridgeStory story) => [.. Notices(story).Select(notice => notice.Kind)];

    [Fact]
    public void A_guest_that_is_well_is_nothing_to_tell()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Wait(600);
        Assert.Empty(Notices(story));
    }

    [Fact]
    public void A_recovery_is_told_when_it_is_needed_begun_and_proved()
    {
        BridgeStory story = new BridgeStory().WithAbortedRoot().RecordIntent().Arm();
        story.Answer(RequestStatus.Accepted).Gone().Appear(6).Say(6, 2, 1, Filesystem()).ReadFsck(1);
        story.Answer(RequestStatus.Done, probe: "ok", domain: 6).Say(6, 2, 2, Filesystem()).Wait(120);

        Assert.Equal([NoticeKind.Problem, NoticeKind.RecoveryBegun, NoticeKind.Recovered], Kinds(story));
        Notice proof = Notices(story)[^1];
        Assert.Contains("/ writes again", proof.What);
        Assert.Contains("fsck exit 1", proof.What);
        Assert.Contains("asked it to reboot /", proof.Done);
        Assert.Equal("this host saw no fault of its disks", proof.Why);
        Assert.Empty(proof.ToDo);
        Assert.Equal("journal-aborted", Notices(story)[0].Verdict);
    }

    [Fact]
    public void A_check_that_is_not_proved_is_said_with_the_proof()
    {
        BridgeStory story = new BridgeStory().WithAbortedRoot().RecordIntent().Arm();
        story.Answer(RequestStatus.Accepted).Gone().Appear(6).Say(6, 2, 1, Filesystem()).ReadFsck(null);
        story.Answer(RequestStatus.Done, probe: "ok", domain: 6).Say(6, 2, 2, Filesystem());
        Assert.Contains("is not known", Notices(story)[^1].ToDo);
    }

    [Fact]
    public void A_person_who_is_needed_is_told_the_reason_and_what_to_do_once()
    {
        BridgeStory story = new BridgeStory().WithAbortedRoot().RecordIntent().Arm(ArmingResult.Unavailable);
        for (int sequence = 3; sequence < 10; sequence++)
        {
            story.Say(5, 1, sequence, Filesystem(verdict: Verdict.JournalAborted)).Wait(60);
        }

        Assert.Equal([NoticeKind.Problem, NoticeKind.RecoveryBegun, NoticeKind.NeedsOperator], Kinds(story));
        Notice needed = Notices(story)[^1];
        Assert.StartsWith("a check at its next boot could not be forced", needed.What);
        Assert.StartsWith("restart it with a forced check by hand", needed.ToDo);
        Assert.StartsWith("reboot-", needed.Intent);
    }

    [Fact]
    public void A_person_who_acknowledged_and_is_needed_again_is_told_again()
    {
        BridgeStory story = new BridgeStory(Recover with { ActWithoutHostEvidence = false }).WithAbortedRoot();
        Assert.Equal([NoticeKind.NeedsOperator], Kinds(story));
        story.Step(new BridgeInput.Acknowledged(Guest().Uuid));
        story.Say(5, 1, 3, Filesystem()).Say(5, 1, 4, Filesystem(verdict: Verdict.JournalAborted));
        Assert.Equal([NoticeKind.NeedsOperator, NoticeKind.WellAgain, NoticeKind.NeedsOperator], Kinds(story));
    }

    [Fact]
    public void A_guest_that_waits_for_its_storage_and_heals_by_itself_is_told_twice()
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Wait(31).StorageIs(false);
        story.Say(5, 1, 2, Filesystem(verdict: Verdict.Hung)).Wait(60).StorageIs(true).Wait(10)
            .Say(5, 1, 3, Filesystem()).Wait(60);
        Assert.Equal([NoticeKind.Problem, NoticeKind.WellAgain], Kinds(story));
        Notice problem = Notices(story)[0];
        Assert.Equal("lun-1", problem.Incident);
        Assert.Contains("session 1 FAILED", problem.Why);
        Assert.StartsWith("bring its storage back", problem.ToDo);
    }

    [Fact]
    public void In_observe_mode_it_is_told_that_nothing_is_done()
    {
        BridgeStory story = new BridgeStory(new RecoveryPolicy { ActWithoutHostEvidence = true, GraceAfterBoot = default })
            .WithAbortedRoot();
        Assert.Contains("would restart it with a check, but", Assert.Single(Notices(story)).What);
        Assert.Contains("does nothing about this", Notices(story)[0].ToDo);
    }

    [Fact]
    public void A_faulty_guest_that_leaves_this_host_is_told()
    {
        BridgeStory story = new BridgeStory(new RecoveryPolicy()).WithAbortedRoot().Gone().Wait(5);
        Assert.Equal([NoticeKind.Problem, NoticeKind.Gone], Kinds(story));
    }

    [Fact]
    public void A_guest_that_is_down_and_waits_is_told_at_once_and_once()
    {
        BridgeStory story = new BridgeStory(Recover with
        {
            AnyGuest = new GuestPolicy { AllowDestroy = true, ExclusiveStorage = ExclusiveStorage.Yes },
        }).WithAbortedRoot().RecordIntent().Arm();
        story.Wait(100).Confirm().RecordStep().StepDone().Gone().RecordStep().RecordStep();
        story.StepDone(StepResult.Failed).Wait(3);
        Assert.Contains(NoticeKind.Escalated, Kinds(story));
        Assert.Equal(NoticeKind.GuestDown, Kinds(story)[^1]);
        Assert.StartsWith("the guest is DOWN", Notices(story)[^1].What);
    }

    [Fact]
    public void What_was_told_before_a_restart_is_not_told_again()
    {
        BridgeStory before = new BridgeStory(Recover with { ActWithoutHostEvidence = false }).WithAbortedRoot();
        var after = new BridgeStory(before.Policy);
        after.Step(new BridgeInput.NoticesRestored(Notices(before)));
        after.StorageIs(true).Appear().Wait(31).Say(5, 1, 3, Filesystem(verdict: Verdict.JournalAborted)).Wait(60);
        Assert.Empty(Notices(after));
        after.Say(5, 1, 4, Filesystem());
        Assert.Equal([NoticeKind.WellAgain], Kinds(after));
    }

    [Fact]
    public void What_a_guest_writes_stays_one_printable_line()
    {
        BridgeStory story = new BridgeStory(new RecoveryPolicy());
        story.StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Wait(31)
            .Say(5, 1, 2, Filesystem("/a\nSubject: \u001b[31mx", Verdict.JournalAborted));
        Notice notice = Notices(story)[^1];
        Assert.All(notice.What, letter => Assert.InRange(letter, ' ', '~'));
    }
}
