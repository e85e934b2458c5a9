using System.Diagnostics;
using System.Globalization;
using System.Text;
using HostBridge;
using HostBridge.Recovery;
using HostBridge.Storage;
using HostBridge.Storage.Judging;
using Microsoft.Extensions.Logging.Abstractions;
using Tests.Unit.Bridge.Storage.Fixtures;

namespace Benchmarks.Storage;

/// <summary>
/// What looking at the storage of a large host costs: 1,000 guests over 64 iSCSI sessions, in a tree of files on a
/// tmpfs that has the shape of /sys; and how long a line of the kernel's log takes to close the gate.
/// </summary>
internal static class StorageBenchmark
{
    private const int Guests = 1000;
    private const int Sessions = 64;
    private const int Looks = 100;
    private const int Events = 40;

    /// <summary>
    /// Of one event, and renewed for each: a gate opens again with the next look and a new read, later on a busy machine.
    /// </summary>
    private static readonly TimeSpan EventLimit = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan StableFor = TimeSpan.FromMilliseconds(1);

    public static async Task<int> RunAsync()
    {
        using var direct = new SysfsTree();
        List<DeviceNumber> luns = BuildLuns(direct);
        using var mapped = new SysfsTree();
        List<DeviceNumber> volumes = BuildVolumes(mapped);
        Console.WriteLine($"{Guests} guests over {Sessions} sessions, in {direct.Root}");
        MeasureLooks("a LUN each", direct, luns);
        MeasureLooks("volumes on 32 multipath maps", mapped, volumes);
        MeasureBackends(direct, luns);
        await MeasureEventsAsync(direct, luns).ConfigureAwait(false);
        return 0;
    }

    private static List<DeviceNumber> BuildLuns(SysfsTree tree)
    {
        AddSessions(tree);
        return [.. Enumerable.Range(0, Guests).Select(guest
            => tree.IscsiDisk($"sd{Text(guest)}", guest, guest % Sessions, lun: guest / Sessions))];
    }

    private static List<DeviceNumber> BuildVolumes(SysfsTree tree)
    {
        AddSessions(tree);
        int maps = Sessions / 2;
        for (int map = 0; map < maps; map++)
        {
            string wwid = $"naa.6001405{map:x9}";
            tree.IscsiDisk($"sd{Text(2 * map)}", 2 * map, 2 * map, wwid: wwid);
            tree.IscsiDisk($"sd{Text((2 * map) + 1)}", (2 * map) + 1, (2 * map) + 1, wwid: wwid);
            tree.Map(map, $"mpath{Text(map)}", $"mpath-36001405{map:x9}", $"sd{Text(2 * map)}", $"sd{Text((2 * map) + 1)}");
        }

        return [.. Enumerable.Range(0, Guests).Select(guest
            => tree.Map(maps + guest, $"vg-g{Text(guest)}", $"LVM-{Text(guest)}", $"dm-{Text(guest % maps)}"))];
    }

    private static void AddSessions(SysfsTree tree)
    {
        for (int session = 0; session < Sessions; session++)
        {
            tree.Session(session, $"iqn.2026-01.org.example:array{Text(session)}");
        }
    }

    private static void MeasureLooks(string name, SysfsTree tree, List<DeviceNumber> disks)
    {
        var reads = new ReadBook();
        var survey = new StorageSurvey(tree.Files, new HashSet<DeviceNumber>(), new KernelFaults(), reads);
        var cpu = new List<TimeSpan>(Looks);
        var plain = new List<TimeSpan>(Looks);
        for (int look = -Looks; look < Looks; look++)
        {
            TimeSpan now = TimeSpan.FromSeconds(look + Looks);
            TimeSpan before = Environment.CpuUsage.TotalTime;
            SurveyResult result = survey.Look(disks, MultipathView.None, now);
            if (look >= 0)
            {
                cpu.Add(Environment.CpuUsage.TotalTime - before);
                plain.Add(ReadPlainly(tree, disks.Count));
            }

            foreach (ReadTarget target in reads.TakeDue(now))
            {
                reads.Take(target.Device, ReadResult.Read, string.Empty, TimeSpan.FromMilliseconds(1));
            }

            if (look == Looks - 1 && result.Conditions.Count(condition => condition.Operational) != Guests)
            {
                throw new InvalidOperationException($"not every disk is operational: {result.Conditions[0].Text}");
            }
        }

        Print($"one look, CPU time ({name})", cpu, "reading a file of each disk with the framework", plain);
    }

    /// <summary>What any program pays at the least that looks at so many disks: CPU time for reading a file of each.</summary>
    private static TimeSpan ReadPlainly(SysfsTree tree, int disks)
    {
        string file = Directory.EnumerateFiles(tree.Root, "*", SearchOption.AllDirectories).First();
        TimeSpan before = Environment.CpuUsage.TotalTime;
        for (int disk = 0; disk < disks; disk++)
        {
            _ = File.ReadAllText(file);
        }

        return Environment.CpuUsage.TotalTime - before;
    }

    /// <summary>Every tenth look also asks the backends what they have done.</summary>
    private static void MeasureBackends(SysfsTree tree, List<DeviceNumber> disks)
    {
        var domains = new HashSet<DomainId>();
        foreach ((int guest, DeviceNumber disk) in disks.Index())
        {
            domains.Add(new DomainId(guest + 1));
            tree.Backend(guest + 1, disk);
        }

        var reader = new XenBackendReader(tree.Files);
        var cpu = new List<TimeSpan>(Looks);
        var plain = new List<TimeSpan>(Looks);
        for (int look = -Looks / 5; look < Looks; look++)
        {
            TimeSpan before = Environment.CpuUsage.TotalTime;
            if (reader.Activity(domains).Count != Guests)
            {
                throw new InvalidOperationException("not every backend was read");
            }

            if (look >= 0)
            {
                cpu.Add(Environment.CpuUsage.TotalTime - before);
                plain.Add(ReadPlainly(tree, disks.Count));
            }
        }

        Print("what the backends did, CPU time", cpu, "reading a file of each disk with the framework", plain);
    }

    /// <summary>
    /// The real watch with a pipe in the place of the kernel's log: from writing the line until the bridge's loop has
    /// the gate of a guest closed.
    /// </summary>
    private static async Task MeasureEventsAsync(SysfsTree tree, List<DeviceNumber> disks)
    {
        string log = Path.Combine(tree.Root, "kmsg");
        string reader = Path.Combine(tree.Root, "reader");
        Process.Start("mkfifo", log).WaitForExit();
        File.WriteAllText(reader, "#!/bin/sh\nwhile read -r number name; do echo \"$number 100 read\"; done\n");
        Process.Start("chmod", ["u+x", reader]).WaitForExit();
        using var kernel = new FileStream(log, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);

        var clock = new BridgeClock(TimeProvider.System);
        var inputs = new BridgeInputQueue();
        using var wake = new WakeUp();
        using var parts = new StorageParts
        {
            Files = tree.Files,
            KernelLog = KernelLog.TryOpen(log),
            ReaderProgram = reader,
        };
        var watched = new WatchedDisks(clock, wake);
        using var watch = new StorageWatch(
            parts, watched, wake, inputs, clock, NullLogger<StorageWatch>.Instance);
        var loop = new BridgeLoop(new RecoveryPolicy { StableFor = StableFor });
        for (int guest = 0; guest < Guests; guest++)
        {
            var identity = new GuestIdentity(new Guid(guest + 1, 0, 0, new byte[8]), $"g{Text(guest)}");
            loop.Step(
                new BridgeInput.GuestSeen(identity, new DomainId(guest + 1), new GuestDisks([disks[guest]], [])), clock.Now);
        }

        for (int guest = 0; guest < Guests; guest++)
        {
            watched.Watch(new DomainId(guest + 1), [disks[guest]]);
        }

        using var stop = new CancellationTokenSource(EventLimit);
        await watch.StartAsync(stop.Token).ConfigureAwait(false);
        IAsyncEnumerator<BridgeInput> queue = inputs.ReadAllAsync(stop.Token).GetAsyncEnumerator(stop.Token);
        var latencies = new List<TimeSpan>(Events);
        var plain = new List<TimeSpan>(Events);
        using var peer = new PipeReader(Path.Combine(tree.Root, "peer"));
        for (int i = 0; i < Events; i++)
        {
            stop.CancelAfter(EventLimit);
            await UntilAsync(isOpen: true).ConfigureAwait(false);
            long start = Stopwatch.GetTimestamp();
            kernel.Write(Encoding.ASCII.GetBytes(
                $"6,1,{start / 1000},-;connection0:0: detected conn error (1020)\n"));
            await UntilAsync(isOpen: false).ConfigureAwait(false);
            latencies.Add(Stopwatch.GetElapsedTime(start));
            plain.Add(peer.Measure());
            // The next one comes at another moment between two looks.
            await Task.Delay(TimeSpan.FromMilliseconds(100 + (37 * i)), stop.Token).ConfigureAwait(false);
        }

        await watch.StopAsync(CancellationToken.None).ConfigureAwait(false);
        Print("line of the kernel's log to closed gate", latencies, "to a thread that only reads a pipe", plain);

        async Task UntilAsync(bool isOpen)
        {
            while (loop.Guests.First().Storage.Gate is StorageGate.Open != isOpen)
            {
                try
                {
                    await queue.MoveNextAsync().ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                    throw new TimeoutException(
                        $"the gate did not {(isOpen ? "open" : "close")} within {EventLimit.TotalMinutes} min");
                }

                loop.Step(queue.Current, clock.Now);
                if (isOpen)
                {
                    // Without it the disk is not yet stable, and the next input comes up to five seconds later.
                    await Task.Delay(StableFor * 2).ConfigureAwait(false);
                    loop.Step(new BridgeInput.Tick(), clock.Now);
                }
            }
        }
    }

    private static void Print(string what, List<TimeSpan> figures, string peer, List<TimeSpan> plain)
    {
        const int Rank = 95;
        figures.Sort();
        plain.Sort();
        TimeSpan median = figures[figures.Count / 2];
        TimeSpan high = figures[(figures.Count * Rank / 100) - 1];
        TimeSpan beside = plain[plain.Count / 2];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{what}: p50 {median.TotalMilliseconds:0.0} ms, p95 {high.TotalMilliseconds:0.0} ms, "
                + $"max {figures[^1].TotalMilliseconds:0.0} ms; beside it, {peer}: p50 {beside.TotalMilliseconds:0.00} ms, "
                + $"ratio {median / beside:0.0}"));
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
