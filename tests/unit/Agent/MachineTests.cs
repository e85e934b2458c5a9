using System.Text;
using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Remedies;
using GuestAgent.Requests;
using GuestAgent.Signals;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>The machine as recorded files show it.</summary>
public sealed class MachineTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("machine-").FullName;

    private PathRoot Paths => new(_folder);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("xen", null, null, true)]
    [InlineData("xen", "\n", "5c2a3f4e-0000-4000-8000-000000000001\n", true)]
    [InlineData("xen", "control_d\n", null, false)]
    [InlineData("xen", null, "00000000-0000-0000-0000-000000000000\n", false)]
    [InlineData("kvm", null, null, false)]
    public void Only_an_unprivileged_domain_is_one(string type, string? capabilities, string? uuid, bool isDomU)
    {
        Write("sys/hypervisor/type", type);
        Write("proc/xen/capabilities", capabilities);
        Write("sys/hypervisor/uuid", uuid);
        Assert.Equal(isDomU, ThisMachine.IsDomU(Paths));
    }

    [Theory]
    [InlineData("DEVNAME=xvda1\n", "/dev/root", "xvda1")]
    [InlineData("DEVNAME=cciss/c0d0\n", "/dev/root", "cciss!c0d0")]
    [InlineData(null, "/dev/mapper/vg-data", "vg-data")]
    [InlineData(null, "evil name\n=x;é", "evil_20name_0A_3Dx_3B_C3_A9")]
    [InlineData(null, "/dev/..", "none")]
    [InlineData(null, "/dev/", "none")]
    [InlineData(null, "a123456789012345678901234567890123456789", "a1234567890123456789012345678901")]
    public void A_device_name_holds_only_what_kernel_names_hold(string? uevent, string source, string name)
    {
        Write("sys/dev/block/7:0/uevent", uevent);
        Assert.Equal(name, BlockDevices.NameOf(Paths, Mount(source)));
    }

    [Fact]
    public void While_a_remedy_left_behind_has_not_ended_no_other_begins()
    {
        Write("sys/hypervisor/type", "xen");
        var start = new Moment(TimeSpan.Zero, DateTimeOffset.UnixEpoch);
        Moment tooLate = start + TimeSpan.FromHours(3);
        using var runner = new RemedyRunner(Paths);

        // The process is this test program, which takes far longer to start than the next lines.
        Assert.Null(runner.Start(Request(), Filesystem(), [], start));
        Assert.Equal(OutcomeReason.TimedOut, runner.Turn(tooLate)?.Reason);
        Assert.Equal(OutcomeReason.Busy, runner.Start(Request(), Filesystem(), [], tooLate)?.Reason);
    }

    private static GuestRequest Request() => new()
    {
        Id = default,
        BootId = default,
        ReportSequence = 1,
        Filesystem = MountPoint.Root,
        Action = RequestAction.Remount,
        LifetimeSeconds = 60,
    };

    private static WatchedFilesystem Filesystem() => new()
    {
        Observed = new ObservedMount(Mount("/dev/loop0"), "loop0", [], MountWish.None),
        Health = null!, // no remedy looks at it
    };

    private static MountEntry Mount(string source) => new()
    {
        MountId = 1,
        Device = new DeviceNumber(7, 0),
        Root = MountPoint.Root,
        MountPoint = MountPoint.Root,
        MountOptions = ["rw"],
        FilesystemType = "ext4",
        Source = MountPoint.FromBytes(Encoding.UTF8.GetBytes(source)),
        SuperOptions = ["rw"],
    };

    private void Write(string path, string? text)
    {
        if (text is not null)
        {
            string file = Path.Combine(_folder, path);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, text);
        }
    }
}
