using System.Globalization;
using System.Text;
using GuestAgent.Detection;
using GuestAgent.Signals.Parsing;
using Protocol.Health;

namespace Tests.Unit.Agent;

/// <summary>One filesystem, told line by line: each line is what one source of the agent's showed.</summary>
internal sealed class FixtureStory
{
    private readonly List<DeviceAlias> _disks = [];
    private Detector _detector = Detector.Empty;
    private Moment _now = new(TimeSpan.FromSeconds(1000), new DateTimeOffset(2026, 3, 1, 4, 5, 6, TimeSpan.Zero));
    private MountEntry? _mount;
    private MountWish _wish;
    private bool _hasJournal = true;
    private bool _panicsOnErrors;
    private string? _vbdState;
    private readonly List<string> _table = [];
    private bool _isOverlayLower;
    private bool _isReadOnlySubvolume;
    private long? _diskSequence;
    private ulong? _filesystemId;
    private long _kernelSequence;
    private FilesystemRoom? _room;
    private long _probeId;

    public FilesystemHealth Health => Watched.Health;

    public bool IsProbeWanted => Watched.Probe.Wanted;

    private WatchedFilesystem Watched => _detector.Filesystems[Device];

    private DeviceNumber Device => _mount!.Device;

    private DateTimeOffset BootedAt => _now.WallClock - _now.SinceBoot;

    public void Tell(string line)
    {
        if (line.StartsWith('#'))
        {
            return;
        }

        // Nothing happens in no time: what comes later is later.
        _now += TimeSpan.FromMilliseconds(1);
        int space = line.IndexOf(' ', StringComparison.Ordinal);
        string verb = space < 0 ? line : line[..space];
        string rest = space < 0 ? string.Empty : line[(space + 1)..];
        Tell(verb, rest, rest.Split(' '));
    }

    private void Tell(string verb, string rest, string[] words)
    {
        switch (verb)
        {
            case "fstab":
                _wish = new MountWish(WishSource.Fstab, words[1] == "ro");
                break;
            case "read-only-key":
                _wish = new MountWish(WishSource.Key, IsReadOnly: true);
                break;
            case "unit":
                _wish = new MountWish(WishSource.SystemdUnit, words[1] == "ro");
                break;
            case "mountinfo":
                ReadTable(rest);
                break;
            case "clear":
                _table.Clear();
                break;
            case "first":
                _table.Add(rest);
                break;
            case "go":
                ReadTable(string.Join('\n', _table));
                break;
            case "overlay-lower":
                _isOverlayLower = true;
                ApplyMount();
                break;
            case "diskseq":
                _diskSequence = Number(rest);
                break;
            case "disk":
                _disks.Add(new DeviceAlias(words[0], words.Length == 1 ? SectorRange.All
                    : new SectorRange(Number(words[1]), Number(words[1]) + Number(words[2]))));
                ApplyMount();
                break;
            case "no-journal":
                _hasJournal = false;
                ApplyMount();
                break;
            case "panics-on-errors":
                _panicsOnErrors = true;
                ApplyMount();
                break;
            case "errors":
                RecordedError? last = words.Length == 1 ? null
                    : new RecordedError(words[1], BootedAt + TimeSpan.FromSeconds(Number(words[2])));
                Observe(new Observation.ErrorsCountRead(Device, Number(words[0]), last));
                break;
            case "kmsg":
                ReadKernelRecord(rest);
                break;
            case "k":
                long microseconds = (long)_now.SinceBoot.TotalMicroseconds;
                ReadKernelRecord($"4,{++_kernelSequence},{microseconds},-;{rest}");
                break;
            case "event":
                Observe(new Observation.FilesystemErrorTold(Device, rest));
                break;
            case "vbd":
                _vbdState = rest;
                ReadQueue(["0", "0", "0"]);
                break;
            case "queue":
                ReadQueue(words);
                break;
            case "self-reset":
                Observe(new Observation.SelfResetRead(rest.Split('+')));
                break;
            default:
                TellProbe(verb, rest, words);
                break;
        }
    }

    private void TellProbe(string verb, string rest, string[] words)
    {
        switch (verb)
        {
            case "subvolume":
                _isReadOnlySubvolume = rest == "ro";
                break;
            case "uuid":
                _filesystemId = (ulong)Number(rest);
                break;
            case "room":
                _room = new FilesystemRoom(Number(words[0]), Number(words[1]), IsReadOnly: false);
                break;
            case "probe":
                Observe(new Observation.ProbeStarted(Device, ++_probeId));
                if (rest != "away")
                {
                    Finish(words);
                }

                break;
            case "back":
                Finish(words);
                break;
            case "stack":
                if (FreezeWaitParser.Parse(rest.Replace('|', '\n'), null) is { } wait)
                {
                    Observe(new Observation.FreezeWaitSeen(Device, wait));
                }

                break;
            case "wait":
                _now += TimeSpan.FromSeconds(Number(rest));
                _detector = _detector.Pass(_now);
                break;
            default:
                throw new InvalidDataException($"a fixture has no word {verb}");
        }
    }

    private void ReadTable(string table)
    {
        _mount = LocalFilesystems.Choose(
            MountInfoParser.Parse(Encoding.UTF8.GetBytes(table)), new MountChoice { Before = _mount is null ? [] : [_mount] })
            .Single();
        ApplyMount();
    }

    private void ApplyMount()
    {
        string device = _mount!.Source.Encoded[(_mount.Source.Encoded.LastIndexOf('/') + 1)..];
        var observed = new ObservedMount(
            _mount, device, [new DeviceAlias(device, SectorRange.All), .. _disks], _wish)
        {
            HasJournal = _hasJournal,
            PanicsOnErrors = _panicsOnErrors,
            IsOverlayLower = _isOverlayLower,
            DiskSequence = _diskSequence,
        };
        Observe(new Observation.MountTableRead([observed], IsFirst: _detector.Filesystems.IsEmpty));
    }

    /// <summary>Reads and writes in flight, writes completed, and <c>ro</c> for a write-protected device.</summary>
    private void ReadQueue(string[] words)
    {
        (long reads, long writes) = BlockStatParser.Inflight($"{words[0]} {words[1]}")!.Value;
        long completions = BlockStatParser.WriteCompletions($"9 8 7 6 {words[2]} 5 4 3 2 1 0")!.Value;
        Observe(new Observation.ActivitySampled(Device, new BlockActivity(reads + writes, completions, words is [.., "ro"])
        {
            InflightWrites = writes,
            TroubledVbdState = _vbdState,
        }));
    }

    private void Finish(string[] words)
    {
        ProbeStep step = Enum.Parse<ProbeStep>(words[0], ignoreCase: true);
        double milliseconds = words.Length == 3 ? Number(words[2]) : 1;
        Observe(new Observation.ProbeFinished(
            Device, _probeId, new ProbeResult(step, words[1], TimeSpan.FromMilliseconds(milliseconds))
            {
                Room = _room,
                IsReadOnlySubvolume = _isReadOnlySubvolume && words[1] == "EROFS",
                FilesystemId = step == ProbeStep.Done ? _filesystemId : null,
            }));
    }

    private void ReadKernelRecord(string text)
    {
        KernelRecord record = KernelLogParser.ParseRecord(Encoding.UTF8.GetBytes(text))!.Value;
        if (KernelLogParser.Understand(record) is { } understood)
        {
            Observe(new Observation.KernelLineSeen(understood));
        }
    }

    private void Observe(Observation observation) => _detector = _detector.Observe(observation, _now);

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
