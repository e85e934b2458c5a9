using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Xenstore;
using Spectre.Console;
using Testbed.Linux;
using Testbed.Xenstore;

namespace Benchmarks.Bridge;

/// <summary>
/// What one hostile guest costs the others: the time from their write to the decision of the bridge, without it and
/// beside its floods. The daemon and the guests are another process: this one is the bridge alone.
/// </summary>
internal static class HostileBenchmark
{
    private const int QuietGuests = 50;
    private const int HostileDomain = QuietGuests + 1;
    private const string NoFlood = "none";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>Until all guests are known before the first phase; only what never comes meets it.</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(10);

    /// <summary>
    /// The first warms up. No guest changes more often than it may be read. A bridge that has other things to read
    /// all the time, and one that seldom has, are different cases.
    /// </summary>
    private static readonly Phase[] Phases =
    [
        new(NoFlood, IntervalMs: 50, Seconds: 4),
        new(NoFlood, IntervalMs: 50, Seconds: 4),
        .. Enum.GetNames<HostileFlood>().Select(flood => new Phase(flood, IntervalMs: 50, Seconds: 4)),
        new(nameof(HostileFlood.Names), IntervalMs: 1000, Seconds: 8),
    ];

    public static async Task<int> RunAsync()
    {
        string folder = Directory.CreateTempSubdirectory("benchmark-").FullName;
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["hostile-guests", folder])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        using Process guests = Tool.Start(start);
        try
        {
            await MeasureAsync(guests);
        }
        finally
        {
            guests.StandardInput.Close();
            await guests.WaitForExitAsync();
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    /// <summary>
    /// The other process: a daemon, its quiet guests and the hostile one, which do as each line that it is sent says.
    /// It answers with the number of changes and of hostile requests, and then with each change: domain, sequence,
    /// and when it was begun to be written, by the monotonic clock that all processes share.
    /// </summary>
    public static async Task<int> RunGuestsAsync(string folder)
    {
        await using var daemon = new EmbeddedXenstore(folder);
        using var dom0 = new RawXenstoreClient(daemon.SocketPath);
        List<QuietGuest> quiet =
            [.. Enumerable.Range(1, QuietGuests).Select(domain => new QuietGuest(daemon, dom0, domain))];
        daemon.IntroduceDomain(HostileDomain);
        using var hostile = new HostileGuest(daemon, HostileDomain, quiet, seed: 1);
        Console.WriteLine(daemon.SocketPath);
        while (Console.ReadLine() is { } line)
        {
            Phase phase = Phases[(int)Number(line)];
            using var stop = new CancellationTokenSource();
            hostile.SayLastWords(Verdict.Writable);
            long before = hostile.Requests;
            Task flooding = phase.Flood == NoFlood
                ? Task.CompletedTask
                : Task.Factory.StartNew(
                    () => hostile.Flood(Enum.Parse<HostileFlood>(phase.Flood), stop.Token), stop.Token,
                    TaskCreationOptions.LongRunning, TaskScheduler.Default);
            List<Change> changes = await ChangeAsync(quiet, phase);
            await stop.CancelAsync();
            await flooding;
            Console.WriteLine($"{changes.Count} {hostile.Requests - before}");
            changes.ForEach(change => Console.WriteLine($"{change.Domain} {change.Sequence} {change.At}"));
        }

        quiet.ForEach(guest => guest.Dispose());
        return 0;
    }

    private static async Task<List<Change>> ChangeAsync(List<QuietGuest> quiet, Phase phase)
    {
        var changes = new List<Change>();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(phase.IntervalMs));
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start).TotalSeconds < phase.Seconds;)
        {
            QuietGuest guest = quiet[changes.Count % quiet.Count];
            long now = Stopwatch.GetTimestamp();
            bool isWell = guest.Report.Filesystems[0].Verdict == Verdict.Writable;
            long sequence = guest.Say(isWell ? Verdict.ErrorsRecorded : Verdict.Writable);
            changes.Add(new Change(guest.DomainId, sequence, now));
            await timer.WaitForNextTickAsync();
        }

        return changes;
    }

    private static async Task MeasureAsync(Process guests)
    {
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns(
            "flood", "its requests/s", "changes", "late", "p50, ms", "p95, ms", "max, ms", "its inputs", "CPU, %",
            "heap, KiB", "RSS, KiB");
        var decided = new ConcurrentDictionary<(int Domain, long Sequence), long>();
        long inputsOfHostile = 0;
        await using var bridge = new ListeningBridge(await LineAsync(guests), new RecoveryPolicy());
        bridge.Stepped += (input, effects) =>
        {
            if (input is BridgeInput.ReportRead read && effects.Any(effect => effect.Action is RecoveryAction.Tell))
            {
                decided.TryAdd((read.Domain.Value, read.Report.Sequence), Stopwatch.GetTimestamp());
            }

            inputsOfHostile += IsOfHostile(input) ? 1 : 0;
        };
        await bridge.UntilAsync(
            known => known.Count == HostileDomain && known.Count(guest => guest.Report is not null) >= QuietGuests,
            StartLimit);

        foreach ((int number, Phase phase) in Phases.Index())
        {
            long inputsBefore = inputsOfHostile;
            long managed = GC.GetTotalMemory(forceFullCollection: true);
            long resident = Resident();
            TimeSpan cpu = Environment.CpuUsage.TotalTime;
            long began = Stopwatch.GetTimestamp();
            await guests.StandardInput.WriteLineAsync(number.ToString(CultureInfo.InvariantCulture));
            string[] counts = (await LineAsync(guests)).Split(' ');
            List<Change> changes = await ChangesAsync(guests, Number(counts[0]));
            List<Change> late = await UndecidedAsync(bridge, changes, decided);
            cpu = Environment.CpuUsage.TotalTime - cpu;
            double elapsedSeconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            resident = Resident() - resident;
            managed = GC.GetTotalMemory(forceFullCollection: true) - managed;
            double[] took =
            [
                .. changes.Except(late)
                    .Select(change => Stopwatch.GetElapsedTime(change.At, decided[(change.Domain, change.Sequence)]))
                    .Select(time => time.TotalMilliseconds)
                    .Order()
                    .Concat(late.Select(_ => double.PositiveInfinity)),
            ];
            table.AddRow(
                phase.Flood, Text(Number(counts[1]) / (double)phase.Seconds), Text(took.Length), Text(late.Count),
                Text(took[took.Length / 2]), Text(took[took.Length * 95 / 100]), Text(took[^1]),
                Text(inputsOfHostile - inputsBefore), Text(100 * cpu.TotalSeconds / elapsedSeconds),
                Text(managed / 1024.0), Text(resident / 1024.0));
        }

        AnsiConsole.Profile.Width = 160;
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(
            $"{QuietGuests} guests, of which one changes every {Phases[0].IntervalMs} ms, in the last row every "
            + $"{Phases[^1].IntervalMs} ms; the time is from before its write to the decision, and late is what was not "
            + $"decided {Limit.TotalSeconds:0} s after the end. The first row warms up. CPU, heap after a full collection "
            + "(growth) and RSS (growth) are those of this process, which is the bridge alone.");
    }

    private static async Task<List<Change>> UndecidedAsync(
        ListeningBridge bridge, List<Change> changes, ConcurrentDictionary<(int Domain, long Sequence), long> decided)
    {
        try
        {
            await bridge.UntilAsync(_ => changes.TrueForAll(IsDecided), Limit);
        }
        catch (OperationCanceledException)
        {
            // The table tells of it.
        }

        return [.. changes.Where(change => !IsDecided(change))];

        bool IsDecided(Change change) => decided.ContainsKey((change.Domain, change.Sequence));
    }

    private static async Task<List<Change>> ChangesAsync(Process guests, long count)
    {
        var changes = new List<Change>();
        while (changes.Count < count)
        {
            string[] words = (await LineAsync(guests)).Split(' ');
            changes.Add(new Change((int)Number(words[0]), Number(words[1]), Number(words[2])));
        }

        return changes;
    }

    private static bool IsOfHostile(BridgeInput input) => input switch
    {
        BridgeInput.GuestSeen seen => seen.Domain.Value == HostileDomain,
        BridgeInput.ReportRead read => read.Domain.Value == HostileDomain,
        BridgeInput.ReportRejected rejected => rejected.Domain.Value == HostileDomain,
        BridgeInput.OutcomeRead read => read.Domain.Value == HostileDomain,
        _ => false,
    };

    private static long Resident()
    {
        using Process self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }

    private static async Task<string> LineAsync(Process guests)
        => await guests.StandardOutput.ReadLineAsync()
            ?? throw new InvalidOperationException("the process with the daemon and the guests ended");

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private static string Text(double number) => number.ToString("0", CultureInfo.InvariantCulture);

    /// <summary>What the guests do for some time.</summary>
    /// <param name="Flood">A <see cref="HostileFlood"/>, or none.</param>
    /// <param name="IntervalMs">From one change of a quiet guest to the next of another.</param>
    /// <param name="Seconds">How long.</param>
    private sealed record Phase(string Flood, int IntervalMs, int Seconds);

    /// <summary>A change that a quiet guest wrote.</summary>
    private sealed record Change(int Domain, long Sequence, long At);
}
