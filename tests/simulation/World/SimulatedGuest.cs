using System.Globalization;
using HostBridge.Recovery;
using Protocol.Health;

namespace Simulation.World;

/// <summary>Where a guest is, as it really is.</summary>
internal enum Whereabouts
{
    /// <summary>A domain of this host.</summary>
    Here = 0,

    /// <summary>Nowhere for a moment: the toolstack starts it again by itself.</summary>
    Restarting,

    /// <summary>A domain of another host, on the same disks.</summary>
    OnAnotherHost,

    /// <summary>Saved or stopped by a person.</summary>
    Stopped,

    /// <summary>Destroyed by the bridge.</summary>
    DestroyedByBridge,
}

/// <summary>One guest as it really is, and what stands of it in xenstore.</summary>
internal sealed class SimulatedGuest(int number, Character character, IReadOnlyList<SimulatedFilesystem> filesystems)
{
    private readonly List<BootId> _boots = [BootOf(number, 1)];

    /// <summary>From 0.</summary>
    public int Number => number;

    /// <summary>What kind of guest it is.</summary>
    public Character Character => character;

    /// <summary>Whether it says what may do harm, instead of what is true.</summary>
    public bool IsHostile { get; set; } = character == Character.Hostile;

    /// <summary>Who it is, for the toolstack.</summary>
    public GuestIdentity Identity { get; } = new(new Guid(number + 1, 0, 0, new byte[8]), $"guest{number + 1}");

    /// <summary>Its filesystems, the root first.</summary>
    public IReadOnlyList<SimulatedFilesystem> Filesystems => filesystems;

    /// <summary>The root.</summary>
    public SimulatedFilesystem Root => filesystems[0];

    /// <summary>The disks that this host serves to it.</summary>
    public IReadOnlyList<SimulatedDisk> Disks { get; }
        = [.. filesystems.Where(one => !one.IsOwn).Select(one => one.Disk).Distinct()];

    /// <summary>Its disks as the backend's side of xenstore lists them.</summary>
    public required GuestDisks ListedDisks { get; init; }

    /// <summary>Whether it runs the real agent, and not a character that speaks like one.</summary>
    public bool RunsRealAgent { get; init; }

    /// <summary>The real agent that runs; null when none does.</summary>
    public AgentProcess? Agent { get; set; }

    /// <summary>The nodes that its real agent wrote, by their path in its domain.</summary>
    public Dictionary<string, byte[]> Nodes { get; } = [];

    /// <summary>Where it is.</summary>
    public Whereabouts Whereabouts { get; set; }

    /// <summary>Its domain; null when it has none here.</summary>
    public DomainId? Domain { get; set; }

    /// <summary>Every domain it ever had here, with the boot in it.</summary>
    public Dictionary<DomainId, int> BootOfDomain { get; } = [];

    /// <summary>The boot that runs, or ran last; from 1.</summary>
    public int BootSerial => _boots.Count;

    /// <summary>The boot's own name.</summary>
    public BootId Boot => _boots[^1];

    /// <summary>Whether its agent runs.</summary>
    public bool AgentRuns { get; set; }

    /// <summary>Grows with every agent that starts, so that what an earlier one had in hand ends with it.</summary>
    public int AgentLife { get; set; }

    /// <summary>The agent's last report; grows with each.</summary>
    public long Sequence { get; set; }

    /// <summary>The verdicts of the last report.</summary>
    public List<Verdict> Said { get; } = [];

    /// <summary>The report that stands in xenstore; null when none does.</summary>
    public GuestReport? StandingReport { get; set; }

    /// <summary>The outcome that stands in xenstore; null when none does.</summary>
    public RequestOutcome? StandingOutcome { get; set; }

    /// <summary>The request that stands in xenstore; null when none does.</summary>
    public GuestRequest? StandingRequest { get; set; }

    /// <summary>The requests that this boot took; none is carried out twice.</summary>
    public HashSet<RequestId> TakenRequests { get; } = [];

    /// <summary>What it does for a request at this moment; none when nothing.</summary>
    public RequestId AtWorkOn { get; set; }

    /// <summary>Whether the next boot checks.</summary>
    public bool IsCheckArmed { get; set; }

    /// <summary>The exit code of the check that a boot is making; null when it makes none.</summary>
    public int? BootCheckExit { get; set; }

    /// <summary>The boot that was checked last.</summary>
    public int BootCheckedIn { get; set; }

    /// <summary>The exit code of the last boot's check, where the toolstack can tell it.</summary>
    public int? BootCheckKnown { get; set; }

    /// <summary>How often it still breaks again.</summary>
    public int RelapsesLeft { get; set; }

    /// <summary>How long a check of it takes.</summary>
    public TimeSpan CheckTime { get; set; }

    /// <summary>Whether a person took note of a filesystem that is not mounted any more.</summary>
    public bool IsAcknowledged { get; set; }

    /// <summary>When it was last asked to restart.</summary>
    public TimeSpan AskedAt { get; set; }

    /// <summary>When its last boot was done with whatever it had to mend.</summary>
    public TimeSpan MendedAt { get; set; }

    /// <summary>Whether everything it has takes writes.</summary>
    public bool IsWell => filesystems.All(one => one.Truth == FilesystemTruth.Well && one.Disk.IsUp);

    /// <summary>A new life of the guest begins.</summary>
    public void BeginBoot() => _boots.Add(BootOf(number, _boots.Count + 1));

    /// <summary>The number of a boot of this guest by its name; 0 when it is none of its own.</summary>
    public int SerialOf(BootId boot) => _boots.LastIndexOf(boot) + 1;

    private static BootId BootOf(int guest, int boot)
        => BootId.TryParse(
            string.Create(CultureInfo.InvariantCulture, $"{guest:d8}-0000-4000-8000-{boot:d12}"), out BootId id)
            ? id
            : throw new InvalidOperationException("no boot id");
}
