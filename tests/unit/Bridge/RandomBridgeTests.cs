using CsCheck;
using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>Whatever happens, in whatever order: the rules hold at every step.</summary>
public sealed class RandomBridgeTests
{
    private const int Guests = 3;

    private static readonly GuestPolicy MayDestroy = new()
    {
        AllowDestroy = true, OfflineCheck = true, ExclusiveStorage = ExclusiveStorage.Yes,
    };

    private static readonly Gen<int[]> Happenings = Gen.Int[0, int.MaxValue].Array[1, 200];

    [Fact]
    public void No_sequence_of_inputs_breaks_a_rule()
        => Happenings.Sample(
            happenings =>
            {
                var run = new Run(BridgeMode.Recover);
                Array.ForEach(happenings, run.Happen);
            },
            iter: 300,
            threads: 1);

    [Fact]
    public void No_sequence_of_inputs_makes_an_observer_act()
        => Happenings.Sample(
            happenings =>
            {
                var run = new Run(BridgeMode.Observe);
                Array.ForEach(happenings, run.Happen);
                Assert.Empty(run.Story.Acts);
            },
            iter: 50,
            threads: 1);

    [Fact]
    public void The_random_runs_reach_proofs_so_the_rules_are_tried_in_earnest()
    {
        var random = new Random(20260301);
        int proofs = 0;
        int requests = 0;
        int created = 0;
        for (int repetition = 0; repetition < 100; repetition++)
        {
            var run = new Run(BridgeMode.Recover);
            for (int happening = 0; happening < 200; happening++)
            {
                run.Happen(random.Next());
            }

            proofs += run.Story.Told(TellKind.Proof)
                .Count(text => text.Contains("writes again", StringComparison.Ordinal));
            requests += run.Story.Of<RecoveryAction.SendRequest>().Count;
            created += run.Story.Of<RecoveryAction.Create>().Count;
        }

        Assert.True(
            proofs > 10 && requests > 100 && created > 3, $"{proofs} proofs, {requests} requests, {created} created");
    }

    /// <summary>One run: each number is one happening, and each step is checked.</summary>
    private sealed class Run
    {
        private readonly BridgeMode _mode;
        private readonly int[] _boots = Enumerable.Repeat(1, Guests + 1).ToArray();
        private readonly int[] _domains = Enumerable.Range(0, Guests + 1).ToArray();
        private readonly long[] _sequences = new long[Guests + 1];
        private readonly HashSet<GuestIdentity> _open = [];
        private readonly HashSet<GuestIdentity> _recorded = [];
        private readonly Dictionary<int, OfflineStep> _steps = [];
        private readonly Dictionary<GuestIdentity, DomainId> _destroyed = [];

        public Run(BridgeMode mode)
        {
            _mode = mode;
            Story = new BridgeStory(Recover with { Mode = mode, AnyGuest = MayDestroy });
            Story.AfterStep = Check;
            Story.StorageIs(true);
            for (int guest = 1; guest <= Guests; guest++)
            {
                Story.Appear(_domains[guest], guest);
            }

            Story.Wait(31);
        }

        public BridgeStory Story { get; }

        public void Happen(int number)
        {
            int guest = 1 + (number % Guests);
            number /= Guests;
            int what = number % 16;
            number /= 16;
            switch (what)
            {
                case 0:
                    Story.Wait(1 + (number % 240));
                    break;
                case 1:
                    Pause(guest, number);
                    break;
                case 2 or 3:
                    Story.StorageIs(number % 16 != 0).Appear(_domains[guest], guest);
                    break;
                case 4:
                    Restart(guest, isHeard: number % 2 == 0);
                    break;
                case 5 or 6 or 7:
                    Report(guest, number);
                    break;
                case 8 when number % 2 == 0:
                    LetRefuse(guest);
                    break;
                case 8 or 9 or 10:
                    Complete(guest, number % 16 != 0);
                    break;
                default:
                    Answer(guest, number);
                    break;
            }
        }

        private void Restart(int guest, bool isHeard)
        {
            Story.Gone(_domains[guest]);
            _domains[guest] += Guests;
            _boots[guest]++;
            _sequences[guest] = 0;
            Story.Appear(_domains[guest], guest);
            if (isHeard)
            {
                Story.Say(_domains[guest], Boots(guest), ++_sequences[guest], Filesystem());
            }
            else
            {
                Story.Find(
                    _domains[guest], Boots(guest), ++_sequences[guest], Filesystem(verdict: Verdict.JournalAborted));
            }
        }

        /// <summary>What is under way goes well, but its old boot does not end.</summary>
        private void LetRefuse(int guest)
        {
            for (int step = 0; step < 14; step++)
            {
                if (Asked(guest)?.Action is RecoveryAction.SendRequest { Request.Action: RequestAction.Reboot })
                {
                    Story.Answer(RequestStatus.Accepted, domain: _domains[guest], guest: guest).Wait(301, guest);
                }

                Complete(guest, well: true);
            }
        }

        private void Pause(int guest, int number)
        {
            Guid? whom = number % 2 == 0 ? null : BridgeStory.Guest(guest).Uuid;
            switch (number / 2 % 4)
            {
                case 0:
                    Story.Step(new BridgeInput.Paused(whom, Story.Now.Wall.AddSeconds(number % 100)));
                    break;
                case 1:
                    Story.Step(new BridgeInput.Acknowledged(whom));
                    break;
                default:
                    Story.Step(new BridgeInput.Resumed(null));
                    Story.Wait(1 + (number % 60));
                    break;
            }
        }

        private void Report(int guest, int number)
        {
            Verdict[] verdicts =
                [Verdict.JournalAborted, Verdict.Writable, Verdict.Writable, Verdict.RemountedReadOnly,
                    Verdict.Writable, Verdict.Hung];
            Verdict root = verdicts[number % verdicts.Length];
            Verdict data = verdicts[number / verdicts.Length % verdicts.Length];
            Story.Say(
                _domains[guest], Boots(guest), ++_sequences[guest], Filesystem(verdict: root),
                Filesystem("/srv", data));
        }

        private void Complete(int guest, bool well)
        {
            RecoveryAction? asked = Asked(guest)?.Action;
            switch (asked)
            {
                case RecoveryAction.RecordIntent intent:
                    if (well)
                    {
                        _recorded.Add(BridgeStory.Guest(guest));
                    }

                    Story.Complete(
                        well
                            ? new RecoveryInput.IntentRecorded(intent.Intent)
                            : new RecoveryInput.IntentFailed(intent.Intent, "full"),
                        guest);
                    break;
                case RecoveryAction.ArmForcedFsck arm:
                    Story.Complete(
                        new RecoveryInput.FsckArmed(arm.Intent, well ? ArmingResult.Armed : ArmingResult.Failed,
                            "failed"), guest);
                    break;
                case RecoveryAction.ReadFsckResult read:
                    Story.Complete(new RecoveryInput.FsckResultRead(read.Intent, read.BootId, well ? 1 : 4), guest);
                    break;
                case RecoveryAction.ConfirmCreatable:
                    Story.Confirm(well ? StepResult.Done : StepResult.Refused, guest);
                    break;
                case RecoveryAction.RecordStep record:
                    _steps[guest] = well ? record.Step : _steps.GetValueOrDefault(guest);
                    Story.Complete(
                        well
                            ? new RecoveryInput.StepRecorded(record.Intent, record.Step)
                            : new RecoveryInput.StepNotRecorded(record.Intent, record.Step, "full"),
                        guest);
                    break;
                case RecoveryAction.Destroy destroy:
                    if (well)
                    {
                        Story.Gone(_domains[guest]);
                    }

                    Story.Complete(
                        new RecoveryInput.StepTaken(
                            destroy.Intent, OfflineStep.Destroying,
                            well ? StepAnswer.Done : new StepAnswer(StepResult.Failed, "it hangs")), guest);
                    break;
                case RecoveryAction.CheckOffline:
                    Story.CheckOffline(well ? 1 : 4, guest: guest);
                    break;
                case RecoveryAction.Create create:
                    Story.Complete(
                        new RecoveryInput.StepTaken(
                            create.Intent, OfflineStep.Creating,
                            well ? StepAnswer.Done : new StepAnswer(StepResult.Failed, "no memory")), guest);
                    break;
                default:
                    break;
            }
        }

        private void Answer(int guest, int number)
        {
            if (Asked(guest)?.Action is not RecoveryAction.SendRequest)
            {
                return;
            }

            RequestStatus[] statuses =
                [RequestStatus.Accepted, RequestStatus.Done, RequestStatus.Done, RequestStatus.Refused,
                    RequestStatus.Done, RequestStatus.Failed];
            RequestStatus status = statuses[number % statuses.Length];
            OutcomeReason[] reasons = Enum.GetValues<OutcomeReason>();
            OutcomeReason reason = status is RequestStatus.Accepted or RequestStatus.Done
                ? OutcomeReason.None
                : reasons[number / statuses.Length % reasons.Length];
            Story.Answer(status, reason, probe: "ok", domain: _domains[guest], guest: guest);
        }

        private BridgeEffect? Asked(int guest)
            => Story.Effects.LastOrDefault(effect
                => effect.Guest == BridgeStory.Guest(guest)
                    && effect.Action is not (RecoveryAction.Tell or RecoveryAction.RemoveRequest));

        private int Boots(int guest) => (guest * 1000) + _boots[guest];

        private void Check()
        {
            foreach (BridgeEffect effect in Story.Last)
            {
                switch (effect.Action)
                {
                    case RecoveryAction.RecordIntent:
                        Assert.True(_open.Add(effect.Guest), "an intent before the one before it ended");
                        break;
                    case RecoveryAction.ArmForcedFsck or RecoveryAction.SendRequest:
                        AssertWarranted(effect);
                        break;
                    case RecoveryAction.Destroy or RecoveryAction.CheckOffline or RecoveryAction.Create:
                        AssertOffline(effect);
                        break;
                    case RecoveryAction.Tell { EndsIntent: true }:
                        Assert.True(_open.Remove(effect.Guest), "the end of an intent that is not open");
                        _recorded.Remove(effect.Guest);
                        _destroyed.Remove(effect.Guest);
                        break;
                    default:
                        break;
                }
            }

            Assert.True(Story.Loop.Guests.Count(guest => guest.State.IsInFlight
                && Story.Now.Elapsed - guest.Recoveries[^1] < Story.Policy.SlotHeldFor) <= Story.Policy.MaxPerLunGroup);
            Assert.Equal(
                Story.Loop.Guests.Where(guest => guest.State.IsInFlight).Select(guest => guest.Identity).ToHashSet(),
                _open);
            Assert.All(Story.Loop.Guests, guest => Assert.True(
                guest.Recoveries.Count(began => Story.Now.Elapsed - began < Story.Policy.BudgetWindow)
                    <= Story.Policy.MaxPerGuest));
        }

        private void AssertOffline(BridgeEffect effect)
        {
            GuestRecord guest = Story.Loop.Guests.Single(one => one.Identity == effect.Guest);
            int number = effect.Guest.Name[^1] - '0';
            Assert.IsType<StorageGate.Open>(guest.Storage.Gate);
            switch (effect.Action)
            {
                case RecoveryAction.Destroy destroy:
                    Assert.Equal(OfflineStep.Destroying, _steps[number]);
                    bool isAskedAgain = _destroyed.TryGetValue(effect.Guest, out DomainId before) && before == destroy.Domain;
                    Assert.True(isAskedAgain || guest.Domain == destroy.Domain, "a domain that is not the one");
                    Assert.True(guest.Report is null
                        || !guest.Report.Filesystems.Any(one
                            => one.Role == FilesystemRole.Root && one.Verdict == Verdict.Writable), "its root writes");
                    _destroyed[effect.Guest] = destroy.Domain;
                    break;
                case RecoveryAction.CheckOffline:
                    Assert.Equal(OfflineStep.Checking, _steps[number]);
                    Assert.True(_destroyed.ContainsKey(effect.Guest) && guest.Domain is null, "a check of a guest that runs");
                    break;
                default:
                    Assert.Equal(OfflineStep.Creating, _steps[number]);
                    Assert.True(_destroyed.ContainsKey(effect.Guest) && guest.Domain is null, "a guest created twice");
                    break;
            }
        }

        private void AssertWarranted(BridgeEffect effect)
        {
            GuestRecord guest = Story.Loop.Guests.Single(one => one.Identity == effect.Guest);
            if (effect.Action is RecoveryAction.SendRequest { Request: var request }
                && request.Id == guest.LifeRequest?.RequestId)
            {
                Assert.Equal((BridgeMode.Recover, RequestAction.Probe), (_mode, request.Action));
                Assert.False(guest.IsHeard, "a guest that was heard is asked whether it lives");
                return;
            }

            Assert.True(_recorded.Contains(effect.Guest), "an act without a durable intent");
            Assert.True(guest.State.IsInFlight, "an act of a guest with which nothing is under way");
            Assert.Single(Story.Last, one => one.Guest == effect.Guest
                && one.Action is (RecoveryAction.ArmForcedFsck or RecoveryAction.SendRequest));
            if (effect.Action is RecoveryAction.SendRequest { Request.Action: not RequestAction.Probe } send)
            {
                Assert.IsType<StorageGate.Open>(guest.Storage.Gate);
                Assert.True(guest.IsHeard, "an act on a guest that was not heard");
                Assert.Equal(guest.Report!.BootId, send.Request.BootId);
                Assert.Equal(guest.Report.Sequence, send.Request.ReportSequence);
                bool rootWrites = guest.Report.Filesystems.Any(one
                    => one.Role == FilesystemRole.Root && one.Verdict == Verdict.Writable);
                Assert.False(send.Request.Action == RequestAction.Reboot && rootWrites,
                    "a restart of a guest whose root writes");
            }
        }
    }
}
