using System.Globalization;
using System.Text;
using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Probing;
using GuestAgent.Signals.Parsing;
using Mono.Unix.Native;
using Protocol.Health;
using Testbed.Agents;
using Testbed.Linux;
using Xunit;

namespace Tests.Integration.Detection;

/// <summary>The choice of a mount and the probe through it, on real mounts of this kernel.</summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class RealMountTests : IAsyncLifetime
{
    // A tmpfs of root's own in place of the temporary folder, into which everyone may write.
    private const string Top = "/mnt";

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(Syscall.geteuid() == 0, "only root can mount");
        await Tool.RequireAsync("mount", "-t", "tmpfs", "-o", "mode=755", "real-mounts", Top);
    }

    public async ValueTask DisposeAsync()
        => await Tool.RunAsync("umount", "--recursive", "--lazy", Top);

    /// <summary>
    /// Mounts of every kind are made and taken away at random; after each step a mount is covered exactly when its path
    /// does not lead to it.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_mount_is_covered_when_its_path_leads_elsewhere(int seed)
    {
        var random = new Random(seed);
        string[] folders = ["a", "a/b", "a/b/c", "d", "d/b"];
        await ShellAsync("mkdir -p a/b/c d/b");
        for (int step = 0; step < 60; step++)
        {
            string folder = folders[random.Next(folders.Length)];
            string other = folders[random.Next(folders.Length)];
            string make = $"mkdir -p \"{Top}\"/a/b/c \"{Top}\"/d/b";
            await ShellAsync(random.Next(6) switch
            {
                0 or 1 => $"mount -t tmpfs x {folder} && {make} || true",
                2 => $"mount --bind {other} {folder} || true",
                3 => $"mount --rbind {other} {folder} || true",
                4 => $"mount --move {other} {folder} || true",
                _ => $"umount {folder} || true",
            });
            AssertCoversAreTrue(seed, step);
            if (ReadTable().Count > 400)
            {
                return; // recursive binds double each time
            }
        }
    }

    [Fact]
    public async Task Two_hundred_mounts_of_containers_get_no_probe_and_no_file()
    {
        await ShellAsync("""
            mkdir -p whole var && truncate -s 32M image && mke2fs -q -F -t ext4 image && mount -o loop image whole
            mount -t tmpfs var /var/lib && mkdir -p /var/lib/docker
            for i in $(seq 200); do
                mkdir -p whole/lib/docker/volumes/$i /var/lib/docker/volumes/$i
                mount --bind whole/lib/docker/volumes/$i /var/lib/docker/volumes/$i
            done
            """);
        try
        {
            MountEntry chosen = Chosen($"{Top}/whole");
            Assert.Equal($"{Top}/whole", chosen.MountPoint.Encoded);
            Assert.Equal(ProbeStep.Done, Probe(chosen).Step);
            Assert.Equal(
                "1", (await ShellAsync("find whole /var/lib/docker -xdev -name '.guest-agent*' | wc -l")).Trim());
            Assert.DoesNotContain(Choose(), mount => mount.MountPoint.Encoded.StartsWith(
                "/var/lib/docker/", StringComparison.Ordinal));
            await ShellAsync("umount whole || umount --lazy whole");
            Assert.DoesNotContain(Choose(), mount => mount.Device == chosen.Device);
        }
        finally
        {
            await ShellAsync("umount --recursive --lazy /var/lib");
        }
    }

    [Theory]
    [InlineData("ext4")]
    [InlineData("xfs")]
    [InlineData("btrfs")]
    public async Task An_immutable_top_folder_is_refused_until_another_is_named(string type)
    {
        await MakeAsync(type);
        await ShellAsync("mkdir fs/own && chattr +i fs");
        try
        {
            MountEntry mount = Chosen($"{Top}/fs");
            ProbeReply refused = Probe(mount);
            Assert.Equal((ProbeStep.Refused, (int)Errno.EPERM), (refused.Step, refused.Errno));
            MountPoint folder = MountPoint.FromText($"{Top}/fs/own");
            Assert.Equal(ProbeStep.Done, Probe(Chosen($"{Top}/fs", new MountChoice { ProbeFolders = [folder] })).Step);
            Assert.Equal("own/.guest-agent-probe", (await ShellAsync("cd fs && find * -name '.guest*'")).Trim());
        }
        finally
        {
            await ShellAsync("chattr -i fs");
        }
    }

    [Fact]
    public async Task A_users_filesystem_gets_a_folder_of_roots_and_a_users_bind_mount_nothing()
    {
        await MakeAsync("ext4");
        await ShellAsync("mkdir -p fs/alice bind && chown 1000:1000 fs fs/alice && mount --bind fs/alice bind");
        Assert.Equal(ProbeStep.Done, Probe(Chosen($"{Top}/fs")).Step);
        Assert.Equal("700 0", (await ShellAsync("stat -c '%a %u' fs/.guest-agent")).Trim());
        await ShellAsync("umount fs");
        MountEntry bind = Chosen($"{Top}/bind");
        ProbeReply refused = Probe(bind);
        Assert.Equal((ProbeStep.Refused, ProbeReply.NoFolder), (refused.Step, refused.Errno));
        Assert.Empty((await ShellAsync("ls -A bind")).Trim());
    }

    [Fact]
    public async Task Of_a_read_only_snapshot_and_a_writable_subvolume_the_writable_one_is_found()
    {
        await MakeAsync("btrfs");
        await ShellAsync("""
            mkdir snap part && btrfs -q subvolume create fs/part && btrfs -q subvolume snapshot -r fs/part fs/snap
            device=$(findmnt -n -o SOURCE fs)
            mount -o subvol=snap "$device" snap && mount -o subvol=part "$device" part && umount fs
            """);
        MountEntry first = Chosen($"{Top}/snap");
        ProbeReply refused = Probe(first);
        Assert.Equal((int)Errno.EROFS, refused.Errno);
        MountEntry next = Chosen(
            $"{Top}/snap", new MountChoice { Unwritable = new HashSet<int> { first.MountId }, Before = Choose() });
        Assert.Equal(($"{Top}/part", $"{Top}/snap"), (next.MountPoint.Encoded, next.ReportedAt.Encoded));
        Assert.Equal(ProbeStep.Done, Probe(next).Step);
    }

    [Fact]
    public async Task A_mount_that_something_covers_is_not_probed_and_can_be_unmounted()
    {
        await MakeAsync("ext4");
        Assert.Equal(ProbeStep.Done, Probe(Chosen($"{Top}/fs")).Step);
        MountEntry before = Chosen($"{Top}/fs");
        await ShellAsync("mount -t tmpfs cover fs");
        Assert.False(Chosen($"{Top}/fs").IsProbed);
        Assert.Equal(ProbeStep.OpenMountPoint, Probe(before).Step);
        await ShellAsync("umount fs && umount fs");
        Assert.DoesNotContain(Choose(), mount => mount.ReportedAt.Encoded == $"{Top}/fs");
    }

    [Fact]
    public async Task An_overlay_that_is_not_the_root_is_not_probed()
    {
        await MakeAsync("ext4");
        await ShellAsync("mkdir -p fs/upper fs/work lower merged "
            + "&& mount -t overlay overlay -o lowerdir=lower,upperdir=fs/upper,workdir=fs/work merged");
        IReadOnlyList<MountEntry> chosen = Choose();
        Assert.DoesNotContain(chosen, mount => mount.FilesystemType == FilesystemTypes.Overlay);
        Assert.Equal("", (await ShellAsync("find merged -name '.guest-agent*'")).Trim());
    }

    /// <summary>Where this kernel has the type; others are proved where it is a module.</summary>
    [Theory]
    [InlineData("f2fs", "mkfs.f2fs -q")]
    [InlineData("jfs", "mkfs.jfs -q")]
    [InlineData("reiserfs", "mkfs.reiserfs -q")]
    [InlineData("nilfs2", "mkfs.nilfs2 -q")]
    [InlineData("bcachefs", "mkfs.bcachefs -q")]
    public async Task A_filesystem_of_another_type_is_probed_by_writing(string type, string format)
    {
        await Tool.RunAsync("modprobe", type);
        string known = await File.ReadAllTextAsync("/proc/filesystems", TestContext.Current.CancellationToken);
        Assert.SkipUnless(known.Contains($"\t{type}\n", StringComparison.Ordinal), $"this kernel does not know {type}");
        await ShellAsync($"mkdir fs && truncate -s 256M image && {format} image && mount -t {type} -o loop image fs");
        Assert.Equal(ProbeStep.Done, Probe(Chosen($"{Top}/fs")).Step);
        await ShellAsync("umount fs");
    }

    private static void AssertCoversAreTrue(int seed, int step)
    {
        List<MountEntry> table = ReadTable();
        var tree = new MountTree(table);
        for (int index = 0; index < table.Count; index++)
        {
            MountEntry mount = table[index];
            if (mount.MountPoint.Encoded.StartsWith(Top, StringComparison.Ordinal))
            {
                int folder = Syscall.open(mount.MountPoint.Encoded, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
                int? reached = folder < 0 ? null : ProbedMount.MountIdOf(folder);
                _ = folder < 0 ? 0 : Syscall.close(folder);
                string where = string.Create(
                    CultureInfo.InvariantCulture, $"seed {seed}, step {step}: {mount.MountId} at {mount.MountPoint}");
                Assert.True(tree.IsCovered(index) == (reached != mount.MountId), where);
            }
        }
    }

    private static ProbeReply Probe(MountEntry mount)
        => WriteProbe.Run(new ProbeRequest(1, mount.Device, mount.MountId, mount.MountPoint.ToBytes())
        {
            IsBtrfs = mount.FilesystemType == "btrfs",
            Folders = [.. mount.ProbeFolders.Select(folder => folder.ToBytes())],
        });

    private static MountEntry Chosen(string reportedAt, MountChoice? choice = null)
        => Choose(choice).Single(mount => mount.ReportedAt.Encoded == reportedAt);

    private static IReadOnlyList<MountEntry> Choose(MountChoice? choice = null)
        => LocalFilesystems.Choose(ReadTable(), choice ?? new MountChoice());

    private static List<MountEntry> ReadTable() => MountInfoParser.Parse(File.ReadAllBytes("/proc/self/mountinfo"));

    private static Task<string> MakeAsync(string type) => ShellAsync(
        $"mkdir fs && truncate -s 512M image && mkfs.{type} -q image >&2 && mount -o loop image fs");

    private static Task<string> ShellAsync(string line)
        => Tool.RequireAsync("sh", "-c", $"set -e; cd {Top}; {line}");
}
