using System.Diagnostics;
using System.Globalization;
using HostBridge;
using HostBridge.Incidents;
using HostBridge.Recovery;
using Microsoft.Extensions.Logging.Abstractions;
using Protocol.Health;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Linux;
using Xunit;

namespace Tests.Integration.Bridge;

/// <summary>The state database on real disks that are full, hang or fail, and in a process that is killed.</summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class StateDiskTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly GuestIdentity Guest = new(new Guid(1, 0, 0, new byte[8]), "web1");

    private readonly string _folder = Directory.CreateTempSubdirectory("state-disk-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_published_program_brings_its_own_SQLite()
    {
        string libraries = await Tool.RequireAsync("ldd", BridgeProgram.Program);
        Assert.Contains("libc.so", libraries);
        Assert.DoesNotContain("sqlite", libraries);
    }

    [Fact]
    public async Task A_full_disk_takes_no_intent_says_so_and_works_again_with_room()
    {
        SkipWithoutContainment();
        await using var disk = await SmallDisk.MountAsync(Path.Combine(_folder, "small"));
        using (IncidentStore store = Open(disk.Path))
        {
            store.Open();
            store.Append([IntentOf("reboot-1")]);
            await disk.FillAsync();
            // What still fits into the last pages of the log is as good as any other; soon nothing does.
            IOException refused = Assert.Throws<IOException>(() =>
            {
                for (int number = 0; number < 100; number++)
                {
                    store.Append([ReportOf(new string('x', 1000))]);
                }
            });
            Assert.Contains("its file system is full; make room", refused.Message);
            Assert.Throws<IOException>(() => store.Append([IntentOf("reboot-2")]));
        }

        using (IncidentStore again = Open(disk.Path))
        {
            try
            {
                Assert.Equal("reboot-1", Assert.Single(again.Open().Guests).Open!.Intent.ToString());
            }
            catch (IOException)
            {
                // Or refused for want of room, but nothing else.
            }
        }

        disk.Empty();
        using IncidentStore later = Open(disk.Path);
        Assert.Equal("reboot-1", Assert.Single(later.Open().Guests).Open!.Intent.ToString());
        later.Append([IntentOf("reboot-3")]);
    }

    [Fact]
    public async Task A_disk_that_hangs_fails_the_intent_in_time_lets_the_bridge_end_and_leaves_no_open_intent()
    {
        SkipWithoutFaultDisk();
        await using FaultyFilesystem disk =
            await FaultyFilesystem.CreateAsync(Path.Combine(_folder, "hang"), "ext4", "rw");
        string state = Directory.CreateDirectory(Path.Combine(disk.Path, "state")).FullName;
        using IncidentLog log = Log(state);
        await log.OpenAsync(Cancellation);
        Assert.Null(await log.SavePauseAsync(new SavedPause(null, null), Cancellation));
        await disk.Disk.SetModeAsync(FaultMode.BlockWrites);

        long start = Stopwatch.GetTimestamp();
        string? failure = await log
            .AppendDurableAsync(IntentOf("reboot-1").Entry, Cancellation).WaitAsync(Limit, Cancellation);
        Assert.Contains("has not answered for 10 s", failure);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 9, 30);
        // Whoever tells waits for nothing, whatever becomes of it.
        for (int number = 0; number < 3000; number++)
        {
            log.TryAppend(ReportOf("meanwhile").Entry);
        }

        Assert.NotEqual(0, log.Dropped);
        await log.StopAsync(Cancellation).WaitAsync(TimeSpan.FromSeconds(5), Cancellation);

        await disk.Disk.SetModeAsync(FaultMode.Pass);
        using IncidentStore later = await OpenWhenFreeAsync(state);
        RestoredIncidents restored = later.Open();
        Assert.All(restored.Guests, history => Assert.Null(history.Open));
        Assert.Single(restored.Pauses);
    }

    [Fact]
    public async Task A_disk_that_fails_its_flushes_takes_no_intent()
    {
        SkipWithoutFaultDisk();
        await using FaultyFilesystem disk =
            await FaultyFilesystem.CreateAsync(Path.Combine(_folder, "fail"), "ext4", "rw");
        string state = Directory.CreateDirectory(Path.Combine(disk.Path, "state")).FullName;
        using (IncidentStore store = Open(state))
        {
            store.Open();
            store.Append([IntentOf("reboot-1")]);
            await disk.Disk.SetModeAsync(FaultMode.FailFlushes);
            Assert.ThrowsAny<IOException>(() => store.Append([IntentOf("reboot-2")]));
            Assert.ThrowsAny<IOException>(() => store.Append([IntentOf("reboot-3")]));
        }

        // A new disk tells what the old one has: nothing that was answered is missing.
        await disk.RepairAsync();
        using IncidentStore later = Open(state);
        Assert.NotNull(Assert.Single(later.Open().Guests).Open);
    }

    [Fact]
    public async Task A_process_that_is_killed_while_it_writes_leaves_all_that_it_said_was_durable()
    {
        string state = Directory.CreateDirectory(Path.Combine(_folder, "killed")).FullName;
        var random = new Random(20260303);
        for (int round = 0; round < 6; round++)
        {
            (int began, int ended) = await KillAfterAsync(state, lines: random.Next(4, 60));
            using IncidentStore store = Open(state);
            RestoredIncidents restored = store.Open();
            int[] open = [.. restored.Guests.Where(history => history.Open is not null).Select(NumberOf)];
            // The last thing may have become durable without being told; nothing that was told is missing.
            int allowed = began > ended ? began : began + 1;
            Assert.True(
                open.Length <= 1 && open.All(number => number == allowed),
                $"began {began}, ended {ended}, open {string.Join(' ', open)}");
            string name = string.Create(CultureInfo.InvariantCulture, $"web{(began % 50) + 1}");
            GuestHistory last = restored.Guests.Single(history => history.Guest.Name == name);
            Assert.Contains(DateTimeOffset.UnixEpoch.AddSeconds(began), last.Recoveries);
            Directory.Delete(state, recursive: true);
            Directory.CreateDirectory(state);
        }
    }

    private static int NumberOf(GuestHistory history)
        => int.Parse(history.Open!.Intent.ToString()["reboot-".Length..], CultureInfo.InvariantCulture);

    private static async Task<(int Began, int Ended)> KillAfterAsync(string state, int lines)
    {
        string program = Path.Combine(
            AppContext.BaseDirectory, "../../../../benchmarks/bin",
            Path.GetFileName(Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, ".."))), "net10.0/benchmarks");
        using Process writer = Process.Start(
            new ProcessStartInfo(program, ["intents", state]) { RedirectStandardOutput = true })!;
        int began = 0;
        int ended = 0;
        for (int line = 0; await writer.StandardOutput.ReadLineAsync(Cancellation) is { } said; line++)
        {
            if (line == lines)
            {
                // SIGKILL: in the middle of whatever it does now. What it said until then is still read.
                writer.Kill();
            }

            int number = int.Parse(said.Split(' ')[1], CultureInfo.InvariantCulture);
            (began, ended) = said.StartsWith("began", StringComparison.Ordinal) ? (number, ended) : (began, number);
        }

        await writer.WaitForExitAsync(Cancellation);
        return (began, ended);
    }

    private static async Task<IncidentStore> OpenWhenFreeAsync(string state)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            if (StateLock.TryTake(state).Lock is { } taken)
            {
                return new IncidentStore(state, taken);
            }

            Assert.True(Stopwatch.GetElapsedTime(start) < Limit, "the thread that writes goes on holding the directory");
            await Task.Delay(TimeSpan.FromMilliseconds(50), Cancellation);
        }
    }

    private static IncidentStore Open(string state) => new(state, StateLock.TryTake(state).Lock);

    private static IncidentLog Log(string state) => new(
        Open(state), new BridgeInputQueue(), new BridgeClock(TimeProvider.System), NullLogger<IncidentLog>.Instance);

    private static StateChange.Story IntentOf(string request) => new(IncidentEntry.Of(
        Guest, new DomainId(5), TellKind.Intent, "about to",
        new IncidentFacts
        {
            Rung = Rung.Reboot,
            RequestId = RequestId.TryParse(request, out RequestId id) ? id : default,
        },
        DateTimeOffset.UnixEpoch));

    private static StateChange.Story ReportOf(string text) => new(IncidentEntry.Of(
        Guest, new DomainId(5), TellKind.Report, text, IncidentFacts.None, DateTimeOffset.UnixEpoch));

    private static void SkipWithoutContainment()
    {
        if (Containment.WhyNot() is { } reason)
        {
            Assert.Skip(reason);
        }
    }

    private static void SkipWithoutFaultDisk()
    {
        if (FaultDisk.WhyNot() is { } reason)
        {
            Assert.Skip(reason);
        }
    }

    /// <summary>A real filesystem of a megabyte.</summary>
    private sealed class SmallDisk(string path) : IAsyncDisposable
    {
        public string Path { get; } = path;

        private string Filler => System.IO.Path.Combine(Path, "filler");

        public static async Task<SmallDisk> MountAsync(string path)
        {
            Directory.CreateDirectory(path);
            await Tool.RequireAsync("mount", "-t", "tmpfs", "-o", "size=1m", "small", path);
            return new SmallDisk(path);
        }

        /// <summary>Writes until nothing more goes in; dd then fails.</summary>
        public async Task FillAsync() => await Tool.RunAsync("dd", "if=/dev/zero", $"of={Filler}", "bs=4k");

        public void Empty() => File.Delete(Filler);

        public async ValueTask DisposeAsync()
        {
            await Tool.RequireAsync("umount", Path);
            Directory.Delete(Path);
        }
    }
}
