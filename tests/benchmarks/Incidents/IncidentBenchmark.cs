using System.Diagnostics;
using System.Globalization;
using HostBridge;
using HostBridge.Incidents;
using HostBridge.Recovery;
using Microsoft.Extensions.Logging.Abstractions;
using Spectre.Console;

namespace Benchmarks.Incidents;

/// <summary>How fast intents become durable on the disk of the temporary folder, and what a full database costs.</summary>
internal static class IncidentBenchmark
{
    private const int Intents = 300;
    private const int AtOnce = 1000;
    private const int Story = 200_000;

    public static async Task<int> RunAsync()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("incidents-");
        try
        {
            var table = new Table { Border = TableBorder.Markdown };
            table.AddColumns("what", "per second", "took, ms");
            await MeasureAsync(folder.FullName, table);
            AnsiConsole.Profile.Width = 120;
            AnsiConsole.Write(table);
            return 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task MeasureAsync(string folder, Table table)
    {
        using (IncidentLog log = Log(folder))
        {
            await log.OpenAsync(CancellationToken.None);
            long start = Stopwatch.GetTimestamp();
            for (int number = 0; number < Intents; number++)
            {
                IncidentEntry intent = IntentWriter.EntryOf(number, TellKind.Intent);
                Require(await log.AppendDurableAsync(intent, CancellationToken.None));
            }

            Add(table, "intents, one after the other", Intents, start);
            start = Stopwatch.GetTimestamp();
            string?[] answers = await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(number =>
                log.AppendDurableAsync(IntentWriter.EntryOf(number, TellKind.Intent), CancellationToken.None)));
            Array.ForEach(answers, Require);
            Add(table, $"{AtOnce} intents at once", AtOnce, start);
            long before = GC.GetTotalMemory(forceFullCollection: true);
            start = Stopwatch.GetTimestamp();
            IncidentEntry entry = IntentWriter.EntryOf(1, TellKind.Report);
            int taken = 0;
            while (taken < Story)
            {
                long dropped = log.Dropped;
                log.TryAppend(entry);
                if (log.Dropped == dropped)
                {
                    taken++;
                }
                else
                {
                    await Task.Delay(1);
                }
            }

            Add(table, "entries of the story", Story, start);
            AnsiConsole.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"memory: {(GC.GetTotalMemory(forceFullCollection: true) - before) / 1024} KiB more managed, "
                    + $"{Environment.WorkingSet / 1024 / 1024} MiB resident"));
            await log.StopAsync(CancellationToken.None);
        }

        await Task.Delay(TimeSpan.FromSeconds(1));
        AnsiConsole.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"database: {new FileInfo(Path.Combine(folder, IncidentStore.FileName)).Length / 1024 / 1024} MiB"));
        using StateLock? held = StateLock.TryTake(folder).Lock;
        using var store = new IncidentStore(folder, held);
        long opening = Stopwatch.GetTimestamp();
        store.Open();
        Add(table, "open it again", 1, opening);
    }

    private static IncidentLog Log(string folder) => new(
        new IncidentStore(folder, StateLock.TryTake(folder).Lock), new BridgeInputQueue(),
        new BridgeClock(TimeProvider.System), NullLogger<IncidentLog>.Instance);

    private static void Require(string? failure)
    {
        if (failure is not null)
        {
            throw new IOException(failure);
        }
    }

    private static void Add(Table table, string what, int count, long start)
    {
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        table.AddRow(
            what,
            (count / took.TotalSeconds).ToString("0", CultureInfo.InvariantCulture),
            took.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture));
    }
}
