using GuestAgent.Linux;
using GuestAgent.Signals;
using GuestAgent.Signals.Parsing;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>
/// Whether a boot checks a filesystem, by trees of /etc, /proc and /run. What systemd and initramfs-tools leave there is
/// written by hand after systemd-fstab-generator(8) of 252 and scripts/functions of initramfs-tools 0.142.
/// </summary>
public sealed class BootCheckTests : IDisposable
{
    private const string Boot = "11111111-2222-3333-4444-555555555555";
    private readonly string _folder = Directory.CreateTempSubdirectory("boot-check-").FullName;

    public BootCheckTests()
    {
        Write("proc/cmdline", "root=/dev/xvda1 ro quiet");
        Write("proc/sys/kernel/random/boot_id", Boot);
        Write("sbin/fsck.ext3", string.Empty);
        Write("sbin/fsck.ext4", string.Empty);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("/dev/xvda1 / ext4 errors=remount-ro,noatime 0 0", BootCheckReason.PassnoZero)]
    [InlineData("/dev/xvda1 / ext4 errors=remount-ro 0", BootCheckReason.PassnoZero)]
    [InlineData("/dev/xvda1 / ext4 defaults", BootCheckReason.PassnoZero)]
    [InlineData("/dev/xvda1 / ext4 defaults 1 x", BootCheckReason.PassnoZero)]
    [InlineData("/dev/xvda1 / ext4 defaults 0 1", null)]
    [InlineData("UUID=1 // ext4 defaults 0 2", null)]
    public void Without_a_trace_the_sixth_field_of_fstab_decides(string line, BootCheckReason? whyNot)
    {
        Write("etc/fstab", line + "\n");

        Expect("/", whyNot);
    }

    [Fact]
    public void A_filesystem_that_systemd_does_not_know_from_fstab_is_not_checked()
    {
        Systemd();
        Expect("/", BootCheckReason.NoFstab);

        Write("etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n");
        Expect("/", null);
        Expect("/srv", BootCheckReason.NotInFstab);
    }

    [Fact]
    public void Without_systemd_nobody_knows_what_a_boot_does_without_fstab()
        => Assert.Equal(BootCheck.NotKnown, Of("/").Check);

    [Fact]
    public void An_fstab_that_cannot_be_read_says_nothing()
    {
        Systemd();
        Directory.CreateDirectory(Path.Combine(_folder, "etc/fstab"));

        Assert.Equal(BootCheck.NotKnown, Of("/").Check);
    }

    [Theory]
    [InlineData("etc/systemd/system")]
    [InlineData("run/systemd/system")]
    [InlineData("run/systemd/generator.early")] // systemd.mask= on the command line
    public void A_masked_unit_checks_nothing(string folder)
    {
        Systemd();
        Write("etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n/dev/xvdb /srv ext4 defaults 0 2\n");
        Directory.CreateDirectory(Path.Combine(_folder, folder));
        File.CreateSymbolicLink(Path.Combine(_folder, folder, "systemd-fsck@.service"), "/dev/null");
        Expect("/", null);
        Expect("/srv", BootCheckReason.Masked);

        Write($"{folder}/systemd-fsck-root.service", string.Empty);
        Expect("/", BootCheckReason.Masked);
    }

    [Theory]
    [InlineData("ro fsck.mode=skip", true)]
    [InlineData("fastboot ro", true)]
    [InlineData("rd.skipfsck", true)]
    [InlineData("fsck.mode=skip fsck.mode=force", false)] // what a bridge appends
    [InlineData("fsck.mode=force fastboot", true)]
    [InlineData("notfastboot xfsck.mode=skip", false)]
    public void The_last_word_of_the_kernel_command_line_decides(string commandLine, bool isSkipped)
    {
        Write("proc/cmdline", commandLine);
        Write("etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n");

        Expect("/", isSkipped ? BootCheckReason.Skipped : null);
    }

    [Fact]
    public void Without_its_program_a_check_is_not_made()
    {
        Systemd();
        Write("etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n");
        File.Delete(Path.Combine(_folder, "sbin/fsck.ext4"));
        Expect("/", BootCheckReason.NoFsck);

        Write("usr/sbin/fsck.ext4", string.Empty);
        Expect("/", null);
    }

    [Theory]
    [InlineData("run/initramfs/fsck-root")]
    [InlineData("run/systemd/units/invocation:systemd-fsck-root.service")]
    public void A_check_of_this_boot_counts_more_than_fstab(string trace)
    {
        Systemd();
        Write("etc/fstab", "/dev/xvda1 / ext4 defaults 0 0\n");
        Expect("/", BootCheckReason.PassnoZero);

        Write(trace, string.Empty);
        Expect("/", null);
    }

    [Fact]
    public void A_check_of_this_boot_that_was_skipped_is_none()
    {
        Systemd();
        Write("proc/cmdline", "fsck.mode=skip");
        Write("run/systemd/units/invocation:systemd-fsck-root.service", string.Empty);

        Expect("/", BootCheckReason.Skipped);
    }

    [Fact]
    public void A_root_that_left_no_trace_of_its_check_is_not_known()
    {
        Systemd();
        Write("etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n");
        Write("run/systemd/units/invocation:dbus.service", string.Empty);

        Assert.Equal((BootCheck.NotKnown, null), Of("/"));
    }

    [Theory]
    [InlineData("fsck=yes\ne2fsck=yes\n", true)]
    [InlineData("fsck=no\ne2fsck=yes\n", false)]
    [InlineData("fsck=no\ne2fsck=no\nroot-exit=1\n", true)]
    public void An_early_boot_that_can_check_the_root_counts_more_than_fstab(string mark, bool isChecked)
    {
        Write("etc/fstab", "/dev/xvda1 / ext4 defaults 0 0\n/dev/xvdb /srv ext4 defaults 0 0\n");
        Write("run/guest-agent-fsck-hook", $"boot={Boot}\nby=initramfs-tools\n{mark}");

        Expect("/", isChecked ? null : BootCheckReason.PassnoZero);
        Expect("/srv", BootCheckReason.PassnoZero);
    }

    [Fact]
    public void A_mark_of_another_boot_says_nothing()
    {
        Write("etc/fstab", "/dev/xvda1 / ext4 defaults 0 0\n");
        Write("run/guest-agent-fsck-hook", "boot=99999999-2222-3333-4444-555555555555\nfsck=yes\ne2fsck=yes\n");

        Expect("/", BootCheckReason.PassnoZero);
    }

    [Fact]
    public void A_mount_unit_of_a_generator_asks_for_a_check_without_fstab()
    {
        Systemd();
        Write(
            "run/systemd/generator.late/srv.mount",
            "[Unit]\nRequires=systemd-fsck@dev-xvdb.service\nAfter=systemd-fsck@dev-xvdb.service\n[Mount]\nWhere=/srv\n");
        Write("run/systemd/generator.late/home.mount", "[Mount]\nWhere=/home\n# Requires=systemd-fsck@x.service\n");

        Expect("/srv", null);
        Expect("/home", BootCheckReason.NoFstab);
    }

    [Fact]
    public void What_is_mounted_by_hand_alone_is_not_known()
    {
        Write("etc/fstab", "/dev/xvdb /srv ext4 noauto 0 2\n");

        Assert.Equal((BootCheck.NotKnown, null), Of("/srv"));
    }

    [Theory]
    [InlineData("xfs")]
    [InlineData("btrfs")]
    [InlineData("zfs")]
    public void A_type_without_a_check_has_none_to_be_forced(string type)
    {
        Write("etc/fstab", $"/dev/xvda1 / {type} defaults 0 0\n");

        Assert.Equal((BootCheck.NotKnown, null), Of("/", type));
    }

    private void Systemd() => Directory.CreateDirectory(Path.Combine(_folder, "run/systemd/system"));

    private void Expect(string mountPoint, BootCheckReason? whyNot)
        => Assert.Equal((whyNot is null ? BootCheck.Checked : BootCheck.NotChecked, whyNot), Of(mountPoint));

    private (BootCheck Check, BootCheckReason? WhyNot) Of(string mountPoint, string type = "ext4")
        => BootCheckRules.Of(BootCheckReader.Read(new PathRoot(_folder)), MountPoint.FromText(mountPoint), type);

    private void Write(string path, string text)
    {
        string file = Path.Combine(_folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
