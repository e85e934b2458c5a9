using System.Text;
using CsCheck;
using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Probing;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>What the agent observes when it hands a probe over, and what it writes down of it.</summary>
public sealed class ProbeCrewTests
{
    private static readonly DeviceNumber Device = new(7, 0);
    private static readonly Moment Now = new(TimeSpan.FromSeconds(1), DateTimeOffset.UnixEpoch);

    [Theory]
    [InlineData(5000)]
    [InlineData(70_000)]
    public void A_path_longer_than_a_frame_is_refused_and_sent_to_nobody(int length)
    {
        string folder = Directory.CreateTempSubdirectory("crew-").FullName;
        try
        {
            // The processes that it starts are this test program with an argument it does not know: they end.
            using var crew = new ProbeCrew(new ProbeWorkers(new PathRoot("/")), new TmpfsFolder(folder));
            IReadOnlyList<Observation> seen = crew.Start(Mount("/" + new string('x', length)), Now, writeCompletions: 0);
            var refused = new ProbeResult(ProbeStep.Refused, "path-too-long", TimeSpan.Zero);
            Assert.Equal(
                [new Observation.ProbeStarted(Device, 1), new Observation.ProbeFinished(Device, 1, refused)], seen);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void What_is_outstanding_is_read_as_it_was_written()
        => Gen.Select(Gen.Int[0, 4095], Gen.Int[0, 1_048_575], Gen.Int[1, int.MaxValue], Gen.Long[0, long.MaxValue / 2])
            .Array[0, OutstandingProbeText.MaxLines]
            .Sample(probes =>
            {
                OutstandingProbe[] written = [.. probes.Select(one => new OutstandingProbe(
                    new DeviceNumber(one.Item1, one.Item2), 0, new ProcessIdentity(one.Item3, one.Item4), Now, one.Item4))];
                Assert.Equal(written, OutstandingProbeText.Parse(OutstandingProbeText.Of(written)));
            });

    [Fact]
    public void Garbage_in_the_record_is_left_out_line_by_line()
    {
        var one = new OutstandingProbe(Device, 0, new ProcessIdentity(312, 8812), Now, 501);
        string text = "device=7 process=1\n\0\n" + OutstandingProbeText.Of([one]) + "device=7:0 process=-3\n" + "x=";
        Assert.Equal([one], OutstandingProbeText.Parse(text));
        Gen.String[0, 200].Sample(garbage => _ = OutstandingProbeText.Parse(garbage));
    }

    [Fact]
    public void The_name_of_a_probing_thread_fits_into_what_the_kernel_keeps_of_it()
    {
        Assert.Equal("probe-ca:1", ProbeWorkers.ThreadName(new DeviceNumber(202, 1)));
        Assert.True(ProbeWorkers.ThreadName(new DeviceNumber(4095, 1_048_575)).Length <= 15);
    }

    [Fact]
    public void A_process_is_known_again_by_its_id_and_its_start()
    {
        var workers = new ProbeWorkers(new PathRoot("/"));
        ProcessIdentity self = workers.Identify(Environment.ProcessId)!.Value;
        Assert.Equal(self, workers.Identify(Environment.ProcessId));
        Assert.False(workers.IsZombie(self));
        Assert.False(workers.Probes(self, Device));
        Assert.Null(workers.Identify(int.MaxValue));
    }

    private static MountEntry Mount(string path) => new()
    {
        MountId = 1,
        Device = Device,
        Root = MountPoint.Root,
        MountPoint = MountPoint.FromBytes(Encoding.ASCII.GetBytes(path)),
        MountOptions = ["rw"],
        FilesystemType = "ext4",
        Source = MountPoint.Root,
        SuperOptions = ["rw"],
    };
}
