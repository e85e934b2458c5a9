using System.Text;
using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Signals;
using GuestAgent.Signals.Parsing;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>Where it is written down that a filesystem is to be read-only.</summary>
public sealed class MountWishTests : IDisposable
{
    private static readonly MountWish UnitReadOnly = new(WishSource.SystemdUnit, IsReadOnly: true);

    private readonly string _folder = Directory.CreateTempSubdirectory("wishes-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("/dev/xvdb /srv/archive/ ext4 ro 0 2")]
    [InlineData("/dev/xvdb /srv//archive ext4 noatime,ro 0 2")]
    [InlineData("/dev/xvdb /srv/./archive ext4 rw,ro")]
    public void Fstab_says_so_in_whatever_spelling(string line)
    {
        Write("etc/fstab", line);
        Assert.Equal(new MountWish(WishSource.Fstab, IsReadOnly: true), Of("/srv/archive"));
    }

    [Fact]
    public void Fstab_in_utf8_is_read_byte_by_byte()
    {
        Write("etc/fstab", "/dev/xvdb /srv/weiß ext4 ro 0 2");
        Assert.True(Of("/srv/weiß").IsReadOnly);
    }

    [Fact]
    public void A_long_fstab_is_read_to_its_end()
    {
        Write("etc/fstab", new string('#', 40_000) + "\n/dev/xvdb /srv ext4 ro 0 2\n");
        Assert.True(Of("/srv").IsReadOnly);
    }

    [Theory]
    [InlineData("run/systemd/generator")]
    [InlineData("etc/systemd/system")]
    [InlineData("usr/lib/systemd/system")]
    public void A_mount_unit_says_so(string folder)
    {
        Write($"{folder}/boot.mount", "[Unit]\nBefore=local-fs.target\n\n[Mount]\nWhat=/dev/xvda3\nWhere=/boot/\nOptions=ro,nodev\n");
        Assert.Equal(UnitReadOnly, Of("/boot"));
    }

    [Fact]
    public void A_drop_in_replaces_the_options_of_its_unit()
    {
        Write("usr/lib/systemd/system/srv.mount", "[Mount]\nWhere=/srv\nOptions=rw\n");
        Write("etc/systemd/system/srv.mount.d/10-read-only.conf", "[Mount]\nOptions=noatime,\\\n  ro\n");
        Assert.Equal(UnitReadOnly, Of("/srv"));
        Write("run/systemd/system/srv.mount.d/20-writable.conf", "[Mount]\nOptions=rw\n");
        Assert.Equal(UnitReadOnly with { IsReadOnly = false }, Of("/srv"));
    }

    [Fact]
    public void A_unit_of_an_administrator_comes_before_the_vendors_and_fstab_before_both()
    {
        Write("usr/lib/systemd/system/srv.mount", "[Mount]\nWhere=/srv\nOptions=rw\n");
        Write("etc/systemd/system/srv.mount", "[Mount]\nWhere=/srv\nOptions=ro\n");
        Assert.Equal(UnitReadOnly, Of("/srv"));
        Write("etc/fstab", "/dev/xvdb /srv ext4 rw 0 2");
        Assert.Equal(new MountWish(WishSource.Fstab, IsReadOnly: false), Of("/srv"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[Mount]\nWhere=relative\nOptions=ro")]
    [InlineData("[Install]\nWhere=/srv\nOptions=ro")]
    [InlineData("[Mount]\n# Where=/srv\n; Options=ro")]
    [InlineData("[Mount\nWhere=/srv\nOptions=ro\\")]
    public void What_is_no_mount_unit_says_nothing(string text)
    {
        Write("etc/systemd/system/srv.mount", text);
        Assert.Equal(MountWish.None, Of("/srv"));
    }

    [Theory]
    [InlineData("root=/dev/xvda1 ro quiet", true)]
    [InlineData("root=/dev/xvda1 ro rw", false)]
    [InlineData("root=/dev/xvda1 rw", false)]
    [InlineData("root=/dev/xvda1", false)]
    [InlineData("rw systemd.volatile=overlay", true)]
    [InlineData("rw systemd.volatile=no", false)]
    [InlineData("root=/dev/ro error=ro", false)]
    public void The_command_line_speaks_of_a_root_that_no_fstab_lists(string commandLine, bool isReadOnly)
    {
        Write("proc/cmdline", commandLine + "\n");
        Assert.Equal(isReadOnly, Of("/") == new MountWish(WishSource.CommandLine, IsReadOnly: true));
        Assert.Equal(MountWish.None, Of("/srv"));
        Write("etc/fstab", "/dev/xvda1 / ext4 errors=remount-ro 0 1");
        Assert.Equal(new MountWish(WishSource.Fstab, IsReadOnly: false), Of("/"));
    }

    [Fact]
    public void The_real_root_below_an_overlay_is_read_only_by_the_command_line()
    {
        List<MountEntry> table = MountInfoParser.Parse(
            """
            24 1 0:25 / / rw,relatime - overlay overlayroot rw,lowerdir=/media/root-ro,upperdir=/media/root-rw/overlay
            25 24 202:1 / /media/root-ro ro,relatime - ext4 /dev/xvda1 ro
            26 24 202:2 / /media/root-rw rw,relatime - ext4 /dev/xvda2 rw
            """u8);
        IReadOnlyList<MountPoint> layers = OverlayLayers.OfRoot(table);
        Assert.True(OverlayLayers.Holds(MountPoint.FromText("/media/root-ro"), layers));
        Assert.False(OverlayLayers.Holds(MountPoint.FromText("/media/root-rw"), layers));
        Assert.False(OverlayLayers.Holds(MountPoint.Root, layers));
        Write("proc/cmdline", "root=/dev/xvda1 ro overlayroot=device:dev=/dev/xvda2");
        var wishes = new MountWishes(new PathRoot(_folder));
        wishes.Read();
        Assert.Equal(
            new MountWish(WishSource.CommandLine, IsReadOnly: true),
            wishes.Of(MountPoint.FromText("/media/root-ro"), isOverlayLower: true));
    }

    [Fact]
    public void The_key_comes_before_everything()
    {
        Write("etc/fstab", "/dev/xvdb /srv ext4 rw 0 2");
        var wishes = new MountWishes(new PathRoot(_folder));
        wishes.TakeKey([MountPoint.FromText("/srv")]);
        wishes.Read();
        Assert.Equal(
            new MountWish(WishSource.Key, IsReadOnly: true), wishes.Of(MountPoint.FromText("/srv"), isOverlayLower: false));
    }

    private MountWish Of(string mountPoint)
    {
        var wishes = new MountWishes(new PathRoot(_folder));
        wishes.Read();
        return wishes.Of(MountPoint.FromText(mountPoint), isOverlayLower: false);
    }

    private void Write(string path, string text)
    {
        string file = Path.Combine(_folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
    }
}
