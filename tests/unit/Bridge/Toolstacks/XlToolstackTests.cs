using HostBridge.Doctor.Reading;
using HostBridge.Recovery;
using HostBridge.Toolstacks;
using HostBridge.Toolstacks.Steps;
using Protocol.Health;
using Testbed.Linux;
using Testbed.Toolstack;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Unit.Bridge.Toolstacks;

/// <summary>The xl toolstack over an xl that obeys, fails, hangs, lies and races; its steps are real processes.</summary>
public sealed class XlToolstackTests : IAsyncDisposable
{
    private static readonly DomainId Domain = new(1);

    private readonly string _folder = Directory.CreateTempSubdirectory("xl-").FullName;
    private readonly FakeXl _xl;
    private readonly EmbeddedXenstore _store;

    public XlToolstackTests()
    {
        _xl = new FakeXl(_folder);
        _store = new EmbeddedXenstore(_folder);
        _store.Write("/local/domain/0/name", "Domain-0");
        _store.Write("/local/domain/0/backend/vbd/1/51712/physical-device", "8:0");
        _store.Write("/local/domain/0/backend/vbd/1/51712/mode", "w");
        _xl.Run(Domain.Value);
        Folder = new StepFolder(Path.Combine(_folder, "steps"));
    }

    private static GuestIdentity Guest { get; } = new(FakeXl.Uuid, "web");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private StepFolder Folder { get; }

    /// <summary>A bridge, each time a new one: it knows only what lies in the state directory.</summary>
    private XlToolstack Bridge()
    {
        var options = new XlToolstackOptions
        {
            XlProgram = _xl.Program,
            XenstorePath = _store.SocketPath,
            ConfigFolders = [_xl.Configs],
            LogFolder = _xl.Logs,
            ExclusiveStorageOf = _ => ExclusiveStorage.Yes,
            HostBoot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(),
        };
        string program = Path.Combine(AppContext.BaseDirectory, "host-bridge");
        return new XlToolstack(
            options,
            new Xl(_xl.Program),
            new GuestConfigs(new HostTree("/"), options.ConfigFolders),
            Folder,
            new StepRunner(Folder, program, systemdRun: null, TimeProvider.System));
    }

    private static RequestId Intent(string text = "intent-1")
        => RequestId.TryParse(text, out RequestId intent) ? intent : throw new ArgumentException(text);

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private Task<StepAnswer> DestroyAsync() => Bridge().DestroyAsync(Guest, Domain, Intent(), Cancellation);

    private Task<StepAnswer> CreateAsync() => Bridge().CreateAsync(Guest, Intent(), Cancellation);

    [Fact]
    public async Task A_domain_is_destroyed_and_created_again_with_its_uuid_and_a_forced_check()
    {
        Assert.Equal(StepAnswer.Done, await Bridge().ConfirmCreatableAsync(Guest, Domain, Cancellation));
        Assert.Equal(StepAnswer.Done, await DestroyAsync());
        Assert.Null(_xl.StateOf(1));
        DestroyRecord record = Folder.ReadDestroyed("intent-1")!;
        Assert.Equal((1, Guest.Uuid, _xl.ConfigFile), (record.Domain, record.Guest, record.ConfigFile));
        Assert.Equal(["8:0"], record.Disks.Select(disk => disk.Device));
        Assert.Equal(StepAnswer.Done, await CreateAsync());
        Assert.Equal("-b----", _xl.StateOf(2));
        Assert.Contains(
            $"uuid=\"{FakeXl.Uuid:D}\" cmdline=\"console=hvc0 quiet fsck.mode=force fsck.repair=preen forcefsck\"",
            _xl.Changes[^1]);
    }

    [Fact]
    public async Task Asked_again_under_the_same_intent_it_is_done_and_nothing_is_done_twice()
    {
        Assert.Equal(StepAnswer.Done, await DestroyAsync());
        Assert.Equal(StepAnswer.Done, await DestroyAsync());
        Assert.Equal(StepAnswer.Done, await CreateAsync());
        Assert.Equal(StepAnswer.Done, await CreateAsync());
        Assert.Equal((1, 1), (_xl.Count("destroy"), _xl.Count("create")));
    }

    [Fact]
    public async Task A_guest_that_somebody_created_meanwhile_and_that_is_gone_again_is_not_created()
    {
        Assert.Equal(StepAnswer.Done, await DestroyAsync());
        await Tool.RequireAsync(_xl.Program, "create", _xl.ConfigFile);
        _xl.Remove(2);
        StepAnswer answer = await CreateAsync();
        Assert.Equal(StepResult.Refused, answer.Result);
        Assert.Contains("somebody created it", answer.Reason);
    }

    [Fact]
    public async Task A_domain_that_vanished_otherwise_is_neither_destroyed_nor_created()
    {
        _xl.Remove(1);
        Assert.Equal(StepResult.Refused, (await DestroyAsync()).Result);
        Assert.Equal(StepResult.Refused, (await CreateAsync()).Result);
        Assert.Equal(StepResult.Refused, (await Bridge().CheckOfflineAsync(Guest, GuestDisks.None, Intent(), Cancellation)).Result);
        Assert.Empty(_xl.Changes);
    }

    [Fact]
    public async Task A_domain_that_was_destroyed_under_another_intent_is_not_created()
    {
        Assert.Equal(StepAnswer.Done, await DestroyAsync());
        Assert.Equal(StepResult.Refused, (await Bridge().CreateAsync(Guest, Intent("other"), Cancellation)).Result);
    }

    [Fact]
    public async Task A_guest_that_runs_in_another_domain_by_now_is_not_destroyed()
    {
        _xl.Remove(1);
        _xl.Run(7);
        StepAnswer answer = await DestroyAsync();
        Assert.Equal((StepResult.Refused, 0), (answer.Result, _xl.Count("destroy")));
        Assert.Contains("domain 7 now", answer.Reason);
    }

    [Theory]
    [InlineData("--ps-d", "somebody else")]
    [InlineData("--ps--", "ended by itself")]
    public async Task A_domain_that_is_ending_is_left_to_who_ends_it(string state, string words)
    {
        _xl.Run(1, state: state);
        StepAnswer answer = await DestroyAsync();
        Assert.Equal((StepResult.Refused, 0), (answer.Result, _xl.Count("destroy")));
        Assert.Contains(words, answer.Reason);
    }

    [Fact]
    public async Task A_dying_domain_is_waited_for()
    {
        _xl.Let("destroy", "dying");
        Assert.Equal(StepAnswer.Done, await DestroyAsync());
        Assert.Null(_xl.StateOf(1));
    }

    [Theory]
    [InlineData("fail", StepResult.Failed)]
    [InlineData("lie", StepResult.Failed)]
    [InlineData("flood", StepResult.Failed)]
    [InlineData("back", StepResult.Refused)]
    public async Task An_xl_that_does_not_destroy_is_not_believed(string how, object expected)
    {
        _xl.Let("destroy", how);
        Assert.Equal((StepResult)expected, (await DestroyAsync()).Result);
        Assert.Equal(StepResult.Refused, (await CreateAsync()).Result);
    }

    [Fact]
    public async Task A_domain_that_is_gone_after_xl_failed_proves_nothing()
    {
        _xl.Let("destroy", "done-but-fails");
        Assert.Equal(StepResult.Failed, (await DestroyAsync()).Result);
        Assert.Equal(StepResult.Refused, (await DestroyAsync()).Result);
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("fail")]
    [InlineData("flood")]
    public async Task Without_a_list_that_is_understood_nothing_is_done(string how)
    {
        _xl.Let("list", how);
        Assert.Equal(StepResult.Failed, (await DestroyAsync()).Result);
        Assert.Equal(ArmingResult.Failed, (await Bridge().ArmForcedFsckAsync(Guest, Cancellation)).Result);
        Assert.Empty(_xl.Changes);
    }

    [Fact]
    public async Task A_list_that_is_not_understood_is_read_once_more()
    {
        _xl.Let("list", "garbage-once");
        Assert.Equal(ArmingResult.Armed, (await Bridge().ArmForcedFsckAsync(Guest, Cancellation)).Result);
        Assert.StartsWith("config-update 1 ", Assert.Single(_xl.Changes), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_means_another_disk_or_is_not_there_lets_nothing_be_destroyed()
    {
        _xl.Write("running.disk", "/dev/sdb");
        Assert.Contains("does not mean the domain", (await DestroyAsync()).Reason);
        _xl.Write("running.disk", "/dev/sda");
        File.Delete(_xl.ConfigFile);
        Assert.Contains("no file in", (await Bridge().ConfirmCreatableAsync(Guest, Domain, Cancellation)).Reason);
        _xl.WriteConfig("name = \"web\"\nmemory = 1\n", "one.cfg");
        _xl.WriteConfig("name = \"web\"\nmemory = 2\n", "two.cfg");
        Assert.Contains("is defined differently", (await DestroyAsync()).Reason);
        Assert.Empty(_xl.Changes);
    }

    [Fact]
    public async Task A_file_without_a_uuid_creates_the_guest_with_its_own()
    {
        _xl.WriteConfig("name = \"web\"\nkernel = \"/boot/vmlinuz\"\ndisk = [\"phy:/dev/sda,xvda,w\"]\n");
        _xl.Write("file.uuid", Guid.NewGuid().ToString("D"));
        Assert.Equal(StepAnswer.Done, await DestroyAsync());
        Assert.Equal(StepAnswer.Done, await CreateAsync());
        Assert.Contains($"uuid=\"{FakeXl.Uuid:D}\"", _xl.Changes[^1]);
    }

    [Fact]
    public async Task Where_xl_takes_extra_and_no_cmdline_the_check_is_merged_into_extra()
    {
        _xl.Write("takes", "extra");
        Assert.Equal(StepAnswer.Done, await DestroyAsync());
        Assert.Equal(StepAnswer.Done, await CreateAsync());
        Assert.Contains("extra=\"console=hvc0 quiet fsck.mode=force", _xl.Changes[^1]);
    }

    [Fact]
    public async Task A_guest_whose_disks_were_checked_from_Dom0_boots_without_another_check()
    {
        Assert.Equal(StepAnswer.Done, await DestroyAsync());
        Folder.WriteOutcome(Intent().ToString(), StepKind.Check, StepOutcome.Done with { ExitCode = 1 });
        Assert.Equal(StepAnswer.Done, await CreateAsync());
        Assert.Equal($"create {_xl.ConfigFile} uuid=\"{FakeXl.Uuid:D}\"", _xl.Changes[^1]);
        Assert.Null(Folder.ReadArmed(FakeXl.Uuid));
    }

    [Fact]
    public async Task A_create_that_fails_can_be_tried_again()
    {
        Assert.Equal(StepAnswer.Done, await DestroyAsync());
        _xl.Let("create", "lie");
        Assert.Contains("there is no domain", (await CreateAsync()).Reason);
        _xl.Let("create", "done-but-fails");
        Assert.Equal(StepAnswer.Done, await CreateAsync());
        Assert.Equal("-b----", _xl.StateOf(2));
    }

    [Fact]
    public async Task A_domain_that_was_made_in_part_is_an_operators_business()
    {
        Assert.Equal(StepAnswer.Done, await DestroyAsync());
        _xl.Let("create", "paused");
        StepAnswer first = await CreateAsync();
        Assert.Equal(StepResult.Failed, first.Result);
        Assert.Contains("is paused", first.Reason);
        StepAnswer second = await CreateAsync();
        Assert.Equal(StepResult.Refused, second.Result);
        Assert.Contains("is paused", second.Reason);
        Assert.Equal(1, _xl.Count("create"));
    }

    [Fact]
    public async Task A_domain_with_the_name_and_another_uuid_is_in_the_way()
    {
        Assert.Equal(StepAnswer.Done, await DestroyAsync());
        _xl.Run(5, uuid: Guid.NewGuid());
        Assert.Equal(StepResult.Refused, (await CreateAsync()).Result);
        Assert.Equal(0, _xl.Count("create"));
    }

    [Fact]
    public async Task A_guest_that_somebody_created_meanwhile_is_not_taken_for_destroyed()
    {
        Assert.Equal(StepAnswer.Done, await DestroyAsync());
        _xl.Run(5);
        Assert.Equal(StepResult.Refused, (await DestroyAsync()).Result);
    }

    [Fact]
    public async Task A_check_is_armed_for_the_next_restart_and_taken_back_when_it_came()
    {
        Assert.Equal(ArmingResult.Armed, (await Bridge().ArmForcedFsckAsync(Guest, Cancellation)).Result);
        Assert.Contains("cmdline=\"console=hvc0 quiet fsck.mode=force fsck.repair=preen forcefsck\"", _xl.Changes[^1]);
        Assert.Null(await Bridge().ReadFsckResultAsync(Guest, Cancellation));
        Assert.Equal(1, _xl.Count("config-update"));
        _xl.Remove(1);
        _xl.Run(2);
        Assert.Null(await Bridge().ReadFsckResultAsync(Guest, Cancellation));
        Assert.Equal($"config-update 2 {_xl.ConfigFile} uuid=\"{FakeXl.Uuid:D}\"", _xl.Changes[^1]);
        Assert.Null(await Bridge().ReadFsckResultAsync(Guest, Cancellation));
        Assert.Equal(2, _xl.Count("config-update"));
    }

    [Fact]
    public async Task A_guest_that_xl_does_not_restart_is_not_armed()
    {
        _xl.Write("on_reboot", "destroy");
        ArmingAnswer answer = await Bridge().ArmForcedFsckAsync(Guest, Cancellation);
        Assert.Equal(ArmingResult.Unavailable, answer.Result);
        Assert.Contains("on_reboot", answer.Reason);
    }

    [Theory]
    [InlineData("destroy")]
    [InlineData("create")]
    public async Task A_step_goes_on_when_the_bridge_is_gone_and_the_next_bridge_waits_for_it(string step)
    {
        if (step == "create")
        {
            Assert.Equal(StepAnswer.Done, await DestroyAsync());
        }

        string gate = Path.Combine(_folder, "xl/gate");
        await File.WriteAllTextAsync(gate, string.Empty, Cancellation);
        using var first = new CancellationTokenSource();
        Task<StepAnswer> asked = step == "create"
            ? Bridge().CreateAsync(Guest, Intent(), first.Token)
            : Bridge().DestroyAsync(Guest, Domain, Intent(), first.Token);
        await UntilAsync(() => File.Exists(Path.Combine(_folder, "xl/waiting")));
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);

        Task<StepAnswer> again = step == "create" ? CreateAsync() : DestroyAsync();
        await Task.Delay(300, Cancellation);
        Assert.False(again.IsCompleted);
        File.Delete(gate);
        Assert.Equal(StepAnswer.Done, await again);
        Assert.Equal(1, _xl.Count(step));
    }

    [Fact]
    public async Task An_order_of_an_earlier_boot_of_the_host_is_not_carried_out()
    {
        Assert.Equal(StepAnswer.Done, await DestroyAsync());
        Folder.WriteDestroyed(Folder.ReadDestroyed("intent-1")! with { HostBoot = "another" });
        Assert.Equal(StepResult.Refused, (await CreateAsync()).Result);
        Assert.Equal(0, _xl.Count("create"));
    }

    [Fact]
    public async Task A_step_whose_process_is_killed_leaves_no_outcome_and_is_not_taken_for_done()
    {
        string gate = Path.Combine(_folder, "xl/gate");
        await File.WriteAllTextAsync(gate, string.Empty, Cancellation);
        Task<StepAnswer> asked = DestroyAsync();
        await UntilAsync(() => File.Exists(Path.Combine(_folder, "xl/waiting")));
        foreach (int process in ProcessesOf(Folder.Path))
        {
            System.Diagnostics.Process.GetProcessById(process).Kill();
        }

        StepAnswer answer = await asked;
        Assert.Equal(StepResult.Failed, answer.Result);
        Assert.Contains("without an outcome", answer.Reason);
        File.Delete(gate);
        await UntilAsync(() => _xl.StateOf(1) is null);

        // xl went on without its step, and nothing proves whose hand it was.
        Assert.Equal(StepResult.Refused, (await DestroyAsync()).Result);
    }

    private static IEnumerable<int> ProcessesOf(string folder)
        => Directory.EnumerateDirectories("/proc").Select(path => Path.GetFileName(path)!)
            .Where(name => int.TryParse(name, out _))
            .Where(name => CommandLineOf(name).Contains($"step\0{folder}", StringComparison.Ordinal))
            .Select(name => int.Parse(name, System.Globalization.CultureInfo.InvariantCulture));

    private static string CommandLineOf(string process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return string.Empty;
        }
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        for (int turn = 0; turn < 600 && !holds(); turn++)
        {
            await Task.Delay(50, Cancellation);
        }

        Assert.True(holds());
    }
}
