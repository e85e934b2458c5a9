using Protocol.Health;

namespace Simulation.World;

/// <summary>What is true of a filesystem, whatever anybody says.</summary>
internal enum FilesystemTruth
{
    /// <summary>It takes writes as soon as its disk does.</summary>
    Well = 0,

    /// <summary>Writes fail until it was checked and mounted anew.</summary>
    Aborted,

    /// <summary>An error made it read-only; a remount helps.</summary>
    ReadOnlyByError,

    /// <summary>It takes writes, and has recorded errors.</summary>
    ErrorsRecorded,

    /// <summary>It does not come back though its disk did.</summary>
    HungForGood,

    /// <summary>A check failed and it was not mounted again.</summary>
    NotMounted,
}

/// <summary>One filesystem of a guest.</summary>
internal sealed class SimulatedFilesystem(string mount, string type, SimulatedDisk disk)
{
    private readonly Dictionary<Verdict, FilesystemHealth> _healths = [];

    /// <summary>Where it is mounted.</summary>
    public MountPoint Mount { get; } = MountPoint.FromText(mount);

    /// <summary>Its type in the mount table.</summary>
    public string Type => type;

    /// <summary>The disk it lies on.</summary>
    public SimulatedDisk Disk => disk;

    /// <summary>Whether it is the root.</summary>
    public bool IsRoot { get; } = mount == "/";

    /// <summary>Whether somebody in the guest has files of it open.</summary>
    public bool IsBusy { get; init; }

    /// <summary>Whether its disk is the guest's own: this host knows nothing of it.</summary>
    public bool IsOwn { get; init; }

    /// <summary>Whether it refuses every write by design, whatever the mount table says.</summary>
    public bool IsReadOnlySubvolume { get; init; }

    /// <summary>Whether the kernel tells a probe of that.</summary>
    public bool IsToldOfSubvolume { get; init; }

    /// <summary>Its device in the guest.</summary>
    public string Device => IsOwn ? "sdf" : IsRoot ? "xvda" : "xvdb";

    /// <summary>What is true of it.</summary>
    public FilesystemTruth Truth { get; set; }

    /// <summary>The outage of the disk of which the filesystem took note already.</summary>
    public int OutageNoted { get; set; }

    /// <summary>How often it was mounted anew in this boot.</summary>
    public int Mounts { get; set; }

    /// <summary>Whether a write of a program in the guest succeeds.</summary>
    public bool Writes => disk.IsUp && !IsReadOnlySubvolume && Truth is FilesystemTruth.Well or FilesystemTruth.ErrorsRecorded;

    /// <summary>What an honest agent says of it.</summary>
    public Verdict Verdict => Truth switch
    {
        FilesystemTruth.Aborted => type == "xfs" ? Verdict.ShutDown : Verdict.JournalAborted,
        FilesystemTruth.ReadOnlyByError => Verdict.RemountedReadOnly,
        FilesystemTruth.HungForGood => Verdict.Hung,
        _ when !disk.IsUp => Verdict.Hung,
        FilesystemTruth.ErrorsRecorded => Verdict.ErrorsRecorded,
        _ => Verdict.Writable,
    };

    /// <summary>Where its disk comes from.</summary>
    public DiskOrigin Origin => IsOwn ? DiskOrigin.Iscsi : DiskOrigin.Vbd;

    /// <summary>It, with a verdict, as it stands in a report.</summary>
    public FilesystemHealth Say(Verdict verdict)
    {
        if (!_healths.TryGetValue(verdict, out FilesystemHealth? health))
        {
            _healths[verdict] = health = new FilesystemHealth
            {
                MountPoint = Mount,
                Device = Device,
                FilesystemType = type,
                Role = IsRoot ? FilesystemRole.Root : FilesystemRole.Data,
                Verdict = verdict,
                Since = DateTimeOffset.UnixEpoch,
                Claims = MountClaim.Rw,
                Hidden = verdict == Verdict.JournalAborted,
                Origins = [Origin],
            };
        }

        return health;
    }
}
