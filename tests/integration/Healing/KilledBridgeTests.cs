using Protocol.Health;
using Testbed.Demo;
using Testbed.Domains;
using Testbed.Linux;
using Xunit;

namespace Tests.Integration.Healing;

/// <summary>
/// The bridge is killed by SIGKILL at each boundary of a recovery and started again on the same state directory. It
/// goes on under the same intent, the guest ends proved, and nothing is done twice.
/// </summary>
public sealed class KilledBridgeTests
{
    private static readonly KillMoment[] MomentsOfTheBridge =
    [
        KillMoment.BeforeArming, KillMoment.AfterArming, KillMoment.RequestWritten, KillMoment.BeforeCheckRead,
        KillMoment.AfterCheckRead, KillMoment.ProbeWritten,
    ];

    [Theory]
    [InlineData(KillMoment.IntentSeen)]
    [InlineData(KillMoment.BeforeArming)]
    [InlineData(KillMoment.AfterArming)]
    [InlineData(KillMoment.RequestWritten)]
    [InlineData(KillMoment.RequestAccepted)]
    [InlineData(KillMoment.OldBootEnded)]
    [InlineData(KillMoment.NewBootReported)]
    [InlineData(KillMoment.BeforeCheckRead)]
    [InlineData(KillMoment.AfterCheckRead)]
    [InlineData(KillMoment.ProbeWritten)]
    [InlineData(KillMoment.ProbeAnswered)]
    public Task Killed_once_in_a_restart_it_goes_on_and_restarts_the_guest_once(KillMoment moment)
        => RestartAsync(moment);

    [Fact]
    public Task Killed_again_and_again_in_one_restart_it_still_restarts_the_guest_once()
        => RestartAsync(MomentsOfTheBridge);

    [Theory]
    [InlineData(KillMoment.IntentSeen)]
    [InlineData(KillMoment.RequestWritten)]
    [InlineData(KillMoment.RequestAccepted)]
    [InlineData(KillMoment.RepairDone)]
    public async Task Killed_in_a_repair_it_goes_on_and_the_filesystem_is_repaired_once(KillMoment moment)
    {
        await using HealingStage stage =
            await HealingStage.CreateAsync([HealingStage.RootDisk, HealingStage.DataDisk]);
        string bootId = stage.Guest.Boot.BootId;
        WitnessFiles evidence = WitnessFiles.Write(stage.Guest.Boot.Inside(HealingStage.DataMountPoint));
        await stage.AbortAsync(stage.Data);
        using KernelLog kernel = KernelLog.OpenAtEnd();

        await stage.LetBridgeBeKilledAsync(moment);
        stage.StartBridge();
        Incident proof = await stage.WaitForAsync("proof");

        Assert.Contains($"{HealingStage.DataMountPoint} writes again: fsck exit ", proof.Text);
        AssertAskedOnce(stage, RequestAction.Repair);
        Assert.InRange(MountsOf(stage.Data, kernel), 0, 1);
        Assert.Equal(bootId, stage.Guest.Boot.BootId);
        Assert.Empty(evidence.Missing(stage.Guest.Boot.Inside(HealingStage.DataMountPoint)));
    }

    private static async Task RestartAsync(params KillMoment[] moments)
    {
        await using HealingStage stage = await HealingStage.CreateAsync([HealingStage.RootDisk]);
        WitnessFiles evidence = WitnessFiles.Write(stage.Guest.Boot.Inside("/"));
        string oldBoot = stage.Guest.Boot.BootId;
        await stage.AbortAsync(stage.Root);

        foreach (KillMoment moment in moments)
        {
            await stage.LetBridgeBeKilledAsync(moment);
        }

        stage.StartBridge();
        Incident proof = await stage.WaitForAsync("proof");

        Assert.Contains($"/ writes again: new boot id {stage.Guest.Boot.BootId}, fsck exit ", proof.Text);
        Assert.NotEqual(oldBoot, stage.Guest.Boot.BootId);
        AssertAskedOnce(stage, RequestAction.Reboot);
        Assert.Single(stage.ToolstackWords, one => one.Contains(" ended: Restart", StringComparison.Ordinal));
        Assert.Single(stage.ToolstackWords, one => one.Contains("e2fsck -f -p", StringComparison.Ordinal));
        Assert.Empty(evidence.Missing(stage.Guest.Boot.Inside("/")));
    }

    /// <summary>One intent, one request however often it was written, accepted once, and one end.</summary>
    private static void AssertAskedOnce(HealingStage stage, RequestAction action)
    {
        Assert.Equal(action, Assert.Single(stage.Asked.Select(one => one.Action).Distinct()));
        RequestId id = Assert.Single(stage.Asked.Select(one => one.Id).Distinct());
        Assert.Single(stage.Answers, one => one.Id == id && one.Status == RequestStatus.Accepted);
        Assert.Single(stage.Story, one => one.Kind == "intent");
        Assert.Single(stage.Story, one => one.Kind == "proof");
        Assert.DoesNotContain(stage.Story, one => one.Kind == "operator");
    }

    /// <summary>
    /// How often a disk was mounted, by the kernel's own words; it may be too few. ext4 prints at most 64 lines about
    /// mounts in 30 s (fs/ext4/super.c, ext4_mount_msg_ratelimit), those of all tests at work together. That it was
    /// mounted at all is in the proof.
    /// </summary>
    private static int MountsOf(Disk disk, KernelLog kernel)
    {
        string mounted = $"EXT4-fs ({disk.Loop.Name}): mounted filesystem";
        int count = 0;
        while (kernel.ReadLine() is { } line)
        {
            count += line.StartsWith(mounted, StringComparison.Ordinal) ? 1 : 0;
        }

        return count;
    }
}
