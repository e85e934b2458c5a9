using System.Globalization;
using Protocol.Health;
using Protocol.Xenstore;
using Testbed.Domains;
using Testbed.Linux;
using Testbed.Toolstack;
using Testbed.Xenstore;

namespace Testbed.Demo;

/// <summary>
/// Four guests under the real agents and the real bridge. The storage of A's root and of B's data fails and their
/// journals are aborted while the mount tables say rw; C's administrator makes a filesystem read-only; D is well.
/// </summary>
/// <param name="published">The folder with the published programs.</param>
/// <param name="folder">An empty folder for everything that is made.</param>
/// <param name="isHeld">
/// Whether it is held once the storage is back, under a bridge that only observes, for somebody to try its commands.
/// </param>
/// <param name="cancellation">Ends it early; what was made is taken down.</param>
public sealed class DemoScenario(string published, string folder, bool isHeld, CancellationToken cancellation)
{
    private static readonly TimeSpan ReportLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AbortLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RecoveryLimit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan StorageIsGoneFor = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan DetectionLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);

    private readonly Timeline _timeline = new(TimeProvider.System);
    private readonly DemoChecks _checks = new();

    /// <summary>Runs it.</summary>
    /// <returns>Whether everything held that had to.</returns>
    public async Task<bool> RunAsync()
    {
        Containment.Require();
        Console.WriteLine("The bridge's policy here is act-without-host-evidence: loop devices have no iSCSI session "
            + "or path in which this host could see the fault itself.");
        Console.WriteLine();
        List<TestbedDomain> domains = [];
        try
        {
            DomainDefinition[] definitions =
                [DemoGuests.A(published), DemoGuests.B(published), DemoGuests.C(published), DemoGuests.D(published)];
            foreach (DomainDefinition definition in definitions)
            {
                cancellation.ThrowIfCancellationRequested();
                domains.Add(await TestbedDomain.CreateAsync(definition, Path.Combine(folder, definition.Name)));
            }

            await PlayAsync(domains);
            if (!isHeld)
            {
                await CheckDisksAsync(domains[0], domains[1]);
            }
        }
        catch (Exception failure) when (failure is TimeoutException or IOException)
        {
            _checks.Add(false, failure.Message);
            await PrintLogsAsync(domains);
        }
        finally
        {
            foreach (TestbedDomain domain in domains)
            {
                await domain.DisposeAsync();
            }
        }

        _timeline.PrintAll();
        _checks.Print();
        return _checks.AllHeld;
    }

    private string BridgeLog => Path.Combine(folder, "bridge.log");

    private async Task PlayAsync(List<TestbedDomain> domains)
    {
        await using var xenstore = new EmbeddedXenstore(folder);
        await using var toolstack = new TestbedToolstack(
            xenstore,
            Path.Combine(folder, "toolstack"),
            (domain, text) => _timeline.Add(domain.Definition.Name, "toolstack", text));
        TestbedToolstack.WriteCommand(Path.Combine(folder, "toolstack-command"), Path.Combine(folder, "toolstack"));
        await using var reports = new ReportWatch(xenstore, _timeline, toolstack.Find);
        SupervisedDomain[] guests =
            await Task.WhenAll(domains.Select(domain => toolstack.StartAsync(domain)));
        await using var kernel = new KernelWatch(_timeline, guests);
        await using var incidents = new IncidentTail(
            Path.Combine(folder, "state", "incidents.db"),
            incident => _timeline.Add(new Moment(
                _timeline.At(incident.Time),
                toolstack.Find(incident.Guest)?.Domain.Definition.Name ?? incident.Guest.ToString(),
                string.Empty,
                string.Empty,
                incident.Kind,
                incident.Text)));

        var stage = new DemoStage(guests[0], guests[1], guests[2], guests[3], reports, kernel, incidents);
        await PlayAsync(stage, xenstore);
    }

    private async Task PlayAsync(DemoStage stage, EmbeddedXenstore xenstore)
    {
        await WaitAsync("every guest reports all its filesystems writable", ReportLimit, () => stage.All
            .All(guest => guest.Domain.Disks.All(disk => stage.IsNow(guest, disk, Verdict.Writable))));
        stage.RememberBoots();
        WitnessFiles evidenceOfA = WitnessFiles.Write(stage.A.Boot.Inside("/"));
        WitnessFiles evidenceOfB = WitnessFiles.Write(stage.B.Boot.Inside(DemoGuests.DataMountPoint));

        Disk[] failing = [stage.A.Domain.Root, stage.B.Domain.DiskAt(DemoGuests.DataMountPoint)];
        Disk[] others = [.. stage.All.SelectMany(guest => guest.Domain.Disks).Except(failing)];
        await using (StartBridge(xenstore, others))
        {
            Tell("bridge", "started; an operator vouches for every disk but A's root and B's data");
            await BreakAsync(stage, failing);
            ShowNodes(xenstore, stage.A);
            await PassAsync(StorageIsGoneFor);
            foreach (Disk disk in failing)
            {
                await disk.HealStorageAsync();
            }

            Tell("storage", "is back for A's root and B's data; what failed meanwhile is lost");
        }

        if (isHeld)
        {
            await HoldAsync(xenstore, [.. others, .. failing]);
            return;
        }

        await using HostBridge bridge = StartBridge(xenstore, [.. others, .. failing]);
        Tell("bridge", "started again; an operator vouches for all disks now");
        await WaitAsync("A and B are proved to be well again", RecoveryLimit, () => stage.IsProved(stage.A)
            && stage.IsProved(stage.B) && stage.IsNow(stage.A, failing[0], Verdict.Writable)
            && stage.IsNow(stage.B, failing[1], Verdict.Writable));
        stage.Check(_checks, DetectionLimit);
        CheckEvidence("A", evidenceOfA, stage.A.Boot.Inside("/"));
        CheckEvidence("B", evidenceOfB, stage.B.Boot.Inside(DemoGuests.DataMountPoint));
        _checks.Add(bridge.IsRunning, "the bridge still runs");
    }

    private async Task HoldAsync(EmbeddedXenstore xenstore, IEnumerable<Disk> vouchedFor)
    {
        var held = new HeldStage(published, folder);
        held.Configure(xenstore.SocketPath, vouchedFor);
        await using HostBridge bridge = HostBridge.Start(
            Path.Combine(published, "host-bridge", "host-bridge"), ["--config", held.Configuration], BridgeLog);
        Tell("bridge", "started again; it only observes");
        await WaitAsync(
            "the bridge listens to commands", ReportLimit, () => File.Exists(Path.Combine(folder, "run", "admin.sock")));
        await PassAsync(StorageIsGoneFor);
        await held.RunShellAsync(cancellation);
    }

    private async Task BreakAsync(DemoStage stage, Disk[] failing)
    {
        ToolResult remounted =
            await stage.C.Boot.RunInsideAsync("mount", "-o", "remount,ro", DemoGuests.DataMountPoint);
        _checks.Add(remounted.ExitCode == 0, $"C's administrator could remount {DemoGuests.DataMountPoint} read-only");
        _timeline.Add("C", "operator", $"mount -o remount,ro {DemoGuests.DataMountPoint}");
        foreach (Disk disk in failing)
        {
            await disk.FailStorageAsync();
        }

        Tell("storage", "fails under A's root and B's data: writes to new blocks end in I/O errors");
        await Task.WhenAll(
            AbortAsync(stage.A.Boot, failing[0]),
            AbortAsync(stage.B.Boot, failing[1]));
        await WaitAsync("the journals' aborts are seen in xenstore", ReportLimit, () =>
            stage.IsNow(stage.A, failing[0], Verdict.JournalAborted)
            && stage.IsNow(stage.B, failing[1], Verdict.JournalAborted));
    }

    /// <summary>What an administrator in Dom0 reads at that moment.</summary>
    private void ShowNodes(EmbeddedXenstore xenstore, SupervisedDomain guest)
    {
        foreach (string node in (string[])[GuestKeys.State, GuestKeys.Filesystem(0)])
        {
            string path = GuestKeys.Absolute(guest.DomainId, node);
            _timeline.Add(guest.Domain.Definition.Name, "xenstore", $"{path} = \"{xenstore.Read(path)}\"");
        }
    }

    private void Tell(string kind, string text) => _timeline.Add(string.Empty, kind, text);

    private static async Task AbortAsync(DomainBoot boot, Disk disk)
    {
        using KernelLog log = KernelLog.OpenAtEnd();
        await boot.WaitUntilJournalAbortedAsync(disk, log, AbortLimit);
    }

    private HostBridge StartBridge(EmbeddedXenstore xenstore, IReadOnlyList<Disk> vouchedFor)
        => HostBridge.Start(
            Path.Combine(published, "host-bridge", "host-bridge"),
            [
                "--xenstore", xenstore.SocketPath,
                "--state-directory", Path.Combine(folder, "state"),
                "--admin-socket", "none",
                "--mode", "recover",
                "--toolstack-command", Path.Combine(folder, "toolstack-command"),
                "--act-without-host-evidence",
                "--stable-seconds", "3",
                "--grace-seconds", "0",
                .. vouchedFor.SelectMany(disk => (string[])
                [
                    "--assume-operational",
                    string.Create(CultureInfo.InvariantCulture, $"{disk.Loop.Major}:{disk.Loop.Minor}"),
                ]),
            ],
            BridgeLog);

    private void CheckEvidence(string guest, WitnessFiles evidence, string mountPoint)
    {
        IReadOnlyList<string> missing = evidence.Missing(mountPoint);
        _checks.Add(
            missing.Count == 0,
            $"{guest}: {evidence.Count - missing.Count} of {evidence.Count} files written before the fault are intact");
    }

    private async Task CheckDisksAsync(TestbedDomain a, TestbedDomain b)
    {
        foreach (TestbedDomain domain in (TestbedDomain[])[a, b])
        {
            foreach (Disk disk in domain.Disks)
            {
                ToolResult check = await disk.CheckAsync("-f", "-n");
                _checks.Add(
                    check.ExitCode == 0,
                    $"{domain.Definition.Name}: e2fsck -fn of {disk.Definition.MountPoint} after a clean stop "
                    + $"ends with {check.ExitCode}");
            }
        }
    }

    private async Task WaitAsync(string what, TimeSpan limit, Func<bool> isSo)
    {
        TimeSpan start = _timeline.Now;
        while (!isSo())
        {
            if (_timeline.Now - start > limit)
            {
                throw new TimeoutException($"not within {limit.TotalSeconds} s: {what}");
            }

            await PassAsync(LookAgain);
        }
    }

    private async Task PassAsync(TimeSpan span)
    {
        await Task.Delay(span, cancellation);
        _timeline.PrintSettled();
    }

    private async Task PrintLogsAsync(List<TestbedDomain> domains)
    {
        foreach (string log in domains.Select(domain => domain.LogFile).Append(BridgeLog).Where(File.Exists))
        {
            Console.WriteLine($"--- {log}");
            Console.WriteLine(await File.ReadAllTextAsync(log, CancellationToken.None));
        }
    }
}
