using HostBridge.Incidents;
using HostBridge.Recovery;
using Protocol.Health;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge.Incidents;

/// <summary>A real state directory, opened and closed again as bridges that start and stop do.</summary>
internal sealed class StateDirectory : IDisposable
{
    public static readonly DateTimeOffset Now = new(2026, 3, 1, 4, 5, 6, TimeSpan.Zero);

    public string Folder { get; } = Directory.CreateTempSubdirectory("host-bridge-").FullName;

    public string DatabasePath => Path.Combine(Folder, IncidentStore.FileName);

    public static StateChange Entry(
        TellKind kind, string text, int guest = 1, string request = "reboot-1", bool ends = false, bool standing = false)
        => new StateChange.Story(IncidentEntry.Of(Guest(guest), new DomainId(5), kind, text, Facts(request), Now) with
        {
            EndsIntent = ends ? true : null,
            Standing = standing ? true : null,
        });

    public static StateChange Step(OfflineStep step, GuestDisks? disks = null)
        => new StateChange.Story(IncidentEntry.Of(
            Guest(), new DomainId(5), TellKind.Action, "a step",
            Facts("reboot-1") with { Step = step, Disks = disks }, Now));

    /// <summary>What was faulty when a guest last listed it; without filesystems, a dead one.</summary>
    public static StateChange.Remembered Faulty(int guest = 1, params FilesystemHealth[] filesystems)
        => new(
            Guest(guest),
            new FaultySeen(Boot(7), filesystems.Length == 0 ? [Filesystem("/srv", Verdict.JournalAborted)] : filesystems),
            Now);

    public static IncidentFacts Facts(string request) => new()
    {
        Filesystem = Filesystem(verdict: Verdict.JournalAborted),
        BootId = Boot(7),
        Rung = Rung.Reboot,
        RequestId = RequestId.TryParse(request, out RequestId id) ? id : default,
    };

    public string HoldPath(int guest = 1) => Path.Combine(Folder, "holds", Guest(guest).Uuid.ToString("D"));

    public IncidentStore Store(RetentionLimits? limits = null)
        => new(Folder, StateLock.TryTake(Folder).Lock, limits);

    /// <summary>A bridge starts, writes these one after the other, and stops; what its start read back.</summary>
    public RestoredIncidents Run(params StateChange[] changes)
    {
        using IncidentStore store = Store();
        RestoredIncidents restored = store.Open();
        foreach (StateChange change in changes)
        {
            store.Append([change]);
        }

        return restored;
    }

    /// <summary>
    /// A copy of everything as it lies in the files now, as a bridge that is killed now leaves it. The log comes first: the
    /// writer may be moving what is in it into the database, and a copy takes time where a kill takes none.
    /// </summary>
    public StateDirectory Copy()
    {
        var copy = new StateDirectory();
        string[] ofTheProcess = ["lock", IncidentStore.FileName + "-shm"];
        foreach (string file in Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories)
            .Where(file => !ofTheProcess.Contains(Path.GetFileName(file)))
            .OrderByDescending(file => file.EndsWith("-wal", StringComparison.Ordinal)))
        {
            string target = Path.Combine(copy.Folder, Path.GetRelativePath(Folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.WriteAllBytes(target, File.ReadAllBytes(file));
        }

        return copy;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
