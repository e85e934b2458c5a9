using Xunit;

namespace Tests.Unit.Bridge.Doctor;

/// <summary>What a failover of some length does to a guest, told from the settings that stand on its host.</summary>
public sealed class PredictionTests : IDisposable
{
    private readonly DoctorStage _stage = new();

    public void Dispose() => _stage.Dispose();

    [Theory]
    [InlineData("120", 30, "Stalls: direct LUN sdb, replacement_timeout 120: hangs for as long as it lasts, then goes on without damage")]
    [InlineData("120", 110, "AtRisk: direct LUN sdb, replacement_timeout 120: hangs for about 110 s; to be back takes up to 15 s more, which may be too late")]
    [InlineData("120", 180, "Dies: direct LUN sdb, replacement_timeout 120: hangs up to 120 s, then its journal aborts")]
    [InlineData("0", 1, "Dies: direct LUN sdb, replacement_timeout 0: its writes fail at once and its journal aborts")]
    [InlineData("-1", 180, "Stalls: direct LUN sdb, replacement_timeout -1: hangs for as long as it lasts, then goes on without damage; its kernel warns of hung tasks meanwhile")]
    public async Task A_direct_lun_is_as_patient_as_its_replacement_timeout(string seconds, int failover, string expected)
    {
        _stage.Tree.Session(1, "iqn.2026-01.example:g7");
        _stage.Tree.IscsiDisk("sdb", 16, session: 1);
        _stage.Tree.Write("sys/class/iscsi_session/session1/recovery_tmo", seconds);
        _stage.Define("g7", "phy:/dev/sdb,xvda,w");
        Assert.Equal(expected, await _stage.PredictAsync("g7", failover));
    }

    [Theory]
    [InlineData("on", "0", "Stalls: multipath mpatha, which queues without a path: hangs for as long as it lasts, then goes on without damage; its kernel warns of hung tasks meanwhile")]
    [InlineData("off", "0", "Dies: multipath mpatha, which does not queue; its paths fail after 120 s: hangs up to 120 s, then its journal aborts")]
    [InlineData("-", "1 queue_if_no_path", "Stalls: multipath mpatha, which queues without a path: hangs for as long as it lasts, then goes on without damage; its kernel warns of hung tasks meanwhile")]
    [InlineData("12 chk", "0", "AtRisk: multipath mpatha, whose paths fail after 120 s and which then queues for 12 checks of 5 s: hangs for about 170 s; to be back takes up to 15 s more, which may be too late")]
    public async Task A_multipath_map_hangs_or_fails_as_its_queueing_says(string queueing, string features, string expected)
    {
        TwoPaths(queueing, features);
        _stage.Define("db", "format=raw, vdev=xvda, access=rw, target=/dev/mapper/mpatha");
        Assert.Equal(expected, await _stage.PredictAsync("db", 170));
    }

    [Fact]
    public async Task A_volume_is_as_patient_as_what_carries_it_and_the_weakest_disk_decides()
    {
        TwoPaths("on", "0");
        _stage.Tree.Map(1, "vg--san-web--root", "LVM-abc", "dm-0");
        _stage.Tree.Session(3, "iqn.2026-01.example:data");
        _stage.Tree.IscsiDisk("sdd", 48, session: 3);
        _stage.Define("web", "phy:/dev/mapper/vg--san-web--root,xvda,w', 'phy:/dev/sdd,xvdb,w");
        Assert.StartsWith("Dies: direct LUN sdd, replacement_timeout 120", await _stage.PredictAsync("web", 300), StringComparison.Ordinal);
        _stage.Define("web", "phy:/dev/mapper/vg--san-web--root,xvda,w");
        Assert.StartsWith(
            "Stalls: volume vg--san-web--root on multipath mpatha, which queues", await _stage.PredictAsync("web", 300),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_is_as_patient_as_what_its_filesystem_lies_on_and_one_on_nfs_is_not_known()
    {
        _stage.Tree.Session(1, "iqn.2026-01.example:images");
        _stage.Tree.Mount(_stage.Tree.IscsiDisk("sdb", 16, session: 1), "/srv/images", "ext4");
        _stage.Tree.Mount(new HostBridge.Recovery.DeviceNumber(0, 44), "/srv/nfs", "nfs4");
        _stage.Define("a", "file:/srv/images/a.img,xvda,w");
        _stage.Define("b", "tap:aio:/srv/nfs/b.img,xvda,w");
        Assert.StartsWith(
            "Dies: file /srv/images/a.img on direct LUN sdb", await _stage.PredictAsync("a", 180), StringComparison.Ordinal);
        Assert.StartsWith("Unknown: file /srv/nfs/b.img on nfs4", await _stage.PredictAsync("b", 180), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Local_disks_do_not_notice_and_fibre_channel_and_nvme_go_by_their_own_timers()
    {
        _stage.Tree.LocalDisk("sda", 0);
        _stage.Tree.Port("rport-3:0-1");
        _stage.Tree.FibreChannelDisk("sdc", 32, "rport-3:0-1");
        _stage.Tree.Write("sys/class/fc_remote_ports/rport-3:0-1/fast_io_fail_tmo", "off");
        _stage.Tree.Write("sys/class/fc_remote_ports/rport-3:0-1/dev_loss_tmo", "60");
        _stage.Tree.NvmeDisk(0, 259, 1, ("nvme1", "live", null));
        _stage.Tree.Write("sys/class/nvme/nvme1/ctrl_loss_tmo", "600");
        _stage.Tree.Write("sys/class/nvme/nvme1/fast_io_fail_tmo", "off");
        _stage.Define("l", "phy:/dev/sda,xvda,w");
        _stage.Define("f", "phy:/dev/sdc,xvda,w");
        _stage.Define("n", "phy:/dev/nvme0n1,xvda,w");
        Assert.Equal("Unaffected: disk sda of this host: does not notice", await _stage.PredictAsync("l", 180));
        Assert.Equal(
            "Dies: direct LUN sdc over rport-3:0-1, dev_loss_tmo 60: hangs up to 60 s, then its journal aborts",
            await _stage.PredictAsync("f", 60));
        Assert.StartsWith("Stalls: nvme0n1 over nvme1, ctrl_loss_tmo 600", await _stage.PredictAsync("n", 180), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_known_is_said_and_not_guessed()
    {
        _stage.Define("gone", "phy:/dev/vg/gone,xvda,w");
        _stage.Define("none", "phy:");
        Assert.Equal("Unknown: /dev/vg/gone: there is no such device now", await _stage.PredictAsync("gone", 30));
        Assert.Equal("Unknown: nothing is known of its disks", await _stage.PredictAsync("none", 30));
        TwoPaths("on", "0");
        _stage.Multipathd = "/bin/false";
        _stage.Define("db", "phy:/dev/mapper/mpatha,xvda,w");
        Assert.Equal(
            "Unknown: multipath mpatha, of which multipathd did not say whether it queues",
            await _stage.PredictAsync("db", 30));
    }

    private void TwoPaths(string queueing, string features)
    {
        _stage.Tree.Session(1, "iqn.2026-01.example:db");
        _stage.Tree.Session(2, "iqn.2026-01.example:db");
        _stage.Tree.IscsiDisk("sdb", 16, session: 1);
        _stage.Tree.IscsiDisk("sdc", 32, session: 2);
        _stage.Tree.Map(0, "mpatha", "mpath-360014051234", "sdb", "sdc");
        _stage.Multipathd = Path.Combine(_stage.Tree.Root, "multipathd");
        _stage.Tree.Write("multipathd", $$"""
            #!/bin/sh
            echo '{"major_version":0,"maps":[{"name":"mpatha","queueing":"{{queueing}}","features":"{{features}}","path_groups":[{"paths":[{"dev":"sdb","name":"x"}]}]}]}'
            """);
        File.SetUnixFileMode(_stage.Multipathd, UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }
}
