using System.Text;
using GuestAgent.Detection;
using GuestAgent.Signals.Parsing;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>Which mount of a filesystem is probed, and where the filesystem is reported.</summary>
public sealed class MountChoiceTests
{
    [Fact]
    public void A_writable_mount_is_probed_over_a_root_that_is_read_only_for_itself()
    {
        MountEntry chosen = Assert.Single(Choose("""
            24 1 0:25 /@/.snapshots/4/snapshot / ro,relatime shared:1 - btrfs /dev/xvda3 rw,subvol=/@/.snapshots/4/snapshot
            31 24 0:25 /@/var /var rw,relatime shared:20 - btrfs /dev/xvda3 rw,subvol=/@/var
            """));
        Assert.Equal(("/var", "/"), (chosen.MountPoint.Encoded, chosen.ReportedAt.Encoded));
        Assert.Equal(MountClaim.Rw, chosen.Claims);
    }

    [Fact]
    public void Of_writable_mounts_the_one_nearest_the_root_folder_is_probed()
    {
        MountEntry chosen = Assert.Single(Choose("""
            24 1 252:4 /ostree/deploy/fedora/deploy/abc.0 / rw,relatime - xfs /dev/vda4 rw
            25 24 252:4 / /sysroot ro,relatime - xfs /dev/vda4 rw
            26 24 252:4 /ostree/deploy/fedora/deploy/abc.0/etc /etc rw,relatime - xfs /dev/vda4 rw
            27 24 252:4 /ostree/deploy/fedora/deploy/abc.0/usr /usr ro,relatime - xfs /dev/vda4 rw
            28 24 252:4 /ostree/deploy/fedora/var /var rw,relatime - xfs /dev/vda4 rw
            """));
        Assert.Equal(("/var", "/"), (chosen.MountPoint.Encoded, chosen.ReportedAt.Encoded));
    }

    [Fact]
    public void A_mount_whose_probe_was_refused_gives_way_to_another()
    {
        const string table = """
            24 1 202:1 / / rw - ext4 /dev/xvda1 rw
            28 24 202:1 /var /var rw - ext4 /dev/xvda1 rw
            """;
        Assert.Equal("/", Assert.Single(Choose(table)).MountPoint.Encoded);
        MountEntry moved = Assert.Single(Choose(table, new MountChoice { Unwritable = new HashSet<int> { 24 } }));
        Assert.Equal(("/var", "/"), (moved.MountPoint.Encoded, moved.ReportedAt.Encoded));
        MountEntry none = Assert.Single(Choose(table, new MountChoice { Unwritable = new HashSet<int> { 24, 28 } }));
        Assert.Equal("/", none.MountPoint.Encoded);
    }

    [Theory]
    [InlineData("50 40 0:50 / /srv rw - fuse.sshfs x rw")]
    [InlineData("50 24 0:50 / /srv rw - tmpfs x rw")]
    public void A_mount_that_is_covered_everywhere_is_not_probed(string cover)
    {
        string table = $"""
            24 1 202:1 / / rw - ext4 /dev/xvda1 rw
            40 24 202:16 / /srv rw - ext4 /dev/xvdb rw
            {cover}
            """;
        MountEntry covered = Choose(table).Single(mount => mount.Device.Minor == 16);
        Assert.True(covered.IsCovered);
        Assert.False(covered.IsProbed);
        Assert.Equal("/srv", covered.ReportedAt.Encoded);
        MountEntry other = Choose($"{table}\n60 24 202:16 /sub /opt/sub rw - ext4 /dev/xvdb rw")
            .Single(mount => mount.Device.Minor == 16);
        Assert.Equal(("/opt/sub", "/srv", false), (other.MountPoint.Encoded, other.ReportedAt.Encoded, other.IsCovered));
    }

    [Fact]
    public void A_mount_on_a_folder_above_covers_what_was_mounted_below_it_before()
    {
        const string table = """
            24 1 202:1 / / rw - ext4 /dev/xvda1 rw
            40 24 202:16 / /srv/data rw - ext4 /dev/xvdb rw
            41 40 202:17 / /srv/data/deep rw - ext4 /dev/xvdc rw
            50 24 0:50 / /srv rw - tmpfs x rw
            60 50 202:18 / /srv/data rw - ext4 /dev/xvdd rw
            70 24 202:19 / /srvice rw - ext4 /dev/xvde rw
            """;
        Assert.Equal([1, 18, 19], Choose(table).Where(mount => !mount.IsCovered).Select(mount => mount.Device.Minor));
        Assert.Equal([16, 17], Choose(table).Where(mount => mount.IsCovered).Select(mount => mount.Device.Minor));
    }

    [Fact]
    public void The_first_root_of_the_initramfs_is_covered_by_the_real_one()
    {
        MountEntry chosen = Assert.Single(Choose("""
            1 1 0:1 / / rw - rootfs rootfs rw
            24 1 202:1 / / rw - jfs /dev/xvda1 rw
            """));
        Assert.Equal(("jfs", false, false), (chosen.FilesystemType, chosen.IsNotWatched, chosen.IsCovered));
    }

    [Fact]
    public void A_table_that_leads_in_a_circle_is_read_to_its_end()
    {
        IReadOnlyList<MountEntry> chosen = Choose("""
            24 25 202:1 / / rw - ext4 /dev/xvda1 rw
            25 24 202:2 / /srv rw - ext4 /dev/xvda2 rw
            """);
        Assert.Equal(2, chosen.Count);
    }

    [Fact]
    public void A_mount_behind_a_network_filesystem_comes_after_one_that_is_reached_locally()
    {
        Assert.Equal("/opt/part", Choose("""
            24 1 202:1 / / rw - ext4 /dev/xvda1 rw
            30 24 0:40 / /net rw - nfs4 server:/ rw
            40 30 202:16 / /net/disk rw - ext4 /dev/xvdb rw
            41 24 202:16 /part /opt/part rw - ext4 /dev/xvdb rw
            """)[1].MountPoint.Encoded);
    }

    [Fact]
    public void Mounts_that_come_and_go_do_not_move_the_probe()
    {
        const string table = """
            24 1 202:1 / / rw - ext4 /dev/xvda1 rw
            41 24 202:16 /a/b /opt/b rw - ext4 /dev/xvdb rw
            """;
        IReadOnlyList<MountEntry> before = Choose(table);
        IReadOnlyList<MountEntry> after = Choose(
            $"{table}\n42 24 202:16 /a /opt/a rw - ext4 /dev/xvdb rw", new MountChoice { Before = before });
        Assert.Equal(before[1].MountPoint, after[1].MountPoint);
        Assert.Equal(before[1].ReportedAt, after[1].ReportedAt);
        IReadOnlyList<MountEntry> whole = Choose(
            $"{table}\n43 24 202:16 / /opt rw - ext4 /dev/xvdb rw", new MountChoice { Before = before });
        Assert.Equal("/opt", whole[1].MountPoint.Encoded);
    }

    [Fact]
    public void A_filesystem_keeps_its_name_when_the_probe_moves_to_another_mount()
    {
        const string table = """
            24 1 202:1 / / rw - ext4 /dev/xvda1 rw
            40 24 202:16 / /srv {0} - ext4 /dev/xvdb rw
            41 24 202:16 /cfg /var/lib/app/cfg rw - ext4 /dev/xvdb rw
            """;
        IReadOnlyList<MountEntry> before = Choose(table.Replace("{0}", "rw", StringComparison.Ordinal));
        MountEntry after = Choose(
            table.Replace("{0}", "ro", StringComparison.Ordinal), new MountChoice { Before = before })[1];
        Assert.Equal(("/var/lib/app/cfg", "/srv"), (after.MountPoint.Encoded, after.ReportedAt.Encoded));
    }

    [Fact]
    public void A_probe_through_another_mount_keeps_what_is_known_of_the_filesystem()
    {
        MountEntry mount = AgentStage.Ext("/srv", 7, id: 40);
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).With(mount, "EROFS").Start();
        stage.Kernel(Protocol.Kernel.KernelLineKind.JournalAborted, 7);
        stage.Pass(2);
        Assert.Equal(Verdict.JournalAborted, stage.Health(7).Verdict);
        DateTimeOffset since = stage.Health(7).Since;
        MountPoint other = MountPoint.FromText("/opt/sub");
        stage.With(
            mount with { MountId = 50, MountPoint = other, ReportedAt = mount.MountPoint, ReportedMountId = 40 }, "EROFS");
        stage.ReadMounts();
        Assert.Equal((Verdict.JournalAborted, since), (stage.Health(7).Verdict, stage.Health(7).Since));
        Assert.Equal("/srv", stage.Health(7).MountPoint.Encoded);
    }

    [Theory]
    [InlineData("/srv")]
    [InlineData("/opt/sub")]
    public void The_host_may_name_a_filesystem_by_its_name_or_by_the_mount_that_is_probed(string name)
    {
        MountEntry mount = AgentStage.Ext("/opt/sub", 7, id: 50) with
        {
            ReportedAt = MountPoint.FromText("/srv"), ReportedMountId = 40,
        };
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).With(mount).Start();
        stage.Request("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "probe", name);
        stage.Pass(2);
        Assert.Equal((RequestStatus.Done, "ok"), (stage.Outcome!.Status, stage.Outcome.Probe));
    }

    [Theory]
    [InlineData("nfs4", "server:/root")]
    [InlineData("overlay", "overlay")]
    [InlineData("squashfs", "/dev/loop0")]
    [InlineData("tmpfs", "tmpfs")]
    [InlineData("fuse.x", "x")]
    [InlineData("ocfs2", "/dev/xvda2")]
    [InlineData("gfs2", "/dev/xvda2")]
    [InlineData("vfat", "/dev/xvda2")]
    [InlineData("minix", "/dev/xvda2")]
    public void A_root_that_is_not_probed_is_in_the_report(string type, string source)
    {
        IReadOnlyList<MountEntry> chosen = Choose($"""
            15 1 0:40 / / rw,relatime - {type} {source} rw
            16 15 202:1 / /boot rw,relatime - ext2 /dev/xvda1 rw
            """);
        Assert.Equal(["/", "/boot"], chosen.Select(mount => mount.ReportedAt.Encoded));
        Assert.Equal((true, false), (chosen[0].IsNotWatched, chosen[0].IsProbed));
        AgentStage stage = chosen.Aggregate(new AgentStage(), (stage, mount) => stage.With(mount)).Start();
        stage.Pass(60);
        Assert.Equal((FilesystemRole.Root, Verdict.Unknown), (stage.Slot(0).Health.Role, stage.Slot(0).Health.Verdict));
        Assert.Equal(type, stage.Slot(0).Health.FilesystemType);
    }

    [Theory]
    [InlineData("reiserfs")]
    [InlineData("reiser4")]
    [InlineData("jfs")]
    [InlineData("f2fs")]
    [InlineData("nilfs2")]
    [InlineData("zfs")]
    [InlineData("bcachefs")]
    public void A_root_of_any_local_type_is_probed(string type)
    {
        List<MountEntry> table = Parse($"""
            15 1 202:2 / / rw,relatime - {type} /dev/xvda2 rw
            16 15 202:1 / /boot rw,relatime - ext2 /dev/xvda1 rw
            """);
        IReadOnlyList<MountEntry> chosen = LocalFilesystems.Choose(table, new MountChoice());
        Assert.Equal(["/", "/boot"], chosen.Select(mount => mount.ReportedAt.Encoded));
        Assert.All(chosen, mount => Assert.True(mount.IsProbed));
        Assert.True(LocalFilesystems.IsReachedLocally(MountPoint.FromText("/boot"), LocalFilesystems.Obstacles(table)));
    }

    [Fact]
    public void One_dataset_of_a_pool_is_probed()
    {
        IReadOnlyList<MountEntry> chosen = Choose("""
            24 1 0:25 / / rw,relatime - zfs rpool/ROOT/debian rw,xattr,posixacl
            31 24 0:26 / /home rw,relatime - zfs rpool/home rw,xattr
            32 24 0:27 / /srv rw,relatime - zfs tank rw,xattr
            33 32 0:28 / /srv/db rw,relatime - zfs tank/db rw,xattr
            34 32 0:29 / /srv/.zfs/snapshot/a ro,relatime - zfs tank@a ro,xattr
            """);
        Assert.Equal(["/", "/srv"], chosen.Select(mount => mount.ReportedAt.Encoded));
        Assert.Equal("/srv", chosen[1].MountPoint.Encoded);
    }

    [Fact]
    public void The_filesystem_of_an_overlays_upper_layer_is_the_root()
    {
        MountEntry chosen = Choose("""
            24 1 0:25 / / rw - overlay overlayroot rw,lowerdir=/media/root-ro,upperdir=/media/root-rw/overlay,workdir=/media/root-rw/w
            25 24 202:1 / /media/root-ro ro - ext4 /dev/xvda1 ro
            26 24 202:16 / /media/root-rw rw - ext4 /dev/xvdb rw
            """).Single(mount => mount.ReportedAt.IsRoot);
        Assert.Equal("/media/root-rw", chosen.MountPoint.Encoded);
    }

    [Fact]
    public void An_overlay_over_memory_is_probed_as_the_root_and_nowhere_else()
    {
        IReadOnlyList<MountEntry> chosen = Choose("""
            24 1 0:25 / / rw - overlay overlayroot rw,lowerdir=/media/root-ro,upperdir=/media/root-rw/overlay,workdir=/media/root-rw/w
            25 24 202:1 / /media/root-ro ro - ext4 /dev/xvda1 ro
            26 24 0:26 / /media/root-rw rw - tmpfs tmpfs rw
            27 24 0:27 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
            28 24 0:28 / /opt/o rw - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
            """);
        Assert.Equal(["/", "/media/root-ro"], chosen.Select(mount => mount.MountPoint.Encoded));
        Assert.Equal(["overlay", "ext4"], chosen.Select(mount => mount.FilesystemType));
        Assert.True(chosen[0].IsProbed);
    }

    [Fact]
    public void An_excluded_root_is_left_out_with_its_filesystem()
    {
        var choice = new MountChoice { Excluded = new HashSet<MountPoint> { MountPoint.Root } };
        Assert.Equal("/srv", Assert.Single(Choose("""
            24 1 0:25 /@ / rw - btrfs /dev/xvda3 rw
            31 24 0:25 /@/var /var rw - btrfs /dev/xvda3 rw
            40 24 202:16 / /srv rw - ext4 /dev/xvdb rw
            """, choice)).MountPoint.Encoded);
        Assert.Equal("/boot", Assert.Single(Choose("""
            15 1 0:40 / / rw - nfs server:/ rw
            16 15 202:1 / /boot rw - ext2 /dev/xvda1 rw
            """, choice)).MountPoint.Encoded);
    }

    [Fact]
    public void An_excluded_path_to_a_filesystem_is_not_probed_and_the_filesystem_is()
    {
        var choice = new MountChoice { Excluded = new HashSet<MountPoint> { MountPoint.FromText("/opt/a") } };
        MountEntry chosen = Choose("""
            24 1 202:1 / / rw - ext4 /dev/xvda1 rw
            41 24 202:16 /a /opt/a rw - ext4 /dev/xvdb rw
            42 24 202:16 /b /opt/b rw - ext4 /dev/xvdb rw
            """, choice)[1];
        Assert.Equal("/opt/b", chosen.MountPoint.Encoded);
    }

    [Fact]
    public void Nothing_is_probed_in_two_hundred_containers()
    {
        var table = new StringBuilder("""
            24 1 202:1 / / rw - ext4 /dev/xvda1 rw
            25 24 202:16 / /var/lib/docker rw - ext4 /dev/xvdb rw

            """);
        for (int i = 0; i < 200; i++)
        {
            table.Append($"""
                {1000 + i} 25 0:{100 + i} / /var/lib/docker/overlay2/{i}/merged rw - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
                {2000 + i} 25 253:{i} / /var/lib/docker/devicemapper/mnt/{i} rw - xfs /dev/mapper/docker-{i} rw
                {3000 + i} 24 254:{i} / /var/lib/kubelet/pods/{i}/volumes/kubernetes.io~csi/pvc-{i}/mount rw - ext4 /dev/rbd{i} rw
                {4000 + i} 24 202:16 /volumes/{i}/_data /run/containerd/io/{i} rw - ext4 /dev/xvdb rw

                """);
        }

        IReadOnlyList<MountEntry> chosen = Choose(table.ToString());
        Assert.Equal(["/", "/var/lib/docker"], chosen.Select(mount => mount.MountPoint.Encoded));
    }

    [Fact]
    public void A_volume_that_an_administrator_names_is_probed()
    {
        const string table = """
            24 1 202:1 / / rw - ext4 /dev/xvda1 rw
            25 24 202:16 / /var/lib/docker/volumes rw - ext4 /dev/xvdb rw
            """;
        MountPoint volumes = MountPoint.FromText("/var/lib/docker/volumes");
        Assert.Single(Choose(table));
        Assert.Equal(2, Choose(table, new MountChoice { Listed = new HashSet<MountPoint> { volumes } }).Count);
        MountEntry named = Choose(
            table, new MountChoice { ProbeFolders = [MountPoint.FromText("/var/lib/docker/volumes/probe")] })[1];
        Assert.Equal("/probe", Assert.Single(named.ProbeFolders).Encoded);
    }

    [Fact]
    public void The_mount_of_the_probe_folder_is_probed_before_any_other()
    {
        MountEntry chosen = Assert.Single(Choose("""
            24 1 202:1 / / rw - ext4 /dev/xvda1 rw
            28 24 202:1 /data/x /opt/x rw - ext4 /dev/xvda1 rw
            """, new MountChoice { ProbeFolders = [MountPoint.FromText("/opt/x/probe")] }));
        Assert.Equal(("/opt/x", "/"), (chosen.MountPoint.Encoded, chosen.ReportedAt.Encoded));
        Assert.Equal("/probe", Assert.Single(chosen.ProbeFolders).Encoded);
    }

    [Fact]
    public void The_folder_of_the_package_is_used_where_the_filesystem_carries_it()
    {
        IReadOnlyList<MountEntry> chosen = Choose("""
            24 1 202:1 / / rw - ext4 /dev/xvda1 rw
            31 24 202:2 / /var rw - ext4 /dev/xvda2 rw
            40 24 202:16 /sub /srv rw - ext4 /dev/xvdb rw
            """);
        Assert.Equal(
            ["/ /.guest-agent", "/ /lib/guest-agent /.guest-agent", "/"],
            chosen.Select(mount => string.Join(' ', mount.ProbeFolders.Select(folder => folder.Encoded))));
    }

    [Fact]
    public void A_probe_folder_on_no_watched_filesystem_is_an_administrators_mistake()
    {
        var choice = new MountChoice
        {
            ProbeFolders = [.. ((string[])["/srv/probe", "/net/probe", "/run/x"]).Select(MountPoint.FromText)],
        };
        IReadOnlyList<MountEntry> chosen = Choose("""
            24 1 202:1 / /srv rw - ext4 /dev/xvda1 rw
            30 24 0:40 / /net rw - nfs4 server:/ rw
            """, choice);
        Assert.Equal(
            ["/net/probe", "/run/x"],
            LocalFilesystems.UselessFolders(choice, chosen).Select(folder => folder.Encoded));
    }

    /// <summary>ZFS shows no queue: a probe that does not come back is all there is.</summary>
    [Fact]
    public void Where_no_queue_is_shown_a_probe_that_does_not_come_back_hangs()
    {
        MountEntry mount = Assert.Single(Choose("24 1 0:25 / / rw,relatime - zfs rpool/ROOT/debian rw"));
        var observed = new ObservedMount(mount, "rpool", [], MountWish.None) { IsQueueKnown = false };
        Moment now = AgentStage.Beginning;
        Detector detector = Detector.Empty
            .Observe(new Observation.MountTableRead([observed], IsFirst: true), now)
            .Observe(new Observation.ProbeStarted(mount.Device, 1), now);
        Assert.Equal(Verdict.Slow, detector.Pass(now + TimeSpan.FromSeconds(20)).Healths[0].Verdict);
        Assert.Equal(Verdict.Hung, detector.Pass(now + TimeSpan.FromSeconds(121)).Healths[0].Verdict);
    }

    private static IReadOnlyList<MountEntry> Choose(string table, MountChoice? choice = null)
        => LocalFilesystems.Choose(Parse(table), choice ?? new MountChoice());

    private static List<MountEntry> Parse(string table) => MountInfoParser.Parse(Encoding.UTF8.GetBytes(table));
}
