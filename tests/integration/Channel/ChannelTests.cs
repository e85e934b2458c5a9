using System.Diagnostics;
using System.Net.Sockets;
using GuestAgent;
using HostBridge;
using HostBridge.Guests.Channels;
using HostBridge.Recovery;
using Protocol.Channel;
using Protocol.Health;
using Testbed.Channels;
using Xunit;

namespace Tests.Integration.Channel;

/// <summary>
/// Both ends of the channel over a real pseudo-terminal and a real unix socket, with a peer that misbehaves.
/// </summary>
public sealed class ChannelTests
{
    [Fact]
    public async Task A_report_arrives_and_the_agent_knows_a_request_arrives_and_is_answered()
    {
        await using var stage = new ChannelStage();
        stage.StartBridge();
        stage.Offer(1, filesystems: 16);
        stage.TurnUntil(() => stage.HasReport(1) && stage.IsDelivered(1), "the report");
        GuestRequest request = Request("r-1");
        stage.Bridge!.Offer(request);
        stage.TurnUntil(() => stage.AtAgent.OfType<AgentInput.ChannelRequestRead>().Any(), "the request");
        Assert.Equal(request, stage.AtAgent.OfType<AgentInput.ChannelRequestRead>().Single().Request);
        stage.Agent.Offer(ChannelTopic.Outcome, new ChannelMessage.Outcome(Outcome("r-1")));
        stage.TurnUntil(() => stage.AtBridge.ToList().OfType<BridgeInput.OutcomeRead>().Any(), "the outcome");
    }

    [Fact]
    public async Task Without_a_bridge_the_agent_writes_nothing()
    {
        await using var stage = new ChannelStage();
        stage.Offer(1, filesystems: 16);
        stage.TurnFor(TimeSpan.FromSeconds(3));
        Assert.Equal(0, stage.Backend.TakenBytes);
        Assert.Equal(0, stage.Backend.WaitingBytes);
    }

    [Fact]
    public async Task A_peer_that_is_lost_in_the_middle_of_a_frame_costs_that_frame_alone()
    {
        await using var stage = new ChannelStage();
        stage.Offer(1);
        stage.TurnFor(TimeSpan.FromMilliseconds(100));
        using (var half = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            half.Connect(new UnixDomainSocketEndPoint(stage.SocketPath));
            half.Send([0x7e, 0x7d, 0x21, 0x41, 0x42]);
            stage.TurnFor(TimeSpan.FromMilliseconds(200));
        }

        stage.StartBridge();
        stage.TurnUntil(() => stage.HasReport(1), "the report");
    }

    [Fact]
    public async Task A_peer_that_never_reads_is_given_no_more_than_the_window_and_gets_the_newest_report_later()
    {
        await using var stage = new ChannelStage();
        stage.StartBridge();
        stage.Offer(1);
        stage.TurnUntil(() => stage.HasReport(1), "the first report");
        stage.Backend.Stop();
        for (long sequence = 2; sequence < 20; sequence++)
        {
            stage.Offer(sequence, filesystems: 16);
            stage.TurnFor(TimeSpan.FromMilliseconds(200));
            Assert.InRange(stage.Backend.WaitingBytes, 0, ChannelLimits.WindowBytes);
        }

        Assert.InRange(stage.Backend.WaitingBytes, 1, ChannelLimits.WindowBytes);
        stage.Backend.Continue();
        stage.TurnUntil(() => stage.HasReport(19), "the newest report");
    }

    [Fact]
    public async Task Control_characters_and_garbage_from_the_peer_do_no_harm()
    {
        await using var stage = new ChannelStage();
        stage.StartBridge();
        stage.TurnFor(TimeSpan.FromMilliseconds(200));
        for (int i = 0; i < 20; i++)
        {
            stage.Backend.SendToGuest([0x03, 0x04, 0x11, 0x13, 0x1a, 0x1c, 0x0f, (byte)'b', 0x7e, 0x7d, 0xff]);
            stage.TurnFor(TimeSpan.FromMilliseconds(20));
        }

        stage.Offer(1);
        stage.TurnUntil(() => stage.HasReport(1), "the report");
    }

    [Fact]
    public async Task After_a_hang_up_the_terminal_is_found_again()
    {
        await using var stage = new ChannelStage();
        stage.StartBridge();
        stage.Offer(1);
        stage.TurnUntil(() => stage.HasReport(1), "the first report");
        stage.ReplaceBackend();
        stage.TurnUntil(
            () => stage.AtAgent.OfType<AgentInput.ChannelChanged>().Any(one
                => one.Trouble?.Contains("hung up", StringComparison.Ordinal) == true),
            "the hang-up");
        stage.Offer(2);
        stage.TurnUntil(() => stage.HasReport(2), "the report after the hang-up");
    }

    [Fact]
    public async Task Whichever_end_is_started_again_the_report_is_there_again()
    {
        await using var stage = new ChannelStage();
        stage.StartBridge();
        stage.Offer(1);
        stage.TurnUntil(() => stage.HasReport(1), "the first report");
        stage.RestartAgent();
        stage.Offer(2);
        stage.TurnUntil(() => stage.HasReport(2), "the report of the next agent");
        await stage.StopBridgeAsync();
        lock (stage.AtBridge)
        {
            stage.AtBridge.Clear();
        }

        stage.StartBridge();
        stage.TurnUntil(() => stage.HasReport(2), "the same report for the next bridge");
    }

    [Fact]
    public async Task The_bridge_reads_and_writes_a_pseudo_terminal_and_notes_its_hang_up()
    {
        string folder = Directory.CreateTempSubdirectory("terminal-").FullName;
        try
        {
            var backend = new ChannelBackend(Path.Combine(folder, "socket"));
            await using ChannelLine line = TerminalLine.Open(backend.TerminalPath);
            byte[] sent = [0x7e, 0x03, 0x0d, 0x0a, 0xff];
            backend.SendToGuest(sent);
            System.IO.Pipelines.ReadResult read = await line.Input.ReadAtLeastAsync(
                sent.Length, TestContext.Current.CancellationToken);
            Assert.Equal(sent, System.Buffers.BuffersExtensions.ToArray(read.Buffer));
            line.Input.AdvanceTo(read.Buffer.End);
            await line.WriteAsync(sent, CancellationToken.None);
            SpinWait.SpinUntil(() => backend.TakenBytes >= sent.Length, TimeSpan.FromSeconds(20));
            Assert.Equal(sent.Length, backend.TakenBytes);
            backend.Dispose();
            await Assert.ThrowsAsync<IOException>(
                () => line.Input.ReadAsync(TestContext.Current.CancellationToken).AsTask());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_guest_that_floods_its_channel_is_read_at_a_pace_and_its_newest_word_arrives()
    {
        await using var stage = new ChannelStage();
        stage.StartBridge();
        TimeSpan flood = TimeSpan.FromSeconds(6);
        long sequence = 1;
        stage.Offer(sequence);
        stage.TurnUntil(() => stage.HasReport(1), "the first report");
        for (var begun = Stopwatch.StartNew(); begun.Elapsed < flood;)
        {
            stage.Offer(++sequence);
            stage.TurnFor(TimeSpan.FromMilliseconds(10));
        }

        lock (stage.AtBridge)
        {
            // A burst of ten, then one a second; the rest replaced each other before they were sent.
            Assert.InRange(stage.AtBridge.Count, 1, 10 + 30);
        }

        stage.TurnUntil(() => stage.HasReport(sequence), "the newest report");
    }

    [Fact]
    public async Task A_guest_that_writes_without_end_is_read_at_a_pace()
    {
        string folder = Directory.CreateTempSubdirectory("flood-").FullName;
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var end = new CancellationTokenSource();
        try
        {
            string path = Path.Combine(folder, "socket");
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen(1);
            var connection = new ChannelConnection(
                new ChannelPlace(Guid.NewGuid(), new DomainId(7), path, IsTerminal: false),
                new BridgeInputQueue(), new BridgeClock(TimeProvider.System), new Random());
            Task running = connection.RunAsync(end.Token);
            using Socket guest = await listener.AcceptAsync(TestContext.Current.CancellationToken);
            byte[] garbage = new byte[64 * 1024];
            var taken = Stopwatch.StartNew();
            for (int written = 0; written < 2 * 1024 * 1024; written += garbage.Length)
            {
                await guest.SendAsync(garbage, TestContext.Current.CancellationToken);
            }

            // 256 KiB a second; what socket and pipe hold does not wait.
            Assert.True(taken.Elapsed > TimeSpan.FromSeconds(4), $"2 MiB were read within {taken.Elapsed}");
            await end.CancelAsync();
            await Task.WhenAny(running);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static GuestRequest Request(string id) => new()
    {
        Id = RequestId.TryParse(id, out RequestId requestId) ? requestId : default,
        BootId = BootId.TryParse(ChannelStage.Boot, out BootId boot) ? boot : default,
        ReportSequence = 1,
        Filesystem = MountPoint.Root,
        Action = RequestAction.Probe,
        LifetimeSeconds = 60,
    };

    private static RequestOutcome Outcome(string id) => new()
    {
        Id = RequestId.TryParse(id, out RequestId requestId) ? requestId : default,
        BootId = BootId.TryParse(ChannelStage.Boot, out BootId boot) ? boot : default,
        Status = RequestStatus.Done,
        Probe = "ok",
    };
}
