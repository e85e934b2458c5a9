using System.Diagnostics;
using System.Globalization;
using HostBridge.Recovery;
using Protocol.Health;
using Spectre.Console;
using Testbed.Linux;
using Testbed.Xenstore;

namespace Benchmarks.Bridge;

/// <summary>
/// What it costs the bridge to hear a thousand guests that change ten times within a second. The daemon and the
/// guests are another process: this one is the bridge alone.
/// </summary>
internal static class BridgeBenchmark
{
    private const int Guests = 1000;
    private const int Changes = 10;
    private const int Rounds = 4;
    private const string Real = "real";
    private const string Embedded = "embedded";

    private static readonly TimeSpan ChangeInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    /// <summary>In this time a guest's bucket of readings is full again, and a round begins as the one before.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(11);

    public static async Task<int> RunAsync()
    {
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns(
            "daemon", "changes", "written within, s", "known after, s", "CPU of the bridge, s", "MB allocated");
        foreach (string kind in (string[])[Real, Embedded])
        {
            if (kind == Real && await RealXenstore.WhyNotAsync() is { } reason)
            {
                Console.Error.WriteLine($"benchmarks: the real daemon is skipped: {reason}");
                continue;
            }

            await MeasureAsync(kind, table);
        }

        AnsiConsole.Profile.Width = 120;
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(
            $"{Guests} guests, each changes its report {Changes} times; no round ends before the bridge knows the last "
            + "report of each. CPU: this process, which is the bridge from the watch event to the decision.");
        return 0;
    }

    /// <summary>The other process: a daemon and its guests, which change at every line that it is sent.</summary>
    public static async Task<int> RunFleetAsync(string kind, string folder)
    {
        await using IXenstoreDaemon daemon =
            kind == Real ? await RealXenstore.StartAsync(folder) : new EmbeddedXenstore(folder);
        using var fleet = new GuestFleet(daemon.SocketPath, Guests);
        Console.WriteLine(daemon.SocketPath);
        while (Console.ReadLine() is not null)
        {
            long start = Stopwatch.GetTimestamp();
            await fleet.ChangeAsync(Changes, ChangeInterval);
            Console.WriteLine(Stopwatch.GetElapsedTime(start).TotalSeconds.ToString(CultureInfo.InvariantCulture));
        }

        return 0;
    }

    private static async Task MeasureAsync(string kind, Table table)
    {
        string folder = Directory.CreateTempSubdirectory("benchmark-").FullName;
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["fleet", kind, folder])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        using Process fleet = Tool.Start(start);
        try
        {
            string socketPath = await LineAsync(fleet);
            await using var bridge = new ListeningBridge(socketPath, new RecoveryPolicy { Mode = BridgeMode.Observe });
            long sequence = 1;
            await bridge.UntilAsync(guests => Knows(guests, sequence), Limit);
            for (int round = 0; round < Rounds; round++)
            {
                await Task.Delay(Rest);
                sequence += Changes;
                TimeSpan cpu = Environment.CpuUsage.TotalTime;
                long allocated = GC.GetTotalAllocatedBytes(precise: true);
                long began = Stopwatch.GetTimestamp();
                await fleet.StandardInput.WriteLineAsync();
                await bridge.UntilAsync(guests => Knows(guests, sequence), Limit);
                double knownAfter = Stopwatch.GetElapsedTime(began).TotalSeconds;
                cpu = Environment.CpuUsage.TotalTime - cpu;
                allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
                string writtenWithin = await LineAsync(fleet);
                if (round > 0)
                {
                    // The first round warms up.
                    table.AddRow(
                        kind,
                        $"{Guests * Changes}",
                        double.Parse(writtenWithin, CultureInfo.InvariantCulture)
                            .ToString("0.00", CultureInfo.InvariantCulture),
                        knownAfter.ToString("0.00", CultureInfo.InvariantCulture),
                        cpu.TotalSeconds.ToString("0.00", CultureInfo.InvariantCulture),
                        (allocated / 1e6).ToString("0.0", CultureInfo.InvariantCulture));
                }
            }
        }
        finally
        {
            fleet.StandardInput.Close();
            await fleet.WaitForExitAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<string> LineAsync(Process fleet)
        => await fleet.StandardOutput.ReadLineAsync()
            ?? throw new InvalidOperationException("the process with the daemon and the guests ended");

    private static bool Knows(IReadOnlyList<GuestRecord> guests, long sequence)
        => guests.Count == Guests && guests.All(guest => IsKnown(guest, sequence));

    private static bool IsKnown(GuestRecord guest, long sequence)
    {
        if (guest is not { Domain: { } domain, Report: { } report } || report.Sequence != sequence)
        {
            return false;
        }

        FilesystemHealth written = GuestFleet.ReportOf(domain.Value, sequence).Filesystems[0];
        return report.Filesystems[0].SaysTheSameAs(written);
    }
}
