using Protocol.Health;
using Testbed.Demo;
using Testbed.Domains;
using Xunit;

namespace Tests.Integration.Healing;

/// <summary>What the bridge waits for instead of acting: the end of a hang, the next recovery's turn.</summary>
public sealed class PatienceTests
{
    // Those of the policy, which no option changes.
    private static readonly TimeSpan Spacing = TimeSpan.FromSeconds(120);

    // Enough to start the bridge and be judged before the turn has come, and no longer.
    private static readonly TimeSpan UntilTurn = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task A_root_that_hangs_and_heals_is_reported_and_left_alone()
    {
        await using HealingStage stage = await HealingStage.CreateAsync([HealingStage.RootDisk]);
        string bootId = stage.Guest.Boot.BootId;
        WitnessFiles evidence = WitnessFiles.Write(stage.Guest.Boot.Inside("/"));
        stage.StartBridge();
        await stage.WaitForStoryAsync("everything is well", count: 1);

        await stage.Root.SetModeAsync(FaultMode.BlockWrites);
        await stage.WaitForStoryAsync(" is hung", "; its storage is stable, and a hang ends by itself: nothing");
        await stage.Root.SetModeAsync(FaultMode.Pass);
        await stage.WaitForStoryAsync("everything is well", count: 2);

        Assert.True(stage.IsNow(stage.Root, Verdict.Writable));
        Assert.Empty(stage.Asked);
        Assert.DoesNotContain(stage.Story, one => one.Kind is "intent" or "operator");
        Assert.Equal(bootId, stage.Guest.Boot.BootId);
        Assert.Empty(evidence.Missing(stage.Guest.Boot.Inside("/")));
    }

    [Fact]
    public async Task A_relapse_waits_for_its_turn_and_the_one_after_the_last_allowed_is_an_operators()
    {
        await using HealingStage stage =
            await HealingStage.CreateAsync([HealingStage.RootDisk, HealingStage.DataDisk]);
        DateTimeOffset before = DateTimeOffset.UtcNow - Spacing + UntilTurn;
        stage.RememberRecovery(before);
        await stage.AbortAsync(stage.Data);

        stage.StartBridge();
        await stage.WaitForStoryAsync("next: ask it to unmount, check and mount it");
        Incident intent = await stage.WaitForAsync("intent", count: 2);
        Assert.Contains("(recovery 2 of at most 2)", intent.Text);
        Assert.InRange(intent.Time - before, Spacing, TimeSpan.MaxValue);
        await stage.WaitForAsync("proof");

        await stage.AbortAsync(stage.Data);
        Incident told = await stage.WaitForAsync("operator");

        Assert.Contains("; it had 2 recoveries within 6 h: ", told.Text);
        Assert.Equal(RequestAction.Repair, Assert.Single(stage.Asked).Action);
        Assert.NotNull(stage.Guest.Boot.MountClaim(HealingStage.DataMountPoint));
        Assert.True(File.Exists(stage.HoldFile));
    }
}
