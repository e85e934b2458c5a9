using System.Diagnostics;
using System.Globalization;
using System.Text;
using GuestAgent.Detection;
using GuestAgent.Signals.Parsing;
using Protocol.Health;
using Protocol.Kernel;
using Protocol.Xenstore;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>Guests with more mounts and filesystems than a report holds.</summary>
public sealed class ManyFilesystemsTests
{
    [Fact]
    public void Of_forty_filesystems_the_worst_sixteen_are_reported_and_all_are_counted()
    {
        var stage = new AgentStage();
        for (int minor = 1; minor <= 40; minor++)
        {
            stage.With(AgentStage.Ext($"/srv/{minor}", minor), minor is 7 or 33 ? "EROFS" : "ok");
        }

        stage.Start();
        stage.Pass(1);
        Assert.Equal("40", stage.Xenstore[GuestKeys.FilesystemCount]);
        Assert.Equal(GuestReport.MaxFilesystems, stage.Xenstore.Keys.Count(key =>
            key.StartsWith(GuestKeys.Filesystem(0)[..^1], StringComparison.Ordinal)));
        Assert.All([0, 1], slot => Assert.Equal(Verdict.JournalAborted, stage.Slot(slot).Health.Verdict));
        Assert.Equal(Verdict.Writable, stage.Slot(2).Health.Verdict);
    }

    [Fact]
    public void Two_thousand_bind_mounts_are_one_filesystem()
    {
        byte[] table = BindMounts(2000);
        var watch = Stopwatch.StartNew();
        IReadOnlyList<MountEntry> chosen = LocalFilesystems.Choose(MountInfoParser.Parse(table), new MountChoice());
        TestContext.Current.TestOutputHelper?.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{table.Length} bytes, {watch.Elapsed.TotalMilliseconds:F1} ms"));
        Assert.True(Assert.Single(chosen).MountPoint.IsRoot);
    }

    [Fact]
    public void A_bind_mount_with_a_lower_id_does_not_take_the_place_of_the_older_mount()
    {
        IReadOnlyList<MountEntry> chosen = LocalFilesystems.Choose(
            [AgentStage.Ext("/srv", 7, id: 900), AgentStage.Ext("/var/lib/x", 7, id: 30)], new MountChoice());
        Assert.Equal("/srv", Assert.Single(chosen).MountPoint.Encoded);
    }

    [Fact]
    public void Evidence_is_bounded_however_much_is_known()
    {
        AgentStage stage = new AgentStage()
            .With(AgentStage.Ext("/", 1, super: "rw,emergency_ro,shutdown"), probe: "EROFS").Start();
        foreach (KernelLineKind kind in Enum.GetValues<KernelLineKind>().Where(kind => kind != KernelLineKind.Mounted))
        {
            stage.Kernel(kind, 1);
        }

        stage.Observe(new Observation.FilesystemErrorTold(new DeviceNumber(202, 1), "EIO"));
        stage.Observe(new Observation.SelfResetRead(["watchdog0", "hung_task_panic"]));
        Assert.Equal(FilesystemHealth.MaxEvidence, stage.Health(1).Evidence.Count);
        Assert.Equal(new Evidence(EvidenceKind.Probe, "EROFS"), stage.Health(1).Evidence[0]);
        Assert.InRange(stage.Xenstore[GuestKeys.Filesystem(0)].Length, 1, 1024);
    }

    private static byte[] BindMounts(int count)
    {
        var table = new StringBuilder("22 1 202:1 / / rw,relatime shared:1 - ext4 /dev/xvda1 rw,errors=remount-ro\n");
        for (int i = 0; i < count; i++)
        {
            table.Append(CultureInfo.InvariantCulture,
                $"{100 + i} 22 202:1 /var/lib/x/{i} /var/lib/y/{i}/rootfs rw,relatime shared:1 - ext4 /dev/xvda1 rw,errors=remount-ro\n");
        }

        return Encoding.ASCII.GetBytes(table.ToString());
    }
}
