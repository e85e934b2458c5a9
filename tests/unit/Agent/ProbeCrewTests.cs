using System.Text;
using GuestAgent.Detection;
using GuestAgent.Probing;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>What the agent observes when it hands a probe over.</summary>
public sealed class ProbeCrewTests
{
    [Theory]
    [InlineData(5000)]
    [InlineData(70_000)]
    public void A_path_longer_than_a_frame_is_refused_and_sent_to_nobody(int length)
    {
        // The processes that it starts are this test program with an argument it does not know: they end.
        using var crew = new ProbeCrew();
        var device = new DeviceNumber(7, 0);
        IReadOnlyList<Observation> seen = crew.Start(new MountEntry
        {
            MountId = 1,
            Device = device,
            Root = MountPoint.Root,
            MountPoint = MountPoint.FromBytes(Encoding.ASCII.GetBytes("/" + new string('x', length))),
            MountOptions = ["rw"],
            FilesystemType = "ext4",
            Source = MountPoint.Root,
            SuperOptions = ["rw"],
        });
        var refused = new ProbeResult(ProbeStep.Refused, "path-too-long", TimeSpan.Zero);
        Assert.Equal(
            [new Observation.ProbeStarted(device, 1), new Observation.ProbeFinished(device, 1, refused)], seen);
    }
}
