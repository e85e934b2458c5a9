using System.Text;
using System.Threading.Channels;
using Protocol.Health;
using Protocol.Xenstore;
using Testbed.Toolstack;
using Testbed.Xenstore;

namespace Testbed.Demo;

/// <summary>A filesystem's health when it became visible in xenstore.</summary>
/// <param name="Since">When, after the start of the demonstration.</param>
/// <param name="Guest">The uuid of the guest that said it.</param>
/// <param name="Report">What it said.</param>
public sealed record SeenReport(TimeSpan Since, Guid Guest, ReportedFilesystem Report);

/// <summary>
/// Follows what the guests write into xenstore: keeps every report with the moment it became visible, and tells the
/// timeline of each change of a verdict.
/// </summary>
public sealed class ReportWatch : IAsyncDisposable
{
    private const int QueueCapacity = 4096;
    private const string NotMounted = "not mounted";

    private static readonly TimeSpan BootLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(5);

    private readonly EmbeddedXenstore _xenstore;
    private readonly Timeline _timeline;
    private readonly Func<Guid, SupervisedDomain?> _find;
    private readonly Channel<(TimeSpan Since, string Path, string Value)> _queue;
    private readonly List<SeenReport> _seen = [];
    private readonly Task _following;

    /// <summary>Follows from now on.</summary>
    /// <param name="xenstore">The store.</param>
    /// <param name="timeline">Told of changes.</param>
    /// <param name="find">The guest with a uuid; null when it was not started yet.</param>
    public ReportWatch(EmbeddedXenstore xenstore, Timeline timeline, Func<Guid, SupervisedDomain?> find)
    {
        _xenstore = xenstore;
        _timeline = timeline;
        _find = find;
        _queue = Channel.CreateBounded<(TimeSpan, string, string)>(
            new BoundedChannelOptions(QueueCapacity) { FullMode = BoundedChannelFullMode.DropOldest });
        _xenstore.Changed += Enqueue;
        _following = FollowAsync();
    }

    /// <summary>The first report of a filesystem that fits.</summary>
    public SeenReport? First(Guid guest, string mountPoint, Func<SeenReport, bool> fits)
    {
        lock (_seen)
        {
            return _seen.Find(seen => Is(seen, guest, mountPoint) && fits(seen));
        }
    }

    /// <summary>
    /// The last report of a filesystem by the boot that runs now; null when that boot said nothing yet.
    /// </summary>
    public SeenReport? Last(SupervisedDomain guest, string mountPoint)
    {
        lock (_seen)
        {
            return _seen.FindLast(seen =>
                Is(seen, guest.Domain.Definition.Uuid, mountPoint)
                && seen.Report.BootId.ToString() == guest.Boot.BootId);
        }
    }

    /// <summary>Follows no more.</summary>
    public async ValueTask DisposeAsync()
    {
        _xenstore.Changed -= Enqueue;
        _queue.Writer.Complete();
        await _following;
    }

    private static bool Is(SeenReport seen, Guid guest, string mountPoint)
        => seen.Guest == guest && seen.Report.Health.MountPoint == MountPoint.FromText(mountPoint);

    /// <summary>Runs under the store's lock: takes the time, and leaves the work to others.</summary>
    private void Enqueue(XenstoreChange change)
    {
        if (change.Value is { } value && change.Path.Contains($"/{GuestKeys.Filesystems}/", StringComparison.Ordinal))
        {
            _queue.Writer.TryWrite((_timeline.Now, change.Path, value));
        }
    }

    private async Task FollowAsync()
    {
        await foreach ((TimeSpan since, string path, string value) in _queue.Reader.ReadAllAsync())
        {
            // /local/domain/7/data/guest-agent/filesystem/0; /local/domain/7/vm is /vm/UUID
            string home = path[..path.IndexOf("/data/", StringComparison.Ordinal)];
            string? vm = _xenstore.Read($"{home}/vm");
            if (Guid.TryParse(vm?["/vm/".Length..], out Guid guest)
                && ReportCodec.TryParseLine(Encoding.Latin1.GetBytes(value)) is { } report)
            {
                await TakeAsync(new SeenReport(since, guest, report));
            }
        }
    }

    private async Task TakeAsync(SeenReport seen)
    {
        SeenReport? before;
        FilesystemHealth health = seen.Report.Health;
        lock (_seen)
        {
            before = _seen.FindLast(one => one.Guest == seen.Guest
                && one.Report.BootId == seen.Report.BootId && one.Report.Health.MountPoint == health.MountPoint);
            _seen.Add(seen);
        }

        if (before?.Report.Health.Verdict == health.Verdict && before.Report.Health.Hidden == health.Hidden)
        {
            return;
        }

        SupervisedDomain? guest = await FindAsync(seen);
        string mountPoint = Encoding.UTF8.GetString(health.MountPoint.ToBytes());
        string probe = health.Evidence
            .Where(fact => fact.Kind is EvidenceKind.Probe or EvidenceKind.ProbeOutstanding)
            .Select(fact => fact.Detail)
            .FirstOrDefault(string.Empty);
        _timeline.Add(new Moment(
            seen.Since,
            guest?.Domain.Definition.Name ?? seen.Guest.ToString(),
            guest?.Boot.MountClaim(mountPoint) ?? NotMounted,
            probe,
            "report",
            $"{mountPoint} is {health.Verdict.ToName()}"
                + (health.Hidden ? ", hidden by the mount table" : string.Empty)));
    }

    /// <summary>
    /// The guest, once the toolstack knows of the boot that speaks: a boot may speak before its start returns.
    /// </summary>
    private async Task<SupervisedDomain?> FindAsync(SeenReport seen)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(start) < BootLimit)
        {
            if (_find(seen.Guest) is { } guest && guest.Boot.BootId == seen.Report.BootId.ToString())
            {
                return guest;
            }

            await Task.Delay(LookAgain);
        }

        return null;
    }
}
