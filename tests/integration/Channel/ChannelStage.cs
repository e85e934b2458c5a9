using GuestAgent;
using GuestAgent.Linux;
using GuestAgent.Reporting.Carriers;
using HostBridge;
using HostBridge.Guests.Channels;
using HostBridge.Recovery;
using Mono.Unix.Native;
using Protocol.Channel;
using Protocol.Health;
using Testbed.Channels;
using Moment = GuestAgent.Detection.Moment;

namespace Tests.Integration.Channel;

/// <summary>The agent's carrier, a pseudo-terminal, a backend, a unix socket and the bridge's connection.</summary>
internal sealed class ChannelStage : IAsyncDisposable
{
    public const string Boot = "11111111-2222-3333-4444-555555555555";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("channel-").FullName;
    private readonly BridgeClock _clock = new(TimeProvider.System);
    private readonly BridgeInputQueue _queue = new();
    private readonly CancellationTokenSource _end = new();
    private readonly Task _reading;
    private CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    public ChannelStage()
    {
        Backend = new ChannelBackend(SocketPath);
        Link();
        Agent = NewAgent();
        _reading = ReadAsync();
    }

    public ChannelBackend Backend { get; private set; }

    public ChannelCarrier Agent { get; private set; }

    public ChannelConnection? Bridge { get; private set; }

    /// <summary>What came to the agent.</summary>
    public List<AgentInput> AtAgent { get; } = [];

    /// <summary>What came to the bridge.</summary>
    public List<BridgeInput> AtBridge { get; } = [];

    public string SocketPath => Path.Combine(_folder, "socket");

    private string TerminalLink => Path.Combine(_folder, "terminal");

    public static GuestReport Report(long sequence, int filesystems = 1)
    {
        FilesystemHealth[] all = [.. Enumerable.Range(0, filesystems).Select(number => new FilesystemHealth
        {
            MountPoint = MountPoint.FromText(number == 0 ? "/" : $"/srv/{number}"),
            Device = $"xvd{number}",
            FilesystemType = "ext3",
            Role = number == 0 ? FilesystemRole.Root : FilesystemRole.Data,
            Verdict = Verdict.JournalAborted,
            Since = DateTimeOffset.UnixEpoch,
            Claims = MountClaim.Rw,
            Hidden = true,
            Evidence = [new Evidence(EvidenceKind.Probe, "EROFS")],
        })];
        return new GuestReport
        {
            BootId = BootId.TryParse(Boot, out BootId boot) ? boot : default,
            Sequence = sequence,
            AgentVersion = "0.1.0",
            State = GuestState.Of(all, DateTimeOffset.UnixEpoch),
            Filesystems = all,
            FilesystemCount = filesystems,
        };
    }

    public void StartBridge()
    {
        _stop = new CancellationTokenSource();
        Bridge = new ChannelConnection(
            new ChannelPlace(Guid.NewGuid(), new DomainId(7), SocketPath, IsTerminal: false), _queue, _clock,
            new Random());
        _running = Bridge.RunAsync(_stop.Token);
    }

    public async Task StopBridgeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
        Bridge = null;
    }

    public void RestartAgent()
    {
        Agent.Dispose();
        Agent = NewAgent();
    }

    public void Offer(long sequence, int filesystems = 1)
        => Agent.Offer(ChannelTopic.Report, new ChannelMessage.Report(Report(sequence, filesystems)));

    /// <summary>The domain is resumed elsewhere: the old terminal hangs up, another is there.</summary>
    public void ReplaceBackend()
    {
        Backend.Dispose();
        Backend = new ChannelBackend(SocketPath);
        Link();
    }

    /// <summary>Turns the agent's carrier as its poll loop would, until something holds.</summary>
    public void TurnUntil(Func<bool> holds, string what)
    {
        TimeSpan begun = _clock.Now.Elapsed;
        while (!holds())
        {
            if (_clock.Now.Elapsed - begun > Patience)
            {
                throw new TimeoutException($"not within {Patience.TotalSeconds:0} s: {what}");
            }

            Turn();
        }
    }

    public void TurnFor(TimeSpan duration)
    {
        for (TimeSpan begun = _clock.Now.Elapsed; _clock.Now.Elapsed - begun < duration;)
        {
            Turn();
        }
    }

    public bool HasReport(long sequence)
    {
        lock (AtBridge)
        {
            return AtBridge.OfType<BridgeInput.ReportRead>().Any(one => one.Report.Sequence == sequence);
        }
    }

    public bool IsDelivered(long sequence)
        => AtAgent.OfType<AgentInput.ChannelDelivered>().Any(one
            => one.Message is ChannelMessage.Report { Content: var report } && report.Sequence == sequence);

    public async ValueTask DisposeAsync()
    {
        if (Bridge is not null)
        {
            await StopBridgeAsync();
        }

        await _end.CancelAsync();
        await _reading;
        _end.Dispose();
        Agent.Dispose();
        Backend.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private ChannelCarrier NewAgent() => new(new ChannelDevice(new PathRoot("/"), TerminalLink, _ => { }), new Random());

    private void Link()
    {
        File.Delete(TerminalLink);
        File.CreateSymbolicLink(TerminalLink, Backend.TerminalPath);
    }

    private void Turn()
    {
        TimeSpan now = _clock.Now.Elapsed;
        AtAgent.AddRange(Agent.Turn(new Moment(now, DateTimeOffset.UnixEpoch + now), mayOpen: true));
        Pollfd[] watched = [new() { fd = Agent.FileDescriptor, events = PollEvents.POLLIN }];
        if (Agent.FileDescriptor < 0 || Syscall.poll(watched, 5) < 0)
        {
            Thread.Sleep(5);
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            await foreach (BridgeInput input in _queue.ReadAllAsync(_end.Token))
            {
                lock (AtBridge)
                {
                    AtBridge.Add(input);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }
}
