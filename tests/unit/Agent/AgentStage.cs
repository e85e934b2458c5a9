using System.Text;
using GuestAgent;
using GuestAgent.Detection;
using Protocol.Health;
using Protocol.Kernel;
using Protocol.Xenstore;

namespace Tests.Unit.Agent;

/// <summary>
/// The agent's loop on a stage: time is a number, xenstore a dictionary, and each filesystem answers its probes with
/// what the test says.
/// </summary>
internal sealed class AgentStage
{
    public const string Boot = "11111111-2222-3333-4444-555555555555";

    private readonly AgentLoop _loop;
    private readonly Dictionary<DeviceNumber, string> _probeAnswers = [];
    private readonly Dictionary<DeviceNumber, long> _errors = [];
    private readonly List<MountEntry> _mounts = [];
    private readonly Dictionary<MountPoint, MountWish> _wishes = [];
    private long _probeId;
    private bool _mountsRead;

    public AgentStage(bool isDomU = true)
    {
        _ = BootId.TryParse(Boot, out BootId bootId);
        _loop = new AgentLoop(new AgentSettings { BootId = bootId, AgentVersion = "9.9.9", IsDomU = isDomU });
        Now = Beginning;
    }

    /// <summary>When every story begins.</summary>
    public static Moment Beginning { get; }
        = new(TimeSpan.FromSeconds(1000), new DateTimeOffset(2026, 3, 1, 4, 5, 6, TimeSpan.Zero));

    /// <summary>The id of a probe that an earlier agent began.</summary>
    public const long StuckProbeId = 1_000_000;

    /// <summary>Since when a probe of an earlier agent is stuck in every filesystem; null when none is.</summary>
    public Moment? StuckSince { get; set; }

    /// <summary>What the device had completed by then.</summary>
    public long StuckCompletions { get; set; }

    public Moment Now { get; private set; }

    public Dictionary<string, string> Xenstore { get; } = [];

    public List<AgentEffect> Effects { get; } = [];

    public List<AgentEffect.RunRemedy> Remedies { get; } = [];

    public int Probes { get; private set; }

    /// <summary>Xenstore takes nothing while false.</summary>
    public bool XenstoreAnswers { get; set; } = true;

    /// <summary>What every write is answered with.</summary>
    public XenstoreError WriteError { get; set; } = XenstoreError.None;

    /// <summary>Probes are asked for, and nobody ever says what became of them.</summary>
    public bool LosesProbes { get; set; }

    /// <summary>Whether there is a process that takes probes.</summary>
    public bool HasProbeProcess { get; set; } = true;

    /// <summary>When the loop wants to be woken.</summary>
    public Moment NextWake => _loop.NextWake(Now);

    /// <summary>A kernel that counts no error when a write meets an aborted journal, or a remount under way.</summary>
    public bool IsSilent { get; set; }

    /// <summary>How many nodes the guest may own.</summary>
    public int NodeQuota { get; set; } = int.MaxValue;

    public static MountEntry Ext(string mountPoint, int minor, string options = "rw", string super = "rw", int id = 0)
        => new()
        {
            MountId = id == 0 ? minor + 20 : id,
            Device = new DeviceNumber(202, minor),
            Root = MountPoint.Root,
            MountPoint = MountPoint.FromText(mountPoint),
            MountOptions = options.Split(','),
            FilesystemType = "ext4",
            Source = MountPoint.FromText($"/dev/xvd{minor}"),
            SuperOptions = super.Split(','),
        };

    public AgentStage With(MountEntry mount, string probe = "ok", MountWish wish = default)
    {
        _mounts.RemoveAll(one => one.Device == mount.Device);
        _mounts.Add(mount);
        _probeAnswers[mount.Device] = probe;
        _wishes[mount.MountPoint] = wish;
        return this;
    }

    /// <summary>Where the disks of all its filesystems come from.</summary>
    public IReadOnlyList<DiskOrigin> Origins { get; set; } = [DiskOrigin.Vbd];

    public AgentStage Start()
    {
        Step(new AgentInput.LinkUp());
        ReadMounts();
        return this;
    }

    public void ReadMounts()
    {
        IReadOnlyList<ObservedMount> mounts = [.. _mounts.Select(mount => new ObservedMount(
            mount.Among([mount]), NameOf(mount), [new DeviceAlias(NameOf(mount), SectorRange.All)], _wishes[mount.MountPoint])
        {
            Origins = Origins,
        })];
        Observe(new Observation.MountTableRead(mounts, IsFirst: !_mountsRead));
        _mountsRead = true;
        foreach (MountEntry mount in _mounts.Where(mount => _errors.TryAdd(mount.Device, 0)))
        {
            Observe(new Observation.ErrorsCountRead(mount.Device, 0));
        }
    }

    public void Unmount(int minor)
    {
        _mounts.RemoveAll(one => one.Device.Minor == minor);
        ReadMounts();
    }

    /// <summary>From now on a filesystem's probes meet this; "never" for probes that do not come back.</summary>
    public void ProbesMeet(int minor, string errno) => _probeAnswers[new DeviceNumber(202, minor)] = errno;

    /// <summary>A probe comes back late.</summary>
    public void ProbeReturns(int minor, long probeId, string errno)
        => Observe(new Observation.ProbeFinished(new DeviceNumber(202, minor), probeId, Result(errno, 0)));

    public void Kernel(KernelLineKind kind, int minor)
        => Observe(new Observation.KernelLineSeen(new KernelLine(kind, $"xvd{minor}", Now.SinceBoot)));

    public void Observe(Observation observation) => Step(new AgentInput.Observed(observation));

    /// <summary>Time passes as the loop itself wishes to be woken.</summary>
    public void Pass(double seconds)
    {
        Moment end = Now + TimeSpan.FromSeconds(seconds);
        while (Now.SinceBoot < end.SinceBoot)
        {
            Moment wake = _loop.NextWake(Now);
            Moment next = wake.SinceBoot > Now.SinceBoot ? wake : Now + TimeSpan.FromMilliseconds(10);
            Now = next.SinceBoot < end.SinceBoot ? next : end;
            Step(new AgentInput.Tick());
        }
    }

    /// <summary>The whole guest stands still (paused, saved and restored): nothing runs, and time passes.</summary>
    public void StandStill(double seconds) => Now += TimeSpan.FromSeconds(seconds);

    public void Request(string id, string action, string filesystem = "/", string boot = Boot, int lifetime = 60)
    {
        string line = $"id={id} boot={boot} seq=1 filesystem={filesystem} action={action} lifetime={lifetime}";
        Step(new AgentInput.RequestRead(Encoding.ASCII.GetBytes(line)));
    }

    public void Step(AgentInput input)
    {
        var inputs = new Queue<AgentInput>([input]);
        while (inputs.TryDequeue(out AgentInput? next))
        {
            foreach (AgentEffect effect in _loop.Step(next, Now))
            {
                Effects.Add(effect);
                Execute(effect, inputs);
            }
        }
    }

    public FilesystemHealth Health(int minor)
        => _loop.Detector.Filesystems[new DeviceNumber(202, minor)].Health;

    public long LastProbeId => _probeId;

    public RequestOutcome? Outcome => Xenstore.TryGetValue(GuestKeys.Outcome, out string? line)
        ? RequestCodec.TryParseOutcome(Encoding.ASCII.GetBytes(line))
        : null;

    public ReportedFilesystem Slot(int slot)
        => ReportCodec.TryParseLine(Encoding.ASCII.GetBytes(Xenstore[GuestKeys.Filesystem(slot)]))!;

    private void Execute(AgentEffect effect, Queue<AgentInput> inputs)
    {
        switch (effect)
        {
            case AgentEffect.StartProbe when LosesProbes:
                break;
            case AgentEffect.StartProbe start when !HasProbeProcess:
                inputs.Enqueue(new AgentInput.Observed(new Observation.ProbeNotStarted(start.Mount.Device)));
                break;
            case AgentEffect.StartProbe start when StuckSince is { } since:
                inputs.Enqueue(new AgentInput.Observed(new Observation.ProbeFoundOutstanding(
                    start.Mount.Device, StuckProbeId, since, StuckCompletions)));
                break;
            case AgentEffect.StartProbe start:
                Probes++;
                long id = ++_probeId;
                inputs.Enqueue(new AgentInput.Observed(new Observation.ProbeStarted(start.Mount.Device, id)));
                string answer = _probeAnswers[start.Mount.Device];
                if (answer == "EROFS" && !IsSilent && start.Mount.Claims == MountClaim.Rw)
                {
                    // As ext4 does when a write meets the aborted journal.
                    CountError(start.Mount.Device, inputs);
                }

                if (answer != "never")
                {
                    inputs.Enqueue(new AgentInput.Observed(
                        new Observation.ProbeFinished(start.Mount.Device, id, Result(answer, 400))));
                }

                break;
            case AgentEffect.WriteKey write when XenstoreAnswers:
                inputs.Enqueue(new AgentInput.KeyWritten(write.Path, Write(write)));
                break;
            case AgentEffect.RunRemedy run:
                Remedies.Add(run);
                break;
            default:
                break;
        }
    }

    private void CountError(DeviceNumber device, Queue<AgentInput> inputs)
    {
        if (_errors.TryAdd(device, 0))
        {
            inputs.Enqueue(new AgentInput.Observed(new Observation.ErrorsCountRead(device, 0)));
        }

        inputs.Enqueue(new AgentInput.Observed(new Observation.ErrorsCountRead(device, ++_errors[device])));
    }

    private XenstoreError Write(AgentEffect.WriteKey write)
    {
        if (WriteError != XenstoreError.None)
        {
            return WriteError;
        }

        if (write.Value is null)
        {
            return Xenstore.Remove(write.Path) ? XenstoreError.None : XenstoreError.ENOENT;
        }

        if (!Xenstore.ContainsKey(write.Path) && Xenstore.Count >= NodeQuota)
        {
            return XenstoreError.ENOSPC;
        }

        Xenstore[write.Path] = write.Value;
        return XenstoreError.None;
    }

    private static string NameOf(MountEntry mount) => $"xvd{mount.Device.Minor}";

    private static ProbeResult Result(string errno, int microseconds) => new(
        errno switch
        {
            "ok" => ProbeStep.Done,
            "EROFS" => ProbeStep.Open,
            "ENOSPC" => ProbeStep.Create,
            "not-our-file" => ProbeStep.Refused,
            _ => ProbeStep.Sync,
        },
        errno,
        TimeSpan.FromMicroseconds(microseconds));
}
