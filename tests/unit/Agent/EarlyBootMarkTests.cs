using CsCheck;
using GuestAgent.Signals.Parsing;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>What an initramfs of this boot left in /run.</summary>
public sealed class EarlyBootMarkTests
{
    private static readonly BootId ThisBoot = Boot("11111111-2222-4333-8444-555555555555");

    private static string Mark(string fsck, string e2fsck)
        => $"boot={ThisBoot}\nby=initramfs-tools\nfsck={fsck}\ne2fsck={e2fsck}\nforced=no\n";

    [Fact]
    public void An_initramfs_with_fsck_and_e2fsck_can_force_a_check()
    {
        EarlyBootMark mark = EarlyBootMark.Parse(Mark("yes", "yes"), ThisBoot)!;
        Assert.Equal(new EarlyBootMark("initramfs-tools", HasFsck: true, HasE2fsck: true, IsForced: false, null), mark);
        Assert.True(mark.CanForceCheck("ext3"));
        Assert.True(mark.CanForceCheck(rootType: null));
    }

    [Theory]
    [InlineData("yes", "no")]
    [InlineData("no", "yes")]
    [InlineData("no", "no")]
    public void An_initramfs_without_fsck_or_e2fsck_promises_no_check_of_an_ext_root(string fsck, string e2fsck)
    {
        EarlyBootMark mark = EarlyBootMark.Parse(Mark(fsck, e2fsck), ThisBoot)!;
        Assert.All((string?[])["ext2", "ext3", "ext4", null], type => Assert.False(mark.CanForceCheck(type)));
    }

    [Theory]
    [InlineData("xfs")]
    [InlineData("btrfs")]
    public void A_root_that_only_its_mount_repairs_needs_no_fsck_in_the_initramfs(string type)
        => Assert.True(EarlyBootMark.Parse(Mark("no", "no"), ThisBoot)!.CanForceCheck(type));

    [Fact]
    public void The_mark_of_an_initramfs_that_was_made_by_an_older_package_promises_nothing()
    {
        Assert.Null(EarlyBootMark.Parse(string.Empty, ThisBoot));
        Assert.Null(EarlyBootMark.Parse(null, ThisBoot));
    }

    [Fact]
    public void The_mark_of_another_boot_promises_nothing()
        => Assert.Null(EarlyBootMark.Parse(Mark("yes", "yes"), Boot("11111111-2222-4333-8444-666666666666")));

    [Theory]
    [InlineData("0", 0)]
    [InlineData("12", 12)]
    [InlineData("256", null)]
    [InlineData("-1", null)]
    [InlineData("", null)]
    public void How_the_check_of_the_root_ended_is_an_exit_code_or_nothing(string text, int? code)
        => Assert.Equal(
            code, EarlyBootMark.Parse($"boot={ThisBoot}\nforced=yes\nroot-exit={text}", ThisBoot)!.RootExitCode);

    [Fact]
    public void Names_of_a_newer_hook_are_left_out()
        => Assert.True(EarlyBootMark.Parse($"later=1\n\n=\nno separator\n{Mark("yes", "yes")}", ThisBoot)!.HasE2fsck);

    [Fact]
    public void Garbage_is_no_mark()
        => Gen.String.Sample(text => Assert.Null(EarlyBootMark.Parse(text, ThisBoot)));

    private static BootId Boot(string text)
    {
        Assert.True(BootId.TryParse(text, out BootId boot));
        return boot;
    }
}
