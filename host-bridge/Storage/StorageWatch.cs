using HostBridge.Correlation;
using HostBridge.Recovery;
using HostBridge.Storage.Judging;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace HostBridge.Storage;

/// <summary>
/// Looks at the storage once a second, and at once when the host says that something changed. It has a thread of its
/// own: when sysfs does not answer, nobody else waits, and what was last found is outdated after a while, which closes
/// the gate.
/// </summary>
internal sealed partial class StorageWatch : BackgroundService
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    /// <summary>
    /// What has not changed is said again after this time; <see cref="RecoveryPolicy.DiskCheckValidFor"/>.
    /// </summary>
    private static readonly TimeSpan RepeatInterval = TimeSpan.FromSeconds(5);

    /// <summary>The lines of the kernel's log that wait while the bridge is behind; the newest stay.</summary>
    private const int MaxUntoldLines = 256;

    /// <summary>How often the backends are asked what they have done: five small files a virtual disk.</summary>
    private static readonly TimeSpan BackendInterval = TimeSpan.FromSeconds(10);

    /// <summary>Between two looks there is this time at least: a storm of events takes half a processor.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(30);

    /// <summary>
    /// The disks that the kernel's log names are looked at first, without the rest, at most this often.
    /// </summary>
    private static readonly TimeSpan FirstLookRest = TimeSpan.FromMilliseconds(10);

    private readonly StorageParts _parts;
    private readonly WatchedDisks _disks;
    private readonly BridgeInputQueue _inputs;
    private readonly BridgeClock _clock;
    private readonly ILogger<StorageWatch> _logger;
    private readonly WakeUp _wake;
    private readonly WakeUp _answered = new();
    private readonly ReadBook _reads = new();
    private readonly LineInbox _lines = new();
    private readonly StorageEvents _events;
    private readonly StorageSurvey _survey;
    private readonly ReaderProcess _reader;
    private readonly Multipathd _multipathd;
    private readonly XenBackendReader _backends;
    private readonly List<HostLine> _untold = [];
    private readonly ConditionChanges _changes = new(RepeatInterval);
    private TimeSpan _backendsReadAt = -BackendInterval;
    private IReadOnlyList<BlockDevice> _disksSeen = [];
    private string? _readerTrouble;
    private string _eventTrouble = string.Empty;

    public StorageWatch(
        StorageParts parts, WatchedDisks disks, WakeUp wake, BridgeInputQueue inputs, BridgeClock clock,
        ILogger<StorageWatch> logger)
    {
        (_parts, _disks, _inputs, _clock, _logger, _wake) = (parts, disks, inputs, clock, logger, wake);
        var faults = new KernelFaults();
        _events = new StorageEvents(parts.KernelLog, parts.Uevents, wake, _answered, faults, _lines, clock);
        _survey = new StorageSurvey(parts.Files, parts.VouchedFor, faults, _reads);
        _reader = new ReaderProcess(parts.ReaderProgram, _answered);
        _multipathd = new Multipathd(parts.MultipathdProgram, clock.Time, wake);
        _backends = new XenBackendReader(parts.Files);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _reader.Dispose();
        _answered.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_parts.KernelLog is null)
        {
            LogNoKernelLog();
        }

        Task following = new IscsidJournal(_parts.JournalProgram, _clock.Time, _wake).FollowAsync(stoppingToken);
        await Task.Factory
            .StartNew(() => Run(stoppingToken), stoppingToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            .ConfigureAwait(false);
        await following.ConfigureAwait(false);
    }

    private void Run(CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration stopping = cancellationToken.Register(_wake.Set);
        bool hasChange = _events.Take();
        TimeSpan dueAt = TimeSpan.Zero;
        TimeSpan restedAt = TimeSpan.Zero;
        TimeSpan firstLookAt = TimeSpan.Zero;
        while (!cancellationToken.IsCancellationRequested)
        {
            TimeSpan began = _clock.Now.Elapsed;
            TimeSpan next = hasChange ? restedAt : dueAt;
            if (began < next)
            {
                hasChange |= _events.Wait(next - began);
                if (hasChange && _clock.Now.Elapsed >= firstLookAt && LookAtNamed(_clock.Now.Elapsed))
                {
                    firstLookAt = _clock.Now.Elapsed + FirstLookRest;
                }

                hasChange |= _reader.Turn(_reads, _clock.Now.Elapsed);
                continue;
            }

            hasChange = Look(hasChange, began, cancellationToken);
            restedAt = _clock.Now.Elapsed + Rest;
            dueAt = began + LookInterval > restedAt ? began + LookInterval : restedAt;
        }
    }

    /// <summary>
    /// Looks at the disks that the kernel's log names, which are few: their guests are safe before everything is looked
    /// at. Whether there were any.
    /// </summary>
    private bool LookAtNamed(TimeSpan now)
    {
        IReadOnlyList<DeviceNumber> named = _lines.NamedAmong(_disksSeen);
        if (named.Count == 0)
        {
            return false;
        }

        SurveyResult result = _survey.Look(named, _multipathd.View(now), now);
        TellFound(_changes.TakeSome(result.Conditions, now), _lines.Take(result.Disks));
        TellTurns();
        return true;
    }

    /// <summary>Looks once, and says what has changed; whether there is already reason to look again.</summary>
    private bool Look(bool hasChange, TimeSpan now, CancellationToken cancellationToken)
    {
        SurveyResult result = _survey.Look(_disks.Take(), _multipathd.View(now), now);
        _disksSeen = result.Disks;
        if (result.HasMultipath)
        {
            _multipathd.AskWhenDue(hasChange, now, cancellationToken);
        }

        bool isWorthALook = _reader.Turn(_reads, now);
        if (_reader.Trouble != _readerTrouble)
        {
            _readerTrouble = _reader.Trouble;
            if (_readerTrouble is { } trouble)
            {
                LogReader(trouble);
            }
        }

        _events.Reopen(now);
        if (_events.Trouble != _eventTrouble)
        {
            _eventTrouble = _events.Trouble;
            LogEvents(_eventTrouble.Length > 0 ? _eventTrouble : "all are read again");
        }

        IReadOnlyList<DiskCondition> changed = _changes.Take(result.Conditions, now);
        TellFound(changed, _lines.Take(result.Disks));

        TellTurns();
        if (!hasChange && now - _backendsReadAt >= BackendInterval)
        {
            _backendsReadAt = now;
            TellBackends();
        }

        return isWorthALook;
    }

    private void TellFound(IReadOnlyList<DiskCondition> changed, IReadOnlyList<HostLine> lines)
    {
        _untold.AddRange(lines);
        if (changed.Count + _untold.Count == 0)
        {
            return;
        }

        if (_inputs.TryPost(new BridgeInput.DisksChecked(changed) { Lines = [.. _untold] }))
        {
            _untold.Clear();
            return;
        }

        // The bridge is behind; it hears everything with the next look.
        _changes.Forget();
        _untold.RemoveRange(0, Math.Max(0, _untold.Count - MaxUntoldLines));
    }

    /// <summary>What the backends did is heard with the next reading when the bridge is behind.</summary>
    private void TellBackends()
    {
        IReadOnlyList<BackendActivity> backends = _backends.Activity(_disks.TakeDomains());
        if (backends.Count > 0)
        {
            _inputs.TryPost(new BridgeInput.DisksChecked([]) { Backends = backends });
        }
    }

    private void TellTurns()
    {
        if (_changes.Lost is [{ } first, ..])
        {
            LogLost(_changes.Lost.Count, first.Text, DomainsOn(_changes.Lost));
        }

        if (_changes.Regained is [{ } back, ..])
        {
            LogRegained(_changes.Regained.Count, back.Text, DomainsOn(_changes.Regained));
        }

        if (_changes.Rerouted.FirstOrDefault(one => one.LostPaths is not null) is { LostPaths: { } lost } carried)
        {
            LogLostPaths(_changes.Rerouted.Count, carried.Text, lost);
        }
        else if (_changes.Rerouted is [{ } whole, ..])
        {
            LogPathsBack(_changes.Rerouted.Count, whole.Text);
        }
    }

    /// <summary>The domains that these disks are served to, before any of them says a word.</summary>
    private string DomainsOn(IReadOnlyList<DiskCondition> conditions)
    {
        HashSet<DeviceNumber> devices = [.. conditions.Select(condition => condition.Device)];
        string domains = string.Join(", ", _backends.Read()
            .Where(disk => disk.Device is { } device && devices.Contains(device))
            .Select(disk => disk.Domain.Value)
            .Distinct()
            .Order());
        return domains.Length > 0 ? domains : "none that is served from here";
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "storage: {Count} disks are not operational, the first: {Text}; domains: {Domains}")]
    private partial void LogLost(int count, string text, string domains);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "storage: {Count} disks are operational, the first: {Text}; domains: {Domains}")]
    private partial void LogRegained(int count, string text, string domains);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "storage: {Count} disks changed their paths and are operational, the first: {Text}; lost: {Lost}")]
    private partial void LogLostPaths(int count, string text, string lost);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "storage: {Count} disks have all their paths again, the first: {Text}")]
    private partial void LogPathsBack(int count, string text);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "/dev/kmsg cannot be read: faults of storage are only seen as long as they last; run as root, "
            + "on Linux 3.5 or newer")]
    private partial void LogNoKernelLog();

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "the kernel's events of storage: {Reason}; the storage is looked at once a second, and what cannot be "
            + "read is opened again every minute")]
    private partial void LogEvents(string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "no device can be read directly, which closes every gate: {Reason}")]
    private partial void LogReader(string reason);
}
