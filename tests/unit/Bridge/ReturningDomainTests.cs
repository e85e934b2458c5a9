using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>
/// A guest whose domain vanishes and which comes back in another one, while its old number goes to another guest: in
/// whatever order that is heard, each guest's words count for the domain that it runs in.
/// </summary>
public sealed class ReturningDomainTests
{
    private const int Returning = 1;
    private const int Other = 2;

    private static readonly DomainId OldNumber = new(5);
    private static readonly DomainId NewNumber = new(6);
    private static readonly DeviceNumber OtherDisk = new(8, 32);

    private static readonly BridgeInput OldGone = new BridgeInput.GuestGone(Guest(Returning).Uuid, OldNumber);
    private static readonly BridgeInput OldSeen = Seen(Returning, OldNumber, Disk);
    private static readonly BridgeInput OldReport = Said(Returning, OldNumber, boot: 1, Verdict.JournalAborted);
    private static readonly BridgeInput NewSeen = Seen(Returning, NewNumber, Disk);
    private static readonly BridgeInput NewReport = Said(Returning, NewNumber, boot: 2, Verdict.Writable);
    private static readonly BridgeInput OtherSeen = Seen(Other, OldNumber, OtherDisk);
    private static readonly BridgeInput OtherReport = Said(Other, OldNumber, boot: 3, Verdict.Writable);

    [Fact]
    public void In_every_order_one_living_guest_remains_and_no_word_counts_for_another_domain()
    {
        BridgeInput[] happenings = [OldSeen, OldReport, OldGone, NewSeen, NewReport, OtherSeen, OtherReport];
        int orders = 0;
        foreach (BridgeInput[] order in Permutations(happenings))
        {
            orders++;
            BridgeStory story = WithStableStorage();
            story.AfterStep = () => AssertEachIsItself(story);
            Array.ForEach(order, input => story.Step(input));

            // Whatever came before: the listener ends with reading what is there.
            Array.ForEach([OldGone, NewSeen, NewReport, OtherSeen, OtherReport], input => story.Step(input));
            story.Wait(2);

            Assert.Equal(2, story.Loop.Guests.Count);
            Assert.Equal(NewNumber, story.Record(Returning)!.Domain);
            Assert.Equal(new RecoveryState.Healthy(Boot(2)), story.State(Returning));
            Assert.Equal(OldNumber, story.Record(Other)!.Domain);
            Assert.Equal(new RecoveryState.Healthy(Boot(3)), story.State(Other));
            Assert.Empty(story.Of<RecoveryAction.SendRequest>());
        }

        Assert.Equal(5040, orders);
    }

    [Fact]
    public void A_late_report_of_the_boot_before_in_the_same_domain_counts_for_nothing()
    {
        BridgeStory story = WithStableStorage();
        BridgeInput newReport = Said(Returning, OldNumber, boot: 2, Verdict.Writable);
        Array.ForEach([OldSeen, OldReport, OldGone, OldSeen, newReport, OldReport], input => story.Step(input));
        story.Wait(2);
        Assert.Equal(new RecoveryState.Healthy(Boot(2)), story.State());
    }

    [Fact]
    public void An_answer_of_the_domain_before_counts_for_nothing()
    {
        BridgeStory story = WithStableStorage();
        Array.ForEach([OldSeen, OldReport], input => story.Step(input));
        story.RecordIntent().Arm();
        RequestId asked = story.LastRequest.Id;
        Array.ForEach([OldGone, NewSeen], input => story.Step(input));
        RecoveryState before = story.State();
        story.Step(new BridgeInput.OutcomeRead(Guest(Returning).Uuid, OldNumber, new RequestOutcome
        {
            Id = asked, BootId = Boot(1), Status = RequestStatus.Refused, Reason = OutcomeReason.Expired,
        }));
        Assert.Equal(before, story.State());
    }

    private static BridgeStory WithStableStorage()
        => new BridgeStory().StorageIs(true).StorageIs(true, OtherDisk).Wait(31);

    private static BridgeInput.GuestSeen Seen(int guest, DomainId domain, DeviceNumber disk)
        => new(Guest(guest), domain, new GuestDisks([disk], []));

    private static BridgeInput.ReportRead Said(int guest, DomainId domain, int boot, Verdict root)
        => new(Guest(guest).Uuid, domain, Report(boot, 1, Filesystem(verdict: root)), IsNew: true);

    private static void AssertEachIsItself(BridgeStory story)
    {
        foreach (GuestRecord guest in story.Loop.Guests)
        {
            int? boot = guest.Domain is not { } domain ? null
                : guest.Identity == Guest(Other) ? 3
                : domain == OldNumber ? 1 : 2;
            Assert.True(guest.Report is null || guest.Report.BootId == Boot(boot!.Value), "another domain's words");
        }

        foreach (BridgeEffect effect in story.Last.Where(one => one.Action is RecoveryAction.RecordIntent))
        {
            var intent = (RecoveryAction.RecordIntent)effect.Action;
            Assert.Equal((OldNumber, Boot(1)), (effect.Domain, intent.Facts.BootId));
        }
    }

    private static IEnumerable<BridgeInput[]> Permutations(BridgeInput[] items)
        => items.Length == 0
            ? [[]]
            : items.SelectMany((item, index)
                => Permutations([.. items[..index], .. items[(index + 1)..]])
                    .Select(rest => (BridgeInput[])[item, .. rest]));
}
