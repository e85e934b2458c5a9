using System.Text;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Xenstore;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>Nothing is repaired on a disk that this host does not serve, and nothing where that is not known.</summary>
public sealed class DiskProviderTests
{
    /// <summary>Lines as an agent of version 0.1.0 writes them (its ReportCodec.ToLine): no origin, no boot-check.</summary>
    private const string OldLine = "boot=00000000-0000-0000-0000-000000000001 seq=SEQ mount=MOUNT device=DEVICE type=ext4 "
        + "role=data verdict=journal-aborted hidden=yes claims=rw since=2026-03-01T04:05:06.000Z evidence=probe:EROFS";

    [Theory]
    [InlineData(DiskOrigin.Iscsi, "iscsi session of the guest")]
    [InlineData(DiskOrigin.Nbd, "nbd client of the guest")]
    [InlineData(DiskOrigin.Drbd, "drbd of the guest")]
    [InlineData(DiskOrigin.Rbd, "rbd of the guest")]
    [InlineData(DiskOrigin.NvmeFabrics, "nvme over fabrics of the guest")]
    [InlineData(DiskOrigin.PassedThrough, "passed-through adapter")]
    public void A_dead_data_filesystem_on_a_disk_of_the_guests_own_is_left_to_an_operator(DiskOrigin origin, string words)
    {
        BridgeStory story = WithData([origin], "sdf");

        Assert.Empty(story.Of<RecoveryAction.SendRequest>());
        Assert.Contains($"its disk is not served by this host ({words}); repair it in the guest", story.Operator().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void One_disk_of_the_guests_own_among_others_is_enough()
        => Assert.Empty(WithData([DiskOrigin.Vbd, DiskOrigin.Iscsi], "md0").Acts);

    [Theory]
    [InlineData(DiskOrigin.Unrecognized)]
    [InlineData(DiskOrigin.Loop)]
    [InlineData(DiskOrigin.Virtio)]
    public void What_is_not_known_is_not_repaired(DiskOrigin origin)
    {
        BridgeStory story = WithData([origin], "xvdb");

        Assert.Empty(story.Of<RecoveryAction.SendRequest>());
        Assert.Contains("it is not known whether this host serves its disk", story.Operator().Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DiskOrigin.Vbd)]
    [InlineData(DiskOrigin.Emulated)]
    public void A_disk_of_this_host_is_repaired(DiskOrigin origin)
        => Assert.Equal(Rung.Repair, Queued(WithData([origin], "dm-3")));

    [Fact]
    public void A_foreign_disk_does_not_wait_for_the_storage_of_this_host()
    {
        var story = new BridgeStory();
        story.StorageIs(false).Appear().Say(5, 1, 1, Filesystem(), Data([DiskOrigin.Iscsi], "sdf"));

        Assert.Contains("not served by this host", story.Operator().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_foreign_disk_hides_no_repair_of_another()
    {
        var story = new BridgeStory();
        FilesystemHealth served = Filesystem("/srv", Verdict.JournalAborted) with { Device = "xvdb" };
        story.StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Wait(31)
            .Say(5, 1, 2, Data([DiskOrigin.Iscsi], "sdf"), served, Filesystem());

        Assert.Contains(story.Of<RecoveryAction.RecordIntent>(), intent => intent.Facts.Filesystem?.Device == "xvdb");
    }

    [Fact]
    public void A_root_on_a_foreign_disk_is_not_restarted()
    {
        var story = new BridgeStory();
        FilesystemHealth root = Filesystem(verdict: Verdict.JournalAborted) with { Device = "sda1", Origins = [DiskOrigin.Iscsi] };
        story.StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Wait(31).Say(5, 1, 2, root).Wait(5);

        Assert.Empty(story.Acts);
        Assert.Contains("not served by this host", story.Operator().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_restart_for_data_stands_on_disks_of_this_host_alone()
    {
        var policy = Recover with { Guests = new Dictionary<string, GuestPolicy> { [Guest().Name] = new() { RebootForData = true } } };
        var story = new BridgeStory(policy);
        story.StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Wait(31)
            .Say(5, 1, 2, Data([DiskOrigin.Iscsi], "sdf"), Filesystem()).Wait(5);

        Assert.Empty(story.Acts);
    }

    [Fact]
    public void A_person_cannot_order_a_repair_there()
    {
        BridgeStory story = WithData([DiskOrigin.Iscsi], "sdf").Order();

        Assert.Empty(story.Of<RecoveryAction.SendRequest>());
        Assert.Contains(story.Told(TellKind.Decision), text => text.Contains("refused", StringComparison.Ordinal)
            && text.Contains("not served by this host", StringComparison.Ordinal));
    }

    [Fact]
    public void A_hang_on_a_foreign_disk_calls_an_operator_whatever_the_gate_says()
    {
        var story = new BridgeStory();
        FilesystemHealth hung = Data([DiskOrigin.Nbd], "nbd0") with { Verdict = Verdict.Hung };
        story.StorageIs(false).Appear().Say(5, 1, 1, Filesystem(), hung);
        Assert.IsType<RecoveryState.Suspect>(story.State());

        story.Wait(story.Policy.HungPatience.TotalSeconds + 1);
        Assert.Contains("nbd client of the guest", story.Operator().Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("xvdb", true)]
    [InlineData("xvdb1", true)] // the disk is listed
    [InlineData("hdb", true)] // the same disk, as the device model shows it
    [InlineData("xvdc", false)]
    [InlineData("sdb", false)] // or the guest's own iSCSI
    [InlineData("sdf", false)]
    [InlineData("dm-3", false)]
    [InlineData("md0", false)]
    [InlineData("nbd0", false)]
    public void Of_an_agent_that_reports_no_origin_only_a_listed_device_is_repaired(string device, bool isRepaired)
    {
        var story = new BridgeStory();
        story.StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Wait(31).Say(5, 1, 2, Old(device, 2), Filesystem()).Wait(5);

        Assert.Equal(isRepaired, story.Acts.Count > 0);
        if (!isRepaired)
        {
            Assert.Contains("update its guest-agent", story.Operator().Reason, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("xvda", 51712)]
    [InlineData("xvda1", 51713)] // the partition is the virtual block device
    [InlineData("xvdp15", (202 << 8) + (15 << 4))]
    [InlineData("xvdq", (1 << 28) + (16 << 8))]
    [InlineData("xvdaa3", (1 << 28) + (26 << 8))]
    [InlineData("xvda", 768)] // hda of the host
    [InlineData("xvdc", 5632)] // hdc
    [InlineData("xvde", 2048)] // sda of the host
    [InlineData("xvda", 2048)] // the same with sda_is_xvda
    [InlineData("hda", 768)]
    public void A_name_is_a_number_of_xen_vbd_interface(string device, int number)
        => Assert.Equal(DiskProvider.Host, DiskProviders.Of(Old(device, 1), new GuestDisks([], []) { VirtualNumbers = [number] }));

    [Theory]
    [InlineData("")]
    [InlineData("xvd")]
    [InlineData("xvd1")]
    [InlineData("xvdaaaaa")]
    [InlineData("xvda-1")]
    [InlineData("xvda99999999999")]
    [InlineData("xva")]
    [InlineData("hd")]
    [InlineData("hdz")]
    public void A_name_that_is_none_is_not_known(string device)
        => Assert.Equal(
            DiskProvider.NotKnown,
            DiskProviders.Of(Filesystem() with { Device = device, Origins = [] }, new GuestDisks([], []) { VirtualNumbers = [51712, 768] }));

    [Theory]
    [InlineData(Verdict.JournalAborted)]
    [InlineData(Verdict.RemountedReadOnly)]
    public void A_root_of_which_an_old_agent_does_not_say_where_it_lies_is_restarted_and_not_remounted(Verdict verdict)
    {
        var story = new BridgeStory();
        FilesystemHealth root = Filesystem(verdict: verdict) with { Device = "dm-0", Origins = [] };
        story.StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Wait(31).Say(5, 1, 2, root).Wait(5);

        Assert.Equal(Rung.Reboot, Queued(story));
    }

    private static FilesystemHealth Old(string device, int sequence)
        => ReportCodec.TryParseLine(Encoding.ASCII.GetBytes(
            OldLine
                .Replace("SEQ", sequence.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal)
                .Replace("MOUNT", "/srv", StringComparison.Ordinal)
                .Replace("DEVICE", device, StringComparison.Ordinal)))!.Health;

    private static FilesystemHealth Data(IReadOnlyList<DiskOrigin> origins, string device)
        => Filesystem("/srv/db", Verdict.JournalAborted, "ext4") with { Device = device, Origins = origins };

    private static BridgeStory WithData(IReadOnlyList<DiskOrigin> origins, string device)
        => new BridgeStory().StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Wait(31)
            .Say(5, 1, 2, Data(origins, device), Filesystem()).Wait(5);

    private static Rung? Queued(BridgeStory story)
        => Assert.Single(story.Of<RecoveryAction.RecordIntent>()).Facts.Rung;
}
