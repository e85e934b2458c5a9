using System.Diagnostics;
using Benchmarks.Bridge;
using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Xenstore;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Xenstore;

/// <summary>
/// A guest that writes whatever it can as fast as it can, beside quiet guests and one that is being recovered: the
/// bridge's client, listener, loop, executor and incident log on the embedded store. They run alone, because memory is
/// counted.
/// </summary>
[Collection(nameof(HostileGuestTests))]
[CollectionDefinition(nameof(HostileGuestTests), DisableParallelization = true)]
public sealed class HostileGuestTests : IAsyncLifetime
{
    private const int HostileDomain = 5;
    private const int FirstQuiet = 11;
    private const int QuietGuests = 8;

    /// <summary>With the one before the memory is counted an even number: each guest ends well.</summary>
    private const int Rounds = 5;

    /// <summary>
    /// What one guest may leave behind in the bridge: 23 nodes of at most 1 KiB, as they were read and as they were
    /// told, the report that they say, 64 paths of events of at most 3072 characters, twice, and the 60 lines that it
    /// may have told at once and is told of here. That is less than a mebibyte; the rest is for the heap's own spread.
    /// </summary>
    private const long MaxGrowthBytes = 2 * 1024 * 1024;

    private readonly string _state = Directory.CreateTempSubdirectory("hostile-").FullName;
    private readonly List<QuietGuest> _quiet = [];
    private readonly List<BridgeInput> _ofHostile = [];
    private ContractStage? _stage;
    private QuietGuest? _patient;
    private ListeningBridge? _bridge;
    private HostileGuest? _hostile;

    private ContractStage Stage => _stage!;

    private ListeningBridge Bridge => _bridge!;

    private HostileGuest Hostile => _hostile!;

    private QuietGuest Patient => _patient!;

    private EmbeddedXenstore Store => (EmbeddedXenstore)Stage.Daemon;

    public async ValueTask InitializeAsync()
    {
        _stage = await ContractStage.StartAsync(DaemonKind.Embedded);
        RawXenstoreClient dom0 = Stage.Raw(0);
        Store.ReleaseDomain(6);
        for (int guest = 0; guest < QuietGuests; guest++)
        {
            _quiet.Add(new QuietGuest(Store, dom0, FirstQuiet + guest));
        }

        _patient = new QuietGuest(Store, dom0, FirstQuiet + QuietGuests);
        var policy = new RecoveryPolicy
        {
            Mode = BridgeMode.Recover,
            ActWithoutHostEvidence = true,
            StableFor = TimeSpan.FromSeconds(1),
            GraceAfterBoot = TimeSpan.Zero,
            AnyGuest = new GuestPolicy { AcceptUnforcedReboot = true },
        };
        _bridge = new ListeningBridge(Store.SocketPath, policy, _state);
        _bridge.Stepped += (input, _) => Keep(input);
        _hostile = new HostileGuest(Store, HostileDomain, [.. _quiet, _patient], seed: 1);
        await EverybodyIsKnownAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _hostile?.Dispose();
        if (_bridge is not null)
        {
            await _bridge.DisposeAsync();
        }

        _quiet.ForEach(guest => guest.Dispose());
        _patient?.Dispose();
        if (_stage is not null)
        {
            await _stage.DisposeAsync();
        }

        Directory.Delete(_state, recursive: true);
    }

    [Theory]
    [InlineData(HostileFlood.Flips)]
    [InlineData(HostileFlood.Names)]
    [InlineData(HostileFlood.Everything)]
    public async Task A_flood_acts_on_nobody_else_keeps_nobody_from_being_heard_and_leaves_nothing_behind(
        HostileFlood flood)
    {
        Hostile.OthersRequests = [await BeginToRecoverThePatientAsync()];
        await FloodAsync(flood, rounds: 1);
        await LastWordsAreJudgedAsync(Verdict.ErrorsRecorded);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        long began = Stopwatch.GetTimestamp();
        int inputsBefore = _ofHostile.Count;

        await FloodAsync(flood, Rounds);

        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        await LastWordsAreJudgedAsync(Verdict.Writable);
        OnlyThePatientWasActedOn();
        // The readings that a guest can cause, a burst and one a second, and what one leads to: that it was seen, a
        // report or a rejection, and an outcome or a rejection.
        Assert.InRange(_ofHostile.Count - inputsBefore, 1, 3 * (10 + (int)seconds + 2));
        long growth = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.True(growth <= MaxGrowthBytes, $"{growth} bytes more are kept after {Hostile.Requests} requests");
        Assert.Equal(0, Hostile.Trespasses);
    }

    /// <summary>The root of one guest dies; the request that the bridge wrote for it, which nobody answers.</summary>
    private async Task<GuestRequest> BeginToRecoverThePatientAsync()
    {
        Patient.Say(Verdict.JournalAborted);
        await Bridge.UntilAsync(_ => RequestOf(Patient) is not null, ContractStage.Patience);
        return RequestOf(Patient)!;
    }

    /// <summary>The hostile guest floods while every quiet guest changes once a round and is waited for.</summary>
    private async Task FloodAsync(HostileFlood flood, int rounds)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ContractStage.Cancellation);
        Task flooding = Task.Factory.StartNew(
            () => Hostile.Flood(flood, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        try
        {
            for (int round = 0; round < rounds; round++)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), ContractStage.Cancellation);
                foreach (QuietGuest guest in _quiet)
                {
                    bool isWell = guest.Report.Filesystems[0].Verdict == Verdict.Writable;
                    guest.Say(isWell ? Verdict.ErrorsRecorded : Verdict.Writable);
                }

                await EverybodyIsKnownAsync();
            }
        }
        finally
        {
            await stop.CancelAsync();
            await flooding;
        }
    }

    private async Task LastWordsAreJudgedAsync(Verdict verdict)
    {
        GuestReport last = Hostile.SayLastWords(verdict);
        await Bridge.UntilAsync(
            guests => guests.Any(guest => guest.Domain?.Value == HostileDomain && guest.Report?.BootId == last.BootId
                && guest.Report.Filesystems is [var root] && root.SaysTheSameAs(last.Filesystems[0])),
            ContractStage.Patience);
    }

    private void OnlyThePatientWasActedOn()
    {
        IReadOnlyList<BridgeEffect> effects = Bridge.Effects;
        foreach (QuietGuest guest in _quiet)
        {
            // Errors that are recorded are told to an operator, and their end is: each change was decided, once.
            List<RecoveryAction.Tell> told =
            [
                .. effects.Where(effect => effect.Domain?.Value == guest.DomainId).Select(effect => effect.Action)
                    .Where(action => action is not RecoveryAction.RememberFaulty)
                    .Select(action => Assert.IsType<RecoveryAction.Tell>(action)),
            ];
            Assert.Equal((1 + Rounds) / 2, told.Count(tell => tell.Kind == TellKind.Operator));
            Assert.Equal((1 + Rounds) / 2, told.Count(tell => tell.Kind == TellKind.Proof));
            Assert.DoesNotContain(told, tell => tell.EndsIntent || tell.Kind is TellKind.Intent or TellKind.Action);
        }

        Assert.All(_quiet, guest => Assert.Null(RequestOf(guest)));
        Assert.All(
            effects.Select(effect => effect.Action).OfType<RecoveryAction.SendRequest>(),
            sent => Assert.True(sent.Domain.Value == HostileDomain || sent.Domain.Value == Patient.DomainId));

        // What was done to the patient is what was done before the flood: nothing that was said in its name counted.
        RecoveryAction[] acts =
        [
            .. effects.Where(effect => effect.Domain?.Value == Patient.DomainId).Select(effect => effect.Action)
                .Where(action => action is not RecoveryAction.Tell),
        ];
        Assert.Single(acts.OfType<RecoveryAction.RecordIntent>());
        RecoveryAction.SendRequest only = Assert.Single(acts.OfType<RecoveryAction.SendRequest>());
        Assert.DoesNotContain(acts, action => action is RecoveryAction.RemoveRequest);
        Assert.Equal(only.Request, RequestOf(Patient));
        GuestRecord patient = Bridge.Guests.Single(guest => guest.Domain?.Value == Patient.DomainId);
        Assert.IsType<RecoveryState.Recovering>(patient.State);
    }

    private Task EverybodyIsKnownAsync()
        => Bridge.UntilAsync(
            guests => _quiet.Append(Patient).All(quiet => guests.Any(guest => IsUpToDate(guest, quiet))),
            ContractStage.Patience);

    private static bool IsUpToDate(GuestRecord guest, QuietGuest quiet)
        => guest.Domain?.Value == quiet.DomainId && guest.Report is { } report
            && report.Sequence == quiet.Report.Sequence && report.BootId == quiet.Report.BootId
            && report.Filesystems[0].SaysTheSameAs(quiet.Report.Filesystems[0]);

    private GuestRequest? RequestOf(QuietGuest guest)
        => Store.Read(GuestKeys.Absolute(guest.DomainId, GuestKeys.Request)) is { } line
            ? RequestCodec.TryParseRequest(System.Text.Encoding.ASCII.GetBytes(line))
            : null;

    private void Keep(BridgeInput input)
    {
        DomainId? domain = input switch
        {
            BridgeInput.GuestSeen seen => seen.Domain,
            BridgeInput.ReportRead read => read.Domain,
            BridgeInput.ReportRejected rejected => rejected.Domain,
            BridgeInput.OutcomeRead read => read.Domain,
            _ => null,
        };
        if (domain?.Value == HostileDomain)
        {
            _ofHostile.Add(input);
        }
    }
}
