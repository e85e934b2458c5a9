using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using HostBridge;
using HostBridge.Admin;
using HostBridge.Admin.Views;
using HostBridge.Recovery;
using Protocol.Health;
using Testbed.Xenstore;

namespace Benchmarks.Bridge;

/// <summary>
/// What asking costs with a thousand guests of which a hundred died: the look on the loop's own thread, for which
/// everything else waits, and all of the answer as a person sees it.
/// </summary>
internal static class StatusBenchmark
{
    private const int Guests = 1000;
    private const int Dead = 100;
    private const int Rounds = 20;

    private static TimeSpan _elapsed = TimeSpan.FromHours(1);

    private static Moment Now => new(_elapsed, DateTimeOffset.UnixEpoch + _elapsed);

    /// <summary>Prints the figures, and the framework's own parsing of the same JSON beside them.</summary>
    public static int Run()
    {
        BridgeLoop loop = WithDeadGuests();
        var facts = new BridgeFacts("benchmark", DateTimeOffset.UnixEpoch, StateTrouble: null, StateDropped: 0);
        TimeSpan look = TimeSpan.MaxValue;
        TimeSpan whole = TimeSpan.MaxValue;
        TimeSpan shown = TimeSpan.MaxValue;
        TimeSpan parsed = TimeSpan.MaxValue;
        int bytes = 0;
        for (int round = 0; round < Rounds; round++)
        {
            long began = Stopwatch.GetTimestamp();
            BridgePicture picture = loop.Look(Now);
            look = Shorter(look, Stopwatch.GetElapsedTime(began));
            byte[] json = AdminJson.ToBytes(StatusComposer.Compose(picture, facts));
            StatusDocument read = AdminClient.Read(json, AdminJson.Plain.StatusDocument);
            long received = Stopwatch.GetTimestamp();
            using var text = new StringWriter();
            new Terminal(text, width: 160, hasColours: true).Write(StatusView.Of(read, isAll: false));
            shown = Shorter(shown, Stopwatch.GetElapsedTime(received));
            whole = Shorter(whole, Stopwatch.GetElapsedTime(began));
            bytes = json.Length;
            long parsing = Stopwatch.GetTimestamp();
            JsonDocument.Parse(json).Dispose();
            parsed = Shorter(parsed, Stopwatch.GetElapsedTime(parsing));
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"status: {Guests} guests, {Dead} of them dead: a look takes {look.TotalMilliseconds:0.00} ms of the "
                + $"loop, laying it out {shown.TotalMilliseconds:0} ms, all of it {whole.TotalMilliseconds:0} ms, "
                + $"{bytes / 1024} KiB of JSON; beside it, only parsing that JSON takes "
                + $"{parsed.TotalMilliseconds:0.00} ms, ratio {whole / parsed:0.0}"));
        return 0;
    }

    private static BridgeLoop WithDeadGuests()
    {
        var loop = new BridgeLoop(new RecoveryPolicy());
        for (int guest = 1; guest <= Guests; guest++)
        {
            var identity = new GuestIdentity(new Guid(guest, 0, 0, new byte[8]), $"guest{guest}");
            var domain = new DomainId(guest);
            loop.Step(new BridgeInput.GuestSeen(identity, domain, new GuestDisks([new DeviceNumber(253, guest)], [])), Now);
            GuestReport report = QuietGuest.ReportOf(
                QuietGuest.BootOf(guest, boot: 1), sequence: 1, guest <= Dead ? Verdict.JournalAborted : Verdict.Writable);
            loop.Step(new BridgeInput.ReportRead(identity.Uuid, domain, report, IsNew: true), Now);
        }

        for (int second = 0; second < 100; second++)
        {
            _elapsed += TimeSpan.FromSeconds(1);
            loop.Step(
                new BridgeInput.DisksChecked(
                [
                    .. Enumerable.Range(1, Guests).Select(guest => new DiskCondition(
                        new DeviceNumber(253, guest), Operational: true, "session1 is LOGGED_IN", [$"group{guest % 64}"])),
                ]),
                Now);
            loop.Step(new BridgeInput.Tick(), Now);
        }

        return loop;
    }

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
