using Benchmarks.Bridge;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Xenstore;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Xenstore;

/// <summary>The bridge's own listener and loop on both daemons: many guests at once, and guests that come and go.</summary>
public sealed class BridgeContractTests
{
    private const string Uuid = "11111111-1111-4111-8111-111111111111";
    private const string OtherUuid = "22222222-2222-4222-8222-222222222222";

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task Of_a_thousand_guests_that_change_ten_times_a_second_no_last_change_is_lost(DaemonKind kind)
    {
        const int guests = 1000, changes = 10;
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        stage.Daemon.ReleaseDomain(5);
        stage.Daemon.ReleaseDomain(6);
        using var fleet = new GuestFleet(stage.Daemon.SocketPath, guests);
        await using var bridge = new ListeningBridge(stage.Daemon.SocketPath, new RecoveryPolicy { Mode = BridgeMode.Observe });
        await bridge.UntilAsync(known => known.Count == guests && known.All(IsUpToDate), ContractStage.Patience);

        await fleet.ChangeAsync(changes, TimeSpan.FromMilliseconds(100));
        await bridge.UntilAsync(known => known.All(IsUpToDate), ContractStage.Patience);

        // More than a guest's burst of readings: the last one is read all the same.
        await fleet.ChangeAsync(changes, TimeSpan.FromMilliseconds(100));
        await bridge.UntilAsync(known => known.All(IsUpToDate), ContractStage.Patience);
        Assert.Equal(guests, bridge.Guests.Count);

        bool IsUpToDate(GuestRecord guest)
            => guest is { Domain: { } domain, Report: { } report } && report.Sequence == fleet.Sequence
                && report.Filesystems[0].SaysTheSameAs(
                    GuestFleet.ReportOf(domain.Value, fleet.Sequence).Filesystems[0]);
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_guest_that_comes_back_under_another_number_is_one_guest_whatever_comes_first(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        IXenstoreDaemon daemon = stage.Daemon;
        await using var bridge = new ListeningBridge(daemon.SocketPath, new RecoveryPolicy { Mode = BridgeMode.Recover });
        daemon.IntroduceDomain(7, "web", Uuid);
        Report(stage, 7, boot: 1);
        await UntilAsync(bridge, Uuid, 7, boot: 1);

        // The new domain is there, and speaks, before the old one is gone.
        daemon.IntroduceDomain(8, "web", Uuid);
        Report(stage, 8, boot: 2);
        daemon.ReleaseDomain(7);
        await UntilAsync(bridge, Uuid, 8, boot: 2);

        // The old number goes to another guest, at once.
        daemon.IntroduceDomain(7, "mail", OtherUuid);
        Report(stage, 7, boot: 3);
        await UntilAsync(bridge, OtherUuid, 7, boot: 3);

        // The old one is gone before the new one comes, and only the event of the folder tells of it.
        stage.Raw(0).Demand(XenstoreOperation.Remove, "/local/domain/8\0");
        daemon.ReleaseDomain(8);
        daemon.IntroduceDomain(9, "web", Uuid);
        Report(stage, 9, boot: 4);
        await UntilAsync(bridge, Uuid, 9, boot: 4);

        // The two change places.
        daemon.ReleaseDomain(7);
        daemon.ReleaseDomain(9);
        daemon.IntroduceDomain(7, "web", Uuid);
        daemon.IntroduceDomain(9, "mail", OtherUuid);
        Report(stage, 7, boot: 5);
        Report(stage, 9, boot: 6);
        await UntilAsync(bridge, Uuid, 7, boot: 5);
        await UntilAsync(bridge, OtherUuid, 9, boot: 6);

        Assert.Equal(2, bridge.Guests.Count(IsNamed));
        (int Domain, int Boot)[] lived = [(7, 1), (8, 2), (7, 3), (9, 4), (7, 5), (9, 6)];
        Assert.All(
            bridge.Effects.Select(effect => effect.Action).OfType<RecoveryAction.SendRequest>(),
            sent => Assert.Contains(lived, one => one.Domain == sent.Domain.Value && Boot(one.Boot) == sent.Request.BootId));
    }

    private static bool IsNamed(GuestRecord guest)
        => guest.Identity.Uuid == Guid.Parse(Uuid) || guest.Identity.Uuid == Guid.Parse(OtherUuid);

    private static BootId Boot(int number)
        => BootId.TryParse($"00000000-0000-4000-8000-{number:d12}", out BootId boot) ? boot : default;

    private static void Report(ContractStage stage, int domain, int boot)
    {
        GuestReport report = GuestFleet.ReportOf(domain, sequence: 1) with { BootId = Boot(boot) };
        using var guest = new RawXenstoreClient(stage.SocketOf(domain));
        foreach ((string key, string value) in ReportCodec.ToNodes(
            report, _ => 1, ReportCodec.Heartbeat(1, 1), isQuotaExceeded: false))
        {
            guest.Demand(XenstoreOperation.Write, $"{key}\0{value}");
        }
    }

    /// <summary>The guest lives in this domain alone, and its report is that of this boot.</summary>
    private static Task UntilAsync(ListeningBridge bridge, string uuid, int domain, int boot)
        => bridge.UntilAsync(
            guests => guests.Count(guest => guest.Domain?.Value == domain) == 1
                && guests.Single(guest => guest.Domain?.Value == domain) is { Report: { } report } there
                && there.Identity.Uuid == Guid.Parse(uuid) && report.BootId == Boot(boot),
            ContractStage.Patience);
}
