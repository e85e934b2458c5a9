using System.Diagnostics;
using System.Globalization;
using System.Text;
using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Xenstore;
using Testbed.Xenstore;

namespace Benchmarks.Bridge;

/// <summary>
/// What deciding costs, without anything around it: a thousand guests whose roots die within one second, and a second
/// in which nothing happens to them.
/// </summary>
internal static class DecisionBenchmark
{
    private const int Guests = 1000;
    private const int GuestsPerGroup = 16;
    private const int QuietSeconds = 30;
    private const int Rounds = 5;

    private static TimeSpan _elapsed = TimeSpan.FromHours(1);

    private static Moment Now => new(_elapsed, DateTimeOffset.UnixEpoch + _elapsed);

    /// <summary>
    /// Prints the figures, and beside them what the bridge pays for the same reports before it decides: parsing them.
    /// </summary>
    public static int Run()
    {
        TimeSpan worst = TimeSpan.Zero;
        TimeSpan quiet = TimeSpan.MaxValue;
        TimeSpan parsed = TimeSpan.Zero;
        for (int round = 0; round < Rounds; round++)
        {
            BridgeLoop loop = WithStableGuests();
            quiet = Shorter(quiet, MeasureQuiet(loop));
            worst = Longer(worst, MeasureStorm(loop));
            parsed = Longer(parsed, MeasureParsing());
        }

        long resident = Process.GetCurrentProcess().PeakWorkingSet64;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"decisions: {Guests} guests that report within one second take {worst.TotalMilliseconds:0.0} ms of processor "
                + $"time at worst; beside it, parsing their lines takes {parsed.TotalMilliseconds:0.0} ms, "
                + $"ratio {worst / parsed:0.0}; "
                + $"a guest's quiet second {quiet.TotalMicroseconds / Guests:0.00} us, "
                + $"peak resident size {resident >> 20} MiB"));
        return 0;
    }

    private static BridgeLoop WithStableGuests()
    {
        var loop = new BridgeLoop(new RecoveryPolicy { Mode = BridgeMode.Recover, ActWithoutHostEvidence = true });
        for (int guest = 0; guest < Guests; guest++)
        {
            loop.Step(
                new BridgeInput.GuestSeen(Identity(guest), Domain(guest), new GuestDisks([Disk(guest)], [])), Now);
            loop.Step(new BridgeInput.ReportRead(Identity(guest).Uuid, Domain(guest), Report(guest, 1), IsNew: true), Now);
        }

        for (int second = 0; second < 120; second++)
        {
            Pass(loop);
        }

        return loop;
    }

    private static TimeSpan MeasureQuiet(BridgeLoop loop)
    {
        TimeSpan before = Used();
        for (int second = 0; second < QuietSeconds; second++)
        {
            Pass(loop);
        }

        return (Used() - before) / QuietSeconds;
    }

    private static TimeSpan MeasureStorm(BridgeLoop loop)
    {
        TimeSpan before = Used();
        for (int guest = 0; guest < Guests; guest++)
        {
            _elapsed += TimeSpan.FromMilliseconds(1);
            GuestReport report = Report(guest, 2, Verdict.JournalAborted);
            loop.Step(new BridgeInput.ReportRead(Identity(guest).Uuid, Domain(guest), report, IsNew: true), Now);
        }

        Pass(loop);
        int waiting = loop.Guests.Count(guest => guest.State is RecoveryState.Queued or RecoveryState.Recovering);
        return waiting == Guests
            ? Used() - before
            : throw new InvalidOperationException($"only {waiting} of {Guests} guests were decided on");
    }

    private static TimeSpan MeasureParsing()
    {
        byte[][] lines =
        [
            .. Enumerable.Range(0, Guests).Select(guest => Encoding.ASCII.GetBytes(
                ReportCodec.ToLine(
                    Report(guest, 2, Verdict.JournalAborted).Filesystems[0], QuietGuest.BootOf(guest + 1, boot: 1),
                    sequence: 2))),
        ];
        TimeSpan before = Used();
        foreach (byte[] line in lines)
        {
            _ = ReportCodec.TryParseLine(line) ?? throw new InvalidOperationException("a line was not understood");
        }

        return Used() - before;
    }

    /// <summary>A second: a tick, and every fifth a look at the disks.</summary>
    private static void Pass(BridgeLoop loop)
    {
        _elapsed += TimeSpan.FromSeconds(1);
        if ((long)_elapsed.TotalSeconds % 5 == 0)
        {
            loop.Step(new BridgeInput.DisksChecked([.. Enumerable.Range(0, Guests).Select(Condition)]), Now);
        }

        loop.Step(new BridgeInput.Tick(), Now);
    }

    private static DiskCondition Condition(int guest)
        => new(Disk(guest), Operational: true, "session 1 LOGGED_IN", [$"lun-{guest / GuestsPerGroup}"]);

    private static GuestIdentity Identity(int guest)
        => new(new Guid(guest + 1, 0, 0, new byte[8]), $"g{guest.ToString(CultureInfo.InvariantCulture)}");

    private static DomainId Domain(int guest) => new(guest + 1);

    private static DeviceNumber Disk(int guest) => new(253, guest);

    private static GuestReport Report(int guest, long sequence, Verdict verdict = Verdict.Writable)
        => QuietGuest.ReportOf(QuietGuest.BootOf(guest + 1, boot: 1), sequence, verdict);

    private static TimeSpan Used() => Environment.CpuUsage.TotalTime;

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
