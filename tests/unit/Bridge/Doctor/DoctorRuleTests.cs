using System.Text.Json;
using HostBridge.Doctor;
using HostBridge.Doctor.Parsing;
using HostBridge.Doctor.Reading;
using HostBridge.Toolstacks.Parsing;
using Xunit;

namespace Tests.Unit.Bridge.Doctor;

/// <summary>Each piece of advice that circulates, as it stands on a host, and what the doctor says of it.</summary>
public sealed class DoctorRuleTests : IDisposable
{
    private readonly DoctorStage _stage = new();

    public void Dispose() => _stage.Dispose();

    [Fact]
    public async Task An_empty_host_is_told_what_it_lacks_and_is_fine()
    {
        Examination examination = await _stage.ExamineAsync();
        Assert.Equal(0, examination.ExitCode);
        Assert.Equal(Examination.Rules.Count, examination.Findings.Select(one => one.Rule.Name).Distinct().Count());
        string text = ExaminationText.Write(examination);
        foreach (string missing in new[]
        {
            "open-iscsi is not installed", "no iSCSI session is logged in", "multipath is not set up",
            "multipathd is not installed", "no xenstored runs here", "no guest is defined", "xenconsoled does not run",
            "no volume of LVM is active", "no SCSI disk of a SAN is here",
        })
        {
            Assert.Contains(missing, text, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("20", nameof(FindingLevel.Danger))]
    [InlineData("120", nameof(FindingLevel.Warning))]
    [InlineData("86400", nameof(FindingLevel.Fine))]
    [InlineData("-1", nameof(FindingLevel.Fine))]
    public async Task A_session_without_multipath_must_outlast_the_failover(string seconds, string level)
    {
        _stage.Tree.Session(1, "iqn.2026-01.example:g7");
        _stage.Tree.IscsiDisk("sdb", 16, session: 1);
        _stage.Tree.Write("sys/class/iscsi_session/session1/recovery_tmo", seconds);
        _stage.Define("g7", "phy:/dev/sdb,xvda,w");
        Finding finding = (await _stage.FindAsync("replacement-timeout"))
            .Single(one => one.Subject.StartsWith("session1", StringComparison.Ordinal));
        Assert.Equal((level, $"recovery_tmo = {seconds}"), (finding.Level.ToString(), finding.Found));
        Assert.Equal(
            level == nameof(FindingLevel.Fine) ? [] : ["echo 86400 > /sys/class/iscsi_session/session1/recovery_tmo"], finding.Fix);
    }

    [Fact]
    public async Task A_path_of_a_map_is_to_fail_soon()
    {
        _stage.Tree.Session(1, "iqn.2026-01.example:db");
        _stage.Tree.IscsiDisk("sdb", 16, session: 1);
        _stage.Tree.Map(0, "mpatha", "mpath-360014051234", "sdb");
        _stage.Define("db", "phy:/dev/mapper/mpatha,xvda,w");
        Finding finding = (await _stage.FindAsync("replacement-timeout"))
            .Single(one => one.Subject.StartsWith("session1", StringComparison.Ordinal));
        Assert.Equal(FindingLevel.Warning, finding.Level);
        Assert.Equal(["echo 10 > /sys/class/iscsi_session/session1/recovery_tmo"], finding.Fix);
    }

    [Fact]
    public async Task The_records_of_open_iscsi_are_read_with_their_target()
    {
        _stage.Tree.Write("etc/iscsi/iscsid.conf", "#node.session.timeo.replacement_timeout = 5\nnode.conn[0].timeo.noop_out_interval = 30\nnode.conn[0].timeo.noop_out_timeout = 120");
        _stage.Tree.Write(
            "etc/iscsi/nodes/iqn.x:t/10.0.0.1,3260,1/default",
            "# BEGIN RECORD 2.1\nnode.name = iqn.x:t\nnode.session.timeo.replacement_timeout = 15\n# END RECORD");
        Finding record = (await _stage.FindAsync("replacement-timeout")).Single(one => one.Level == FindingLevel.Danger);
        Assert.Equal("/etc/iscsi/nodes/iqn.x:t/10.0.0.1,3260,1/default", record.Subject);
        Assert.Equal(
            ["iscsiadm -m node -T iqn.x:t -o update -n 'node.session.timeo.replacement_timeout' -v 86400"], record.Fix);
        Finding noop = (await _stage.FindAsync("noop")).Single(one => one.Level == FindingLevel.Warning);
        Assert.Equal("a portal that died silently is noticed after up to 150 s", noop.Meaning);
    }

    [Theory]
    [InlineData("30", nameof(FindingLevel.Fine))]
    [InlineData("60", nameof(FindingLevel.Fine))]
    [InlineData("180", nameof(FindingLevel.Warning))]
    [InlineData("5", nameof(FindingLevel.Warning))]
    public async Task The_timer_of_a_scsi_disk_is_left_alone(string seconds, string level)
    {
        _stage.Tree.Session(1, "iqn.x:t");
        _stage.Tree.IscsiDisk("sdb", 16, session: 1);
        _stage.Tree.Write("sys/class/block/sdb/device/timeout", seconds);
        Finding finding = await _stage.FindOnlyAsync("scsi-timeout");
        Assert.Equal((level, "sdb"), (finding.Level.ToString(), finding.Subject));
    }

    [Theory]
    [InlineData("no_path_retry queue", nameof(FindingLevel.Warning))]
    [InlineData("no_path_retry fail", nameof(FindingLevel.Danger))]
    [InlineData("no_path_retry 4", nameof(FindingLevel.Danger))]
    [InlineData("no_path_retry 12", nameof(FindingLevel.Warning))]
    [InlineData("no_path_retry \"60\"", nameof(FindingLevel.Fine))]
    [InlineData("features \"1 queue_if_no_path\"", nameof(FindingLevel.Warning))]
    public async Task Queueing_is_to_be_bounded_and_to_cover_the_failover(string setting, string level)
    {
        _stage.Tree.Write(
            "etc/multipath.conf", $"defaults {{\n  user_friendly_names yes # no_path_retry 1\n}}\ndevices {{ device {{\n vendor \"X\"\n {setting}\n}} }}");
        Finding finding = (await _stage.FindAsync("no-path-retry"))
            .Single(one => one.Subject.StartsWith("/etc", StringComparison.Ordinal));
        Assert.Equal((level, "/etc/multipath.conf, devices/device"), (finding.Level.ToString(), finding.Subject));
    }

    [Theory]
    [InlineData("disk-timeout-retry", "", "timeout=300,retry=10", nameof(FindingLevel.Danger))]
    [InlineData("device-model-arguments", "device_model_args_hvm = ['vdev=blkback,suspend_timeout=30']", "vdev=blkback,suspend_timeout=30", nameof(FindingLevel.Danger))]
    [InlineData("blkfront-arguments", "extra=\"quiet xen_blkfront.ring_ref=32\"", "xen_blkfront.ring_ref=32", nameof(FindingLevel.Warning))]
    [InlineData("mount-errors", "root = \"/dev/xvda1 ro rootflags=noatime,errors=continue\"", "errors=continue", nameof(FindingLevel.Danger))]
    [InlineData("mount-barrier", "extra = 'rootflags=barrier=0'", "barrier=0", nameof(FindingLevel.Danger))]
    [InlineData("mount-data", "extra = 'rootflags=data=writeback'", "data=writeback", nameof(FindingLevel.Danger))]
    [InlineData("on-reboot", "on_reboot = \"destroy\"", "on_reboot = \"destroy\"", nameof(FindingLevel.Danger))]
    [InlineData("on-poweroff", "on_poweroff=\"preserve\"", "on_poweroff = \"preserve\"", nameof(FindingLevel.Danger))]
    [InlineData("on-crash", "on_crash = 'preserve'", "on_crash = \"preserve\"", nameof(FindingLevel.Warning))]
    public async Task Advice_in_a_guests_definition_is_found(string rule, string line, string found, string level)
    {
        _stage.Define("g7", "phy:/dev/sdb,xvda,w', 'timeout=300,retry=10", line);
        Finding finding = await _stage.FindOnlyAsync(rule);
        Assert.Equal((level, found), (finding.Level.ToString(), finding.Found));
        Assert.NotEmpty(finding.Fix);
    }

    [Theory]
    [InlineData("script-block-attach", "for vm in $(xm list | awk '{print $1}'); do xm block-attach $vm phy:/dev/sdb xvda w; done")]
    [InlineData("script-console-grep", "xm console $vm | grep -q \"Read-only file system\" && reboot")]
    [InlineData("script-session-operational", "while ! iscsiadm -m session | grep -q OPERATIONAL; do sleep 1; done")]
    [InlineData("script-guest-list", "xm list | awk '/^[0-9]/ {print $1}'")]
    [InlineData("script-shutdown-create", "xl shutdown g7; xl create /etc/xen/g7.cfg")]
    [InlineData("script-shutdown-create", "xm shutdown g7\n  xm create /etc/xen/g7.cfg")]
    [InlineData("script-iscsi-logout", "iscsiadm -m node -T iqn.x:t \\\n  --logout")]
    [InlineData("script-fail-if-no-path", "dmsetup message mpatha 0 fail_if_no_path")]
    [InlineData("script-fsck-yes", "e2fsck -f -y /dev/vg/g7")]
    [InlineData("script-fsck-yes", "fsck.ext4 -fy /dev/vg/g7")]
    [InlineData("script-scsi-timeout", "echo 180 > /sys/block/sdb/device/timeout")]
    [InlineData("script-max-retries", "echo 5 > /sys/block/sdb/device/max_retries")]
    [InlineData("script-xenbus", "cat /proc/xen/xenbus")]
    [InlineData("script-xenstore-grep", "xenstore-ls | grep -A10 \"device/vbd\"")]
    public async Task A_script_that_cron_runs_is_found_with_its_line(string rule, string script)
    {
        _stage.Tree.Write("etc/cron.d/heal", "* * * * * root /opt/heal/heal.sh --now");
        _stage.Tree.Write("opt/heal/heal.sh", $"#!/bin/sh\n# {script.ReplaceLineEndings(" ")}\n{script}");
        Finding finding = await _stage.FindOnlyAsync(rule);
        Assert.Equal("/opt/heal/heal.sh, line 3", finding.Subject);
    }

    [Theory]
    [InlineData("iscsiadm -m session -P 3 | grep LOGGED_IN")]
    [InlineData("xl shutdown -w g7; xl create g7.cfg")]
    [InlineData("e2fsck -f -p /dev/vg/g7")]
    [InlineData("xenstore-ls -f /local/domain/5 | grep device/vbd")]
    [InlineData("xl console g7")]
    public void A_script_that_does_no_harm_is_left_alone(string script)
        => Assert.Empty(ScriptText.Find(script, "/x"));

    [Fact]
    public async Task Consoles_backups_and_the_clock_are_looked_at()
    {
        _stage.IsClockSynchronised = false;
        _stage.Tree.LocalDisk("sda", 0);
        _stage.Tree.Map(0, "vg--one-root", "LVM-abc", "sda");
        _stage.Tree.Map(1, "vg2-root", "LVM-abd", "sda");
        _stage.Tree.Write("etc/lvm/backup/vg2", "x");
        _stage.Tree.Write("proc/77/comm", "xenconsoled");
        _stage.Tree.Write("proc/77/cmdline", "/usr/sbin/xenconsoled\0--pid-file=x");
        Assert.Equal(FindingLevel.Warning, (await _stage.FindOnlyAsync("clock")).Level);
        Assert.Equal("guests' consoles are not logged", (await _stage.FindOnlyAsync("console-log")).Found);
        Assert.Equal(["vgcfgbackup vg-one"], (await _stage.FindAsync("lvm-backup")).SelectMany(one => one.Fix));
        _stage.Tree.Write("proc/77/cmdline", "/usr/sbin/xenconsoled\0--log=guest");
        Assert.Equal(FindingLevel.Fine, (await _stage.FindOnlyAsync("console-log")).Level);
    }

    [Fact]
    public async Task The_exit_code_is_the_worst_finding_and_the_fix_is_a_shell_script_that_changes_nothing_by_itself()
    {
        _stage.Define("g7", "phy:/dev/sdb,xvda,w", "on_poweroff = 'preserve'");
        Examination examination = await _stage.ExamineAsync();
        Assert.Equal(2, examination.ExitCode);
        Assert.Contains(
            "# on-poweroff: g7 (/etc/xen/g7.cfg): on_poweroff = \"preserve\"\ngrep -q '^on_poweroff *=' /etc/xen/g7.cfg "
                + "&& sed -i 's|^on_poweroff *=.*|on_poweroff = \"destroy\"|' /etc/xen/g7.cfg",
            ExaminationText.WriteFix(examination), StringComparison.Ordinal);
        Assert.Contains("'preserve'", File.ReadAllText(Path.Combine(_stage.Tree.Root, "etc/xen/g7.cfg")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_a_crontab_names_is_no_script_that_cannot_be_read()
    {
        string root = Directory.CreateTempSubdirectory("tree-").FullName;
        Directory.CreateDirectory(Path.Combine(root, "usr/local/sbin"));
        File.WriteAllText(Path.Combine(root, "usr/local/sbin/watch"), "text");
        var tree = new HostTree(root);
        Assert.Null(tree.TryReadText("/usr/local/sbin"));
        Assert.Null(tree.TryReadText("/usr/local/bin"));
        Assert.Equal("text", tree.TryReadText("/usr/local/sbin/watch"));
        Assert.Empty(tree.Refused);
        Directory.Delete(root, recursive: true);
    }

    [Fact]
    public async Task Json_says_the_same_to_programs()
    {
        _stage.Define("g7", "phy:/dev/sdb,xvda,w", "on_poweroff = 'preserve'");
        using var json = JsonDocument.Parse(ExaminationJson.Write(await _stage.ExamineAsync()));
        Assert.Equal(2, json.RootElement.GetProperty("exit_code").GetInt32());
        JsonElement worst = json.RootElement.GetProperty("findings")[0];
        Assert.Equal(("on-poweroff", "danger", true), (
            worst.GetProperty("rule").GetString(), worst.GetProperty("level").GetString(),
            worst.GetProperty("is_real").GetBoolean()));
        Assert.Equal("g7", json.RootElement.GetProperty("predictions")[0].GetProperty("guest").GetString());
    }

    [Fact]
    public void A_guests_definition_may_be_anything_and_never_breaks_the_reader()
    {
        CsCheck.Check.Sample(CsCheck.Gen.String, text =>
        {
            _ = GuestConfigFile.Parse(text, "/x");
            _ = MultipathConf.Parse(text, "/x");
            _ = AssignmentFile.Parse(text);
            _ = ScriptText.Find(text, "/x");
            _ = GuestDisk.TargetOf(text);
        });
        Assert.Null(GuestConfigFile.Parse("name = \"x", "/x"));
        Assert.Equal(["a", "b,c"], GuestConfigFile.Parse("name='x'\ndisk = [ # one\n 'a',\n \"b,c\" ]\nmemory=1", "/x")!.All("disk"));
    }
}
