using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Bridge;

/// <summary>Some guests before a bridge loop, told step by step, without a clock, a file or a process.</summary>
internal sealed class BridgeStory
{
    public static readonly DeviceNumber Disk = new(8, 16);

    /// <summary>Acts at once: the grace after a boot has stories of its own.</summary>
    public static readonly RecoveryPolicy Recover = new()
    {
        Mode = BridgeMode.Recover, ActWithoutHostEvidence = true, GraceAfterBoot = TimeSpan.Zero,
    };

    private const int XvdaNumber = 51712;
    private const int XvdbNumber = 51728;

    /// <summary>How often the disks are checked again.</summary>
    private const int DiskCheckSeconds = 5;

    private readonly Dictionary<DeviceNumber, DiskCondition> _disks = [];
    private readonly Dictionary<int, int> _guestIn = [];
    private TimeSpan _elapsed = TimeSpan.FromHours(100);
    private long? _sizeBytes;

    public BridgeStory(RecoveryPolicy? policy = null)
    {
        Policy = policy ?? Recover;
        Loop = new BridgeLoop(Policy);
    }

    public RecoveryPolicy Policy { get; }

    public BridgeLoop Loop { get; }

    /// <summary>Every effect so far.</summary>
    public List<BridgeEffect> Effects { get; } = [];

    /// <summary>What was done so far to a guest, as against what was told and remembered.</summary>
    public IReadOnlyList<RecoveryAction> Acts
        => [.. Of<RecoveryAction>().Where(one => one is not (RecoveryAction.Tell or RecoveryAction.RememberFaulty))];

    /// <summary>The effects of the last step.</summary>
    public IReadOnlyList<BridgeEffect> Last { get; private set; } = [];

    /// <summary>Whether the listener goes on checking disks while time passes.</summary>
    public bool ChecksDisks { get; set; } = true;

    /// <summary>Looks at every single step.</summary>
    public Action? AfterStep { get; set; }

    public Moment Now => new(_elapsed, DateTimeOffset.UnixEpoch + _elapsed);

    public static GuestIdentity Guest(int number = 1) => new(new Guid(number, 0, 0, new byte[8]), $"web{number}");

    public static BootId Boot(int number)
        => BootId.TryParse($"00000000-0000-0000-0000-{number:d12}", out BootId boot) ? boot : default;

    public static FilesystemHealth Filesystem(
        string mount = "/", Verdict verdict = Verdict.Writable, string type = "ext3") => new()
        {
            MountPoint = MountPoint.FromText(mount),
            Device = "xvda",
            FilesystemType = type,
            Role = mount == "/" ? FilesystemRole.Root : FilesystemRole.Data,
            Verdict = verdict,
            Since = DateTimeOffset.UnixEpoch,
            Claims = MountClaim.Rw,
            Hidden = verdict == Verdict.JournalAborted,
            Origins = [DiskOrigin.Vbd],
        };

    public static GuestReport Report(int boot, long sequence, params FilesystemHealth[] filesystems) => new()
    {
        BootId = Boot(boot),
        Sequence = sequence,
        AgentVersion = "0.1.0",
        State = GuestState.Of(filesystems, DateTimeOffset.UnixEpoch),
        Filesystems = filesystems,
        FilesystemCount = filesystems.Length,
    };

    public IReadOnlyList<BridgeEffect> Step(BridgeInput input)
    {
        Last = Loop.Step(input, Now);
        Effects.AddRange(Last);
        AfterStep?.Invoke();
        return Last;
    }

    /// <summary>A person orders a recovery of the guest.</summary>
    public BridgeStory Order(int guest = 1)
    {
        Step(new BridgeInput.Ordered(Guest(guest).Uuid));
        return this;
    }

    /// <summary>Lets time pass second by second, and the guest's heartbeat and the checks of disks with it.</summary>
    public BridgeStory Wait(double seconds, int guest = 1)
    {
        for (int second = 0; second < seconds; second++)
        {
            _elapsed += TimeSpan.FromSeconds(1);
            if (second % 60 == 59 && Record(guest) is { Domain: { } domain, Report: { } report })
            {
                Step(new BridgeInput.ReportRead(Guest(guest).Uuid, domain, report, IsNew: true));
            }

            if ((int)_elapsed.TotalSeconds % DiskCheckSeconds == 0 && ChecksDisks)
            {
                Step(new BridgeInput.DisksChecked([.. _disks.Values.Select(Seen)]));
            }

            Step(new BridgeInput.Tick());
        }

        return this;
    }

    public BridgeStory Appear(int domain = 5, int guest = 1, DeviceNumber? disk = null)
    {
        _guestIn[domain] = guest;
        var disks = new GuestDisks([disk ?? Disk], []) { VirtualNumbers = [XvdaNumber, XvdbNumber] };
        Step(new BridgeInput.GuestSeen(Guest(guest), new DomainId(domain), disks));
        return this;
    }

    public BridgeStory Gone(int domain = 5)
    {
        Step(new BridgeInput.GuestGone(GuestIn(domain), new DomainId(domain)));
        return this;
    }

    public BridgeStory StorageIs(bool operational, DeviceNumber? disk = null, string group = "lun-1")
    {
        string text = operational ? "session 1 LOGGED_IN" : "session 1 FAILED";
        var condition = new DiskCondition(disk ?? Disk, operational, text, [group]) { SizeBytes = _sizeBytes };
        _disks[condition.Device] = condition;
        Step(new BridgeInput.DisksChecked([Seen(condition)]));
        return this;
    }

    /// <summary>From now on the disks that are told of have this size.</summary>
    public BridgeStory DiskSizeIs(long? bytes)
    {
        _sizeBytes = bytes;
        return this;
    }

    /// <summary>A domain's backends have done so much so far.</summary>
    public BridgeStory BackendMoves(int domain, long requests)
    {
        Step(new BridgeInput.DisksChecked([])
        {
            Backends = [new BackendActivity(new DomainId(domain), requests)],
        });
        return this;
    }

    /// <summary>The guest writes a report while the bridge listens.</summary>
    public BridgeStory Say(int domain, int boot, long sequence, params FilesystemHealth[] filesystems)
        => Read(domain, isNew: true, Report(boot, sequence, filesystems));

    /// <summary>The bridge begins to read and finds a report that stands there, nobody knows since when.</summary>
    public BridgeStory Find(int domain, int boot, long sequence, params FilesystemHealth[] filesystems)
        => Read(domain, isNew: false, Report(boot, sequence, filesystems));

    public BridgeStory Answer(
        RequestStatus status, OutcomeReason reason = OutcomeReason.None, string probe = "", int? fsck = null,
        int domain = 5, int? guest = null)
    {
        GuestRequest request = guest is { } number
            ? ((RecoveryAction.SendRequest)Effects.Last(one
                => one.Action is RecoveryAction.SendRequest && one.Guest == Guest(number)).Action).Request
            : LastRequest;
        Step(new BridgeInput.OutcomeRead(
            GuestIn(domain),
            new DomainId(domain),
            new RequestOutcome
            {
                Id = request.Id,
                BootId = request.BootId,
                Status = status,
                Reason = reason,
                Probe = probe,
                FsckExitCode = fsck,
            }));
        return this;
    }

    public BridgeStory Complete(RecoveryInput completion, int guest = 1)
    {
        Step(new BridgeInput.EffectCompleted(Guest(guest).Uuid, completion));
        return this;
    }

    public BridgeStory RecordIntent(int guest = 1)
        => Complete(new RecoveryInput.IntentRecorded(Intent(guest)), guest);

    public BridgeStory Arm(ArmingResult result = ArmingResult.Armed, int guest = 1)
        => Complete(new RecoveryInput.FsckArmed(Intent(guest), result, "no toolstack is configured"), guest);

    public BridgeStory ReadFsck(int? exitCode, int guest = 1)
    {
        RecoveryAction.ReadFsckResult asked = Of<RecoveryAction.ReadFsckResult>().Last(one => one.Intent == Intent(guest));
        return Complete(new RecoveryInput.FsckResultRead(asked.Intent, asked.BootId, exitCode), guest);
    }

    /// <summary>The toolstack says whether the domain could be created again.</summary>
    public BridgeStory Confirm(StepResult result = StepResult.Done, int guest = 1)
        => Complete(new RecoveryInput.CreatableConfirmed(Intent(guest), Answered(result)), guest);

    /// <summary>The step that was last to be made durable is.</summary>
    public BridgeStory RecordStep(int guest = 1)
    {
        RecoveryAction.RecordStep record = Of<RecoveryAction.RecordStep>().Last(one => one.Intent == Intent(guest));
        return Complete(new RecoveryInput.StepRecorded(record.Intent, record.Step), guest);
    }

    /// <summary>The toolstack destroyed or created the guest, whichever was asked last, or did not.</summary>
    public BridgeStory StepDone(StepResult result = StepResult.Done, int guest = 1)
    {
        bool isCreating = Effects.Last(one => one.Action is RecoveryAction.Destroy or RecoveryAction.Create)
            .Action is RecoveryAction.Create;
        OfflineStep step = isCreating ? OfflineStep.Creating : OfflineStep.Destroying;
        return Complete(new RecoveryInput.StepTaken(Intent(guest), step, Answered(result)), guest);
    }

    /// <summary>The check from Dom0 ended.</summary>
    public BridgeStory CheckOffline(int? exitCode, StepResult result = StepResult.Done, int guest = 1)
        => Complete(
            new RecoveryInput.OfflineChecked(
                Intent(guest), new OfflineCheckAnswer(result, exitCode, Answered(result).Reason)),
            guest);

    /// <summary>A root whose journal is aborted, on storage that has been stable for long enough.</summary>
    public BridgeStory WithAbortedRoot(int boot = 1)
        => StorageIs(true).Appear().Say(5, boot, 1, Filesystem()).Wait(31)
            .Say(5, boot, 2, Filesystem(verdict: Verdict.JournalAborted));

    /// <summary>The same with a data filesystem.</summary>
    public BridgeStory WithAbortedData(string type = "ext4")
        => StorageIs(true).Appear().Say(5, 1, 1, Filesystem(), Filesystem("/srv", type: type)).Wait(31)
            .Say(5, 1, 2, Filesystem("/srv", Verdict.JournalAborted, type), Filesystem());

    public GuestRecord? Record(int guest = 1)
        => Loop.Guests.FirstOrDefault(one => one.Identity.Uuid == Guest(guest).Uuid);

    public RecoveryState State(int guest = 1) => Record(guest)!.State;

    public RecoveryState.NeedsOperator Operator()
        => Assert.IsType<RecoveryState.NeedsOperator>(State());

    public GuestRequest LastRequest => Of<RecoveryAction.SendRequest>()[^1].Request;

    public IReadOnlyList<T> Of<T>() => [.. Effects.Select(effect => effect.Action).OfType<T>()];

    public IReadOnlyList<string> Told(TellKind kind)
        => [.. Of<RecoveryAction.Tell>().Where(tell => tell.Kind == kind).Select(tell => tell.Text)];

    /// <summary>A disk that is not operational shows a fault at every check.</summary>
    private DiskCondition Seen(DiskCondition condition)
        => condition.Operational
            ? condition
            : condition with { Fault = new HostFault(_elapsed, condition.Text) };

    private BridgeStory Read(int domain, bool isNew, GuestReport report)
    {
        Step(new BridgeInput.ReportRead(GuestIn(domain), new DomainId(domain), report, isNew));
        return this;
    }

    private static StepAnswer Answered(StepResult result)
        => result == StepResult.Done ? StepAnswer.Done : new StepAnswer(result, "the toolstack says why");

    /// <summary>The guest that appeared last in a domain; the first one where none did.</summary>
    private Guid GuestIn(int domain) => Guest(_guestIn.GetValueOrDefault(domain, 1)).Uuid;

    private RequestId Intent(int guest)
        => ((RecoveryAction.RecordIntent)Effects.Last(one
            => one.Action is RecoveryAction.RecordIntent && one.Guest == Guest(guest)).Action).Intent;
}
