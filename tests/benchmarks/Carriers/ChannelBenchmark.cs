using System.Diagnostics;
using System.Globalization;
using Protocol.Channel;
using Protocol.Health;
using Protocol.Xenstore;
using Spectre.Console;
using Testbed.Xenstore;

namespace Benchmarks.Carriers;

/// <summary>
/// Both carriers side by side: how long a guest's report takes until the host has it, and how many the host gets a
/// second. Prints figures; it fails only when something does not work.
/// </summary>
internal static class ChannelBenchmark
{
    private const int Rounds = 500;
    private const int DomainId = 7;

    public static async Task<int> RunAsync()
    {
        string folder = Directory.CreateTempSubdirectory("benchmark-").FullName;
        try
        {
            bool isReal = await RealXenstore.WhyNotAsync() is null;
            await using IXenstoreDaemon daemon = isReal
                ? await RealXenstore.StartAsync(folder)
                : new EmbeddedXenstore(folder);
            daemon.IntroduceDomain(DomainId);
            await using var xenstore = new XenstoreWay(daemon.SocketPath, daemon.DomainSocketPath(DomainId));
            await xenstore.ConnectAsync();
            using var channel = new ChannelWay(Path.Combine(folder, "channel"));
            channel.Connect();

            var table = new Table { Border = TableBorder.Markdown };
            table.AddColumns("report", "carrier", "median", "99 of 100 within", "reports/s one after another");
            foreach (int filesystems in new[] { 1, 16 })
            {
                string name = filesystems == 1 ? "1 filesystem" : $"{filesystems} filesystems";
                AddRow(table, name, "xenstore", await MeasureAsync(filesystems, xenstore.CarryAsync));
                AddRow(table, name, "channel", await MeasureAsync(filesystems, report =>
                {
                    channel.Carry(report);
                    return Task.CompletedTask;
                }));
            }

            AnsiConsole.Profile.Width = 120;
            AnsiConsole.Write(table);
            AnsiConsole.WriteLine(
                $"{Rounds} reports each. xenstore ({(isReal ? "the real daemon" : "the embedded one")}): a line a "
                + "filesystem is written, its event awaited and it is read. Channel: a pseudo-terminal and a unix socket "
                + "with a backend between, as QEMU is; a ring and its interrupts are not in it.");
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<double[]> MeasureAsync(int filesystems, Func<GuestReport, Task> carry)
    {
        var seconds = new List<double>();
        for (int round = -Rounds / 10; round < Rounds; round++)
        {
            GuestReport report = Report(filesystems, sequence: 1000 + round);
            long start = Stopwatch.GetTimestamp();
            await carry(report).ConfigureAwait(false);
            if (round >= 0)
            {
                // The first ones warm it up.
                seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
        }

        return [.. seconds.Order()];
    }

    private static void AddRow(Table table, string report, string carrier, double[] seconds)
        => table.AddRow(
            report, carrier, Milliseconds(seconds[seconds.Length / 2]), Milliseconds(seconds[seconds.Length * 99 / 100]),
            (seconds.Length / seconds.Sum()).ToString("N0", CultureInfo.InvariantCulture));

    private static string Milliseconds(double seconds)
        => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:0.00} ms");

    private static GuestReport Report(int filesystems, long sequence)
    {
        FilesystemHealth[] all = [.. Enumerable.Range(0, filesystems).Select(number => new FilesystemHealth
        {
            MountPoint = MountPoint.FromText(number == 0 ? "/" : $"/srv/data-{number}"),
            Device = $"xvd{number}",
            FilesystemType = "ext4",
            Role = number == 0 ? FilesystemRole.Root : FilesystemRole.Data,
            Verdict = Verdict.JournalAborted,
            Since = DateTimeOffset.UnixEpoch,
            Claims = MountClaim.Rw,
            Hidden = true,
            Evidence =
            [
                new Evidence(EvidenceKind.Probe, "EROFS"),
                new Evidence(EvidenceKind.KernelLine, "aborting-journal"),
            ],
        })];
        return new GuestReport
        {
            BootId = BootId.TryParse("11111111-2222-3333-4444-555555555555", out BootId boot) ? boot : default,
            Sequence = sequence,
            AgentVersion = "0.1.0",
            State = GuestState.Of(all, DateTimeOffset.UnixEpoch),
            Filesystems = all,
            FilesystemCount = filesystems,
        };
    }
}
