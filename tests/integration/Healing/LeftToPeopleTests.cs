using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Protocol.Health;
using Testbed.Demo;
using Testbed.Domains;
using Testbed.Linux;
using Xunit;

namespace Tests.Integration.Healing;

/// <summary>A data filesystem that only people can bring back: they are told why, and nothing is made worse.</summary>
public sealed class LeftToPeopleTests
{
    [Fact]
    public async Task A_busy_filesystem_stays_mounted_its_holder_lives_and_an_operator_is_told_who_holds_it()
    {
        await using HealingStage stage =
            await HealingStage.CreateAsync([HealingStage.RootDisk, HealingStage.DataDisk]);
        string bootId = stage.Guest.Boot.BootId;
        using Process holder = await stage.HoldFileAsync(HealingStage.DataMountPoint);
        await stage.AbortAsync(stage.Data);

        stage.StartBridge();
        Incident told = await stage.WaitForAsync("operator");

        Assert.Contains($"{HealingStage.DataMountPoint}: the repair was failed (in-use)", told.Text);
        Assert.Matches(@"the guest says ""pid \d+ \(tail\)""", told.Text);
        Assert.False(holder.HasExited);
        Assert.NotNull(stage.Guest.Boot.MountClaim(HealingStage.DataMountPoint));
        Assert.Equal(bootId, stage.Guest.Boot.BootId);
        Assert.Equal(RequestAction.Repair, Assert.Single(stage.Asked).Action);
        Assert.True(File.Exists(stage.HoldFile));
    }

    [Fact]
    public async Task Once_a_person_has_repaired_the_busy_filesystem_the_guest_is_well_and_no_longer_held()
    {
        await using HealingStage stage =
            await HealingStage.CreateAsync([HealingStage.RootDisk, HealingStage.DataDisk]);
        using Process holder = await stage.HoldFileAsync(HealingStage.DataMountPoint);
        await stage.AbortAsync(stage.Data);
        stage.StartBridge();
        await stage.WaitForAsync("operator");

        holder.Kill(entireProcessTree: true);
        await stage.WaitAsync(
            "it can be unmounted by hand", () => stage.TryInGuestAsync("umount", HealingStage.DataMountPoint));
        Assert.True(await stage.TryInGuestAsync("e2fsck", "-f", "-p", stage.Data.Loop.Path));
        Assert.True(await stage.TryInGuestAsync("mount", stage.Data.Loop.Path, HealingStage.DataMountPoint));

        await stage.WaitAsync("it is no longer held", () => !File.Exists(stage.HoldFile));
        Assert.Contains("by a person", (await stage.WaitForAsync("proof")).Text);
        Assert.Single(stage.Asked);
    }

    [Fact]
    public async Task A_filesystem_that_the_check_cannot_mend_stays_unmounted_for_an_operator_and_is_not_tried_again()
    {
        await using HealingStage stage = await HealingStage.CreateAsync(
            [HealingStage.RootDisk, HealingStage.DataDisk with { FilesystemType = "ext3" }],
            domain => ShareOneBlockAsync(domain.DiskAt(HealingStage.DataMountPoint)));
        await stage.AbortAsync(stage.Data);

        stage.StartBridge();
        Incident told = await stage.WaitForAsync("operator");

        Assert.Contains("the repair was failed (check-failed, e2fsck exit 4)", told.Text);
        Assert.Contains("left unmounted", told.Text);
        Assert.Null(stage.Guest.Boot.MountClaim(HealingStage.DataMountPoint));

        await stage.KillBridgeAsync();
        stage.StartBridge();
        await stage.WaitForLogAsync("operator needed: ", 2);

        Assert.Single(stage.Asked);
        Assert.Null(stage.Guest.Boot.MountClaim(HealingStage.DataMountPoint));
        Assert.True(File.Exists(stage.HoldFile));
        Assert.DoesNotContain(stage.Story, one => one.Kind == "proof");
    }

    /// <summary>
    /// Lets two files claim one block: nothing notices it until a check does, which cannot tell whose the block is and
    /// does not decide by itself (e2fsck -p ends with 4).
    /// </summary>
    private static async Task ShareOneBlockAsync(Disk disk)
    {
        string source = Path.GetTempFileName();
        // Random, as debugfs leaves holes for zeros.
        await File.WriteAllBytesAsync(
            source, RandomNumberGenerator.GetBytes(16 * 1024), TestContext.Current.CancellationToken);
        await DebugAsync(disk, $"write {source} first");
        await DebugAsync(disk, $"write {source} second");
        File.Delete(source);
        string shared = (await Tool.RequireAsync("debugfs", "-R", "bmap first 0", disk.Loop.Path)).Split('\n')[0];
        int block = int.Parse(shared, CultureInfo.InvariantCulture);
        await DebugAsync(disk, string.Create(CultureInfo.InvariantCulture, $"set_inode_field second block[0] {block}"));
    }

    private static Task<string> DebugAsync(Disk disk, string command)
        => Tool.RequireAsync("debugfs", "-w", "-R", command, disk.Loop.Path);
}
