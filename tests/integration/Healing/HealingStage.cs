using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using HostBridge.Incidents;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Xenstore;
using Testbed.Agents;
using Testbed.Demo;
using Testbed.Domains;
using Testbed.Linux;
using Testbed.Toolstack;
using Testbed.Xenstore;
using Tests.Integration.Bridge;
using Xunit;
using BridgeProcess = Testbed.Demo.HostBridge;

namespace Tests.Integration.Healing;

/// <summary>
/// One guest under the real agent on fault disks, and the real bridge over it, which may be killed and started again on
/// the same state directory. Everything that either of them says is kept.
/// </summary>
internal sealed class HealingStage : IAsyncDisposable
{
    /// <summary>Where the guest has its data filesystem.</summary>
    public const string DataMountPoint = "/srv/data";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);

    private readonly string _folder;
    private readonly ConcurrentQueue<string> _toolstackWords = new();
    private readonly ConcurrentQueue<GuestRequest> _requests = new();
    private readonly ConcurrentQueue<RequestOutcome> _outcomes = new();
    private readonly BridgeTrap _trap;
    private readonly TestbedDomain _domain;
    private readonly EmbeddedXenstore _xenstore;
    private readonly TestbedToolstack _toolstack;
    private readonly ReportWatch _reports;
    private readonly IncidentTail _incidents;
    private SupervisedDomain? _guest;
    private int _firstDomainId;
    private BridgeProcess? _bridge;

    private HealingStage(TestbedDomain domain, string folder)
    {
        _folder = folder;
        _domain = domain;
        _trap = new BridgeTrap(folder);
        _xenstore = new EmbeddedXenstore(folder);
        string socket = Path.Combine(folder, "toolstack");
        _toolstack = new TestbedToolstack(_xenstore, socket, (_, text) => TakeToolstackWords(text));
        _trap.WriteCommand(ToolstackCommand, socket);
        _reports = new ReportWatch(_xenstore, new Timeline(TimeProvider.System), _toolstack.Find);
        _incidents = new IncidentTail(Path.Combine(StateDirectory, "incidents.db"), _trap.Take);
        _xenstore.Changed += Take;
    }

    /// <summary>The root, ext3.</summary>
    public static DiskDefinition RootDisk { get; } =
        new(DiskDefinition.Xvda, "ext3", "/") { IsFaultDisk = true };

    /// <summary>The data filesystem, ext4 unless it is made another.</summary>
    public static DiskDefinition DataDisk { get; } =
        new(DiskDefinition.Xvdb, "ext4", DataMountPoint) { IsFaultDisk = true };

    /// <summary>The guest.</summary>
    public SupervisedDomain Guest => _guest ?? throw new InvalidOperationException("the guest was not started");

    /// <summary>The disk of its root.</summary>
    public Disk Root => _domain.Root;

    /// <summary>The disk of its data filesystem.</summary>
    public Disk Data => _domain.DiskAt(DataMountPoint);

    /// <summary>Where the bridge keeps what must last.</summary>
    public string StateDirectory => Path.Combine(_folder, "state");

    /// <summary>The story that the bridge tells of the guest.</summary>
    public IReadOnlyList<Incident> Story => _incidents.Of(_domain.Definition.Uuid);

    /// <summary>What the guest was asked for that changes something, in order, repetitions included.</summary>
    public IReadOnlyList<GuestRequest> Asked => [.. _requests.Where(one => one.Action != RequestAction.Probe)];

    /// <summary>What the guest answered, in order; marks of acceptance included.</summary>
    public IReadOnlyList<RequestOutcome> Answers => [.. _outcomes];

    /// <summary>What the toolstack did to the guest, in its words.</summary>
    public IReadOnlyList<string> ToolstackWords => [.. _toolstackWords];

    /// <summary>The file that holds the guest as long as an operator is needed.</summary>
    public string HoldFile => Path.Combine(StateDirectory, "holds", _domain.Definition.Uuid.ToString("D"));

    private string ToolstackCommand => Path.Combine(_folder, "toolstack-command");

    private string BridgeLog => Path.Combine(_folder, "bridge.log");

    /// <summary>Makes the guest, boots it, and waits until it says that all is well.</summary>
    /// <param name="disks">Its disks, the root first.</param>
    /// <param name="prepare">Done to the guest's disks before its first boot; null for nothing.</param>
    public static async Task<HealingStage> CreateAsync(
        IReadOnlyList<DiskDefinition> disks, Func<TestbedDomain, Task>? prepare = null)
    {
        if (FaultDisk.WhyNot() is { } reason)
        {
            Assert.Skip(reason);
        }

        string folder = Directory.CreateTempSubdirectory("healing-").FullName;
        TestbedDomain domain = await TestbedDomain.CreateAsync(Definition(disks), Path.Combine(folder, "guest"));
        var stage = new HealingStage(domain, folder);
        try
        {
            await (prepare?.Invoke(domain) ?? Task.CompletedTask);
            stage._guest = await stage._toolstack.StartAsync(domain);
            stage._firstDomainId = stage.Guest.DomainId;
            await stage.WaitAsync("all is well at first", () => domain.Disks.All(disk
                => stage.IsNow(disk, Verdict.Writable)));
            return stage;
        }
        catch
        {
            await stage.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the bridge, which answers for every disk.</summary>
    public void StartBridge()
    {
        _bridge = BridgeProcess.Start(
            BridgeProgram.Program,
            [
                "--xenstore", _xenstore.SocketPath,
                "--state-directory", StateDirectory, "--admin-socket", "none",
                "--mode", "recover",
                "--toolstack-command", ToolstackCommand,
                "--act-without-host-evidence",
                "--stable-seconds", "1",
                "--grace-seconds", "0",
                .. _domain.Disks.SelectMany(disk => (string[])
                [
                    "--assume-operational",
                    string.Create(CultureInfo.InvariantCulture, $"{disk.Loop.Major}:{disk.Loop.Minor}"),
                ]),
            ],
            BridgeLog);
        _trap.Watch(_bridge);
    }

    /// <summary>Starts the bridge, lets it be killed at a moment, and waits until it is.</summary>
    public async Task LetBridgeBeKilledAsync(KillMoment moment)
    {
        _trap.Set(moment, _firstDomainId);
        StartBridge();
        await WaitAsync($"the bridge is killed at {moment}", () => !_bridge!.IsRunning);
        await StopBridgeAsync();
    }

    /// <summary>Kills the bridge now.</summary>
    public async Task KillBridgeAsync()
    {
        _bridge!.Kill();
        await _bridge.WaitUntilEndedAsync();
        await StopBridgeAsync();
    }

    /// <summary>
    /// Lets the storage fail until the kernel has aborted the journal and the guest has reported it; then the storage
    /// is well again.
    /// </summary>
    public async Task AbortAsync(Disk disk)
    {
        using KernelLog log = KernelLog.OpenAtEnd();
        await disk.FailStorageAsync();
        await Guest.Boot.WaitUntilJournalAbortedAsync(disk, log, Limit);
        await WaitAsync("the abort is reported", () => IsNow(disk, Verdict.JournalAborted));
        await disk.HealStorageAsync();
    }

    /// <summary>Writes into the state directory, before the first start, that the guest was recovered once.</summary>
    public void RememberRecovery(DateTimeOffset began)
    {
        Directory.CreateDirectory(StateDirectory);
        RequestId request = RequestId.TryParse("repair-before", out RequestId id) ? id : default;
        var facts = new IncidentFacts { Rung = Rung.Repair, RequestId = request };
        IncidentEntry Entry(TellKind kind) => IncidentEntry.Of(
            new GuestIdentity(_domain.Definition.Uuid, _domain.Definition.Name), new DomainId(_firstDomainId), kind,
            "the recovery before", facts, began);
        using var store = new IncidentStore(StateDirectory, StateLock.TryTake(StateDirectory).Lock);
        store.Open();
        store.Append(
        [
            new StateChange.Story(Entry(TellKind.Intent)),
            new StateChange.Story(Entry(TellKind.Outcome) with { EndsIntent = true }),
        ]);
    }

    /// <summary>Lets a program of the guest hold a file of a filesystem open, until it is killed.</summary>
    /// <param name="mountPoint">The filesystem; it must write.</param>
    public async Task<Process> HoldFileAsync(string mountPoint)
    {
        string file = $"{mountPoint}/held";
        await File.WriteAllTextAsync(Guest.Boot.Inside(file), "held\n", TestContext.Current.CancellationToken);
        string target = Guest.Boot.ProcessId.ToString(CultureInfo.InvariantCulture);
        Process holder = Tool.Start(new ProcessStartInfo(
            "nsenter", ["--target", target, "--mount", "--pid", "--", "/usr/bin/tail", "-f", file])
        {
            RedirectStandardOutput = true,
        });
        string? first = await holder.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        return first == "held" ? holder : throw new IOException($"{file} is not held: \"{first}\"");
    }

    /// <summary>Runs a program of the guest in it, as its administrator would.</summary>
    /// <returns>Whether it succeeded; for e2fsck also when it corrected something.</returns>
    public async Task<bool> TryInGuestAsync(params string[] command)
    {
        const int Corrected = 1;
        int exitCode = (await Guest.Boot.RunInsideAsync(command)).ExitCode;
        return exitCode == 0 || (command[0] == "e2fsck" && exitCode == Corrected);
    }

    /// <summary>Whether the boot that runs now last reported this verdict.</summary>
    public bool IsNow(Disk disk, Verdict verdict)
        => _reports.Last(Guest, disk.Definition.MountPoint)?.Report.Health.Verdict == verdict;

    /// <summary>Waits until the bridge has told so many entries of a kind.</summary>
    /// <returns>The last of them.</returns>
    public async Task<Incident> WaitForAsync(string kind, int count = 1)
    {
        await WaitAsync($"{count} of \"{kind}\" in the story", () => Story.Count(one => one.Kind == kind) >= count);
        return Story.Where(one => one.Kind == kind).ElementAt(count - 1);
    }

    /// <summary>Waits until so many entries of the story hold a text.</summary>
    public Task WaitForStoryAsync(string text, int count)
        => WaitAsync(
            $"{count} times \"{text}\" in the story",
            () => Story.Count(one => one.Text.Contains(text, StringComparison.Ordinal)) >= count);

    /// <summary>Waits until an entry of the story holds all of the texts.</summary>
    public Task WaitForStoryAsync(params string[] texts)
        => WaitAsync(
            $"\"{string.Join("\" and \"", texts)}\" in the story",
            () => Story.Any(one => texts.All(text => one.Text.Contains(text, StringComparison.Ordinal))));

    /// <summary>Waits until what the bridge wrote, in all its runs, holds a text so many times.</summary>
    public Task WaitForLogAsync(string text, int count)
        => WaitAsync(
            $"\"{text}\" {count} times in the bridge's log",
            () => File.ReadAllText(BridgeLog).Split(text).Length > count);

    /// <summary>Waits until something is so.</summary>
    /// <exception cref="TimeoutException">It is not; the message holds everything that was said.</exception>
    public Task WaitAsync(string what, Func<bool> isSo) => WaitAsync(what, () => Task.FromResult(isSo()));

    /// <inheritdoc cref="WaitAsync(string, Func{bool})"/>
    public async Task WaitAsync(string what, Func<Task<bool>> isSo)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!await isSo())
        {
            if (TimeProvider.System.GetElapsedTime(start) > Limit)
            {
                throw new TimeoutException($"not within {Limit.TotalSeconds} s: {what}\n{Everything()}");
            }

            await Task.Delay(LookAgain, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Everything that was said so far, for a person who looks at a failed test.</summary>
    public string Everything()
    {
        string log = File.Exists(BridgeLog) ? File.ReadAllText(BridgeLog) : string.Empty;
        IEnumerable<string> lines =
        [
            .. Story.Select(one => $"story: {one.Time:HH:mm:ss.fff} {one.Kind}: {one.Text}"),
            .. _requests.Select(one => $"request: {RequestCodec.ToLine(one)}"),
            .. _outcomes.Select(one => $"answer: {RequestCodec.ToLine(one)}"),
            .. _toolstackWords.Select(one => $"toolstack: {one}"),
            "the bridge's log:", log,
        ];
        return string.Join('\n', lines);
    }

    /// <summary>Ends everything and leaves nothing behind.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (Disk disk in _domain.Disks)
        {
            await disk.HealStorageAsync();
        }

        await StopBridgeAsync();
        await _incidents.DisposeAsync();
        await _reports.DisposeAsync();
        await _toolstack.DisposeAsync();
        await _xenstore.DisposeAsync();
        await _domain.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static DomainDefinition Definition(IReadOnlyList<DiskDefinition> disks)
    {
        string agent = Path.GetDirectoryName(AgentProcess.Program)!;
        return new DomainDefinition
        {
            Name = "guest",
            Uuid = Guid.NewGuid(),
            Disks = disks,
            Programs =
            [
                .. Directory.GetFiles(agent)
                    .Select(file => new ProgramFile(file, $"/usr/bin/{Path.GetFileName(file)}")),
                new ProgramFile("/usr/bin/tail", "/usr/bin/tail"),
            ],
            Command = ["/usr/bin/guest-agent", "--xenstore", "/dev/xen/xenbus"],
        };
    }

    private async Task StopBridgeAsync()
    {
        if (_bridge is { } bridge)
        {
            _bridge = null;
            await bridge.DisposeAsync();
        }
    }

    private void TakeToolstackWords(string text)
    {
        _toolstackWords.Enqueue(text);
        _trap.Take(text);
    }

    private void Take(XenstoreChange change)
    {
        byte[] line = Encoding.Latin1.GetBytes(change.Value ?? string.Empty);
        if (change.Path.EndsWith($"/{GuestKeys.Request}", StringComparison.Ordinal)
            && RequestCodec.TryParseRequest(line) is { } request)
        {
            _requests.Enqueue(request);
        }
        else if (change.Path.EndsWith($"/{GuestKeys.Outcome}", StringComparison.Ordinal)
            && RequestCodec.TryParseOutcome(line) is { } outcome)
        {
            _outcomes.Enqueue(outcome);
        }

        _trap.Take(change);
    }
}
