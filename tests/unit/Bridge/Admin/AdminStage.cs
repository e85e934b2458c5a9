using HostBridge;
using HostBridge.Admin.Views;
using HostBridge.Recovery;
using Protocol.Health;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge.Admin;

/// <summary>One host at one moment, with a guest in each state that an administrator meets.</summary>
internal static class AdminStage
{
    /// <summary>The bridge beside its loop.</summary>
    public static readonly BridgeFacts Facts =
        new("0.1.0", DateTimeOffset.UnixEpoch.AddHours(98), StateTrouble: null, StateDropped: 0);

    /// <summary>
    /// web1 died and is only observed; web2 died and its storage is down; web3 is well; web4 goes on with recorded
    /// errors; web5 is being recovered; web6 has no agent; web7 hangs and is paused.
    /// </summary>
    public static BridgeStory Tell()
    {
        var story = new BridgeStory(new RecoveryPolicy
        {
            Guests = new Dictionary<string, GuestPolicy>
            {
                ["web5"] = new() { Mode = BridgeMode.Recover, ActWithoutHostEvidence = true, AllowDestroy = true },
            },
        });
        for (int guest = 1; guest <= 7; guest++)
        {
            story.StorageIs(true, DiskOf(guest), $"iscsi iqn.2026-01.lan:array{guest}").Appear(10 + guest, guest, DiskOf(guest));
            if (guest != 6)
            {
                Say(story, guest, 1, Filesystem());
            }
        }

        story.Wait(100);
        Say(story, 1, 2, Dead("/", 60) with { Evidence = [new Evidence(EvidenceKind.Probe, "EROFS")] }, Filesystem("/srv"));
        Say(story, 2, 2, Dead("/", 70));
        Say(story, 3, 2, Filesystem());
        Say(story, 4, 2, Filesystem(verdict: Verdict.ErrorsRecorded) with { Since = At(80) });
        Say(story, 5, 2, Dead("/", 90));
        story.RecordIntent(5).Arm(guest: 5);
        Say(story, 7, 2, Filesystem(verdict: Verdict.Hung) with { Since = At(95) });
        story.StorageIs(false, DiskOf(2), "iscsi iqn.2026-01.lan:array2").Wait(20);
        story.Step(new BridgeInput.Paused(Guest(7).Uuid, story.Now.Wall.AddHours(2)));
        return story;
    }

    /// <summary>What an administrator is shown of it.</summary>
    public static StatusDocument Status(BridgeStory story, BridgeFacts? facts = null)
        => StatusComposer.Compose(story.Loop.Look(story.Now), facts ?? Facts);

    /// <summary>What an administrator is told of one guest.</summary>
    public static ExplainDocument Explain(BridgeStory story, int guest)
    {
        BridgePicture picture = story.Loop.Look(story.Now);
        return ExplainComposer.Compose(
            picture.Guests.First(one => one.Record.Identity == Guest(guest)),
            story.Loop.LookAtDisks(Guest(guest).Uuid, story.Now),
            picture);
    }

    private static FilesystemHealth Dead(string mount, double second)
        => Filesystem(mount, Verdict.JournalAborted) with { Since = At(second) };

    private static DateTimeOffset At(double second) => DateTimeOffset.UnixEpoch.AddHours(100).AddSeconds(second);

    private static DeviceNumber DiskOf(int guest) => new(8, guest * 16);

    private static void Say(BridgeStory story, int guest, long sequence, params FilesystemHealth[] filesystems)
        => story.Say(10 + guest, 10 * guest, sequence, filesystems);
}
