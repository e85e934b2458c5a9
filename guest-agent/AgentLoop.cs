using GuestAgent.Detection;
using GuestAgent.Inquiries;
using GuestAgent.Reporting;
using GuestAgent.Requests;
using Protocol.Health;
using Protocol.Xenstore;

namespace GuestAgent;

/// <summary>What does not change while the agent runs.</summary>
internal sealed record AgentSettings
{
    public required BootId BootId { get; init; }

    public required string AgentVersion { get; init; }

    /// <summary>Whether remedies are allowed at all.</summary>
    public required bool IsDomU { get; init; }

    public ProbeIntervals Intervals { get; init; } = ProbeIntervals.Default;

    /// <summary>0 to 1: where in every interval this guest stands, so that a thousand do not act at once.</summary>
    public double Phase { get; init; } = 0.5;
}

/// <summary>
/// The agent's thoughts: inputs in, effects out, nothing else. One step never waits and never fails; what an effect
/// brings comes back as a later input.
/// </summary>
internal sealed class AgentLoop(AgentSettings settings)
{
    /// <summary>What the status says of a link to xenstore that works.</summary>
    private const string LinkAnswers = StatusDocument.LinkAnswers;

    /// <summary>Later than this is no step of a guest that runs: a probe would already be called slow.</summary>
    private static readonly TimeSpan StandstillAfter = Classifier.SlowAfter;

    private readonly ReportComposer _composer = new(settings.BootId, settings.AgentVersion);
    private readonly KeyMirror _mirror = new();
    private readonly Heartbeat _heartbeat = new(settings.Phase);
    private readonly RequestDesk _desk = new(settings.BootId, settings.IsDomU);
    private readonly InquiryDesk _inquiries = new(settings.BootId, settings.AgentVersion);
    private readonly HashSet<DeviceNumber> _starting = [];
    private readonly List<AgentEffect> _effects = [];
    private string _heartbeatText = string.Empty;
    private string? _carrierTrouble = "not reached yet";
    private string _status = string.Empty;
    private RequestOutcome? _toldOutcome;
    private GuestRequest? _waiting;
    private Moment _waitingSince;
    private bool _watchRefusalTold;
    private bool _isWithheld;
    private (Moment At, Moment Wake)? _lastStep;

    /// <summary>What is held true.</summary>
    public Detector Detector { get; private set; } = Detector.Empty;

    /// <summary>Malformed requests so far.</summary>
    public long MalformedRequests { get; private set; }

    /// <summary>Takes one input and says what is to be done.</summary>
    public IReadOnlyList<AgentEffect> Step(AgentInput input, Moment now)
    {
        _effects.Clear();
        Detector before = Detector;
        NoteStandstill(now);
        Take(input, now);
        Detector = Detector.Pass(now);
        StartDueProbes(now);
        ServeRequest(now);
        TellChanges(before);
        Publish(now);
        AnswerInquiries(now);
        _lastStep = (now, NextWake(now));
        return [.. _effects];
    }

    /// <summary>When a step is due though nothing happens.</summary>
    public Moment NextWake(Moment now)
    {
        Moment wake = _isWithheld ? now + TimeSpan.FromSeconds(1) : _heartbeat.Due(now);
        foreach (WatchedFilesystem one in Detector.Filesystems.Values)
        {
            Moment due = one.Probe.OutstandingFor(now) switch
            {
                null => ProbeSchedule.NextDue(one, settings.Intervals, PhaseOf(one)) ?? wake,
                { } away when away < Classifier.SlowAfter => one.Probe.StartedAt + Classifier.SlowAfter,
                _ => now + TimeSpan.FromSeconds(1),
            };
            wake = Earlier(wake, due);
        }

        wake = _desk.Due is { } deskDue ? Earlier(wake, deskDue) : wake;
        return _inquiries.Due is { } inquiryDue ? Earlier(wake, inquiryDue) : wake;
    }

    private static Moment Earlier(Moment a, Moment b) => a.SinceBoot <= b.SinceBoot ? a : b;

    private void Take(AgentInput input, Moment now)
    {
        switch (input)
        {
            case AgentInput.Observed { Observation: var observation }:
                NoteStarted(observation);
                Detector = Detector.Observe(observation, now);
                break;
            case AgentInput.LinkUp:
                _mirror.Forget();
                _carrierTrouble = null;
                break;
            case AgentInput.LinkDown down:
                _carrierTrouble = down.Reason;
                break;
            case AgentInput.KeyWritten written:
                TellRefusal(written);
                _mirror.Written(written.Path, written.Error, now);
                break;
            case AgentInput.WatchRefused refused:
                TellWatchRefusal(refused.Error);
                break;
            case AgentInput.KeyNotSent notSent:
                _mirror.NotSent(notSent.Path);
                break;
            case AgentInput.OwnBootIdRead read:
                ForgetWhenMoved(read.Value);
                break;
            case AgentInput.EarlierOutcomeRead { Value: { } line }:
                if (RequestCodec.TryParseOutcome(line) is { } earlier)
                {
                    _desk.Remember(earlier);
                }

                break;
            case AgentInput.RequestRead { Value: { Length: > 0 } line }:
                TakeRequest(line, now);
                break;
            case AgentInput.RequestRead:
                _waiting = null;
                _desk.Withdraw();
                break;
            case AgentInput.RemedyEnded ended:
                Want(_desk.Ended(ended.Result, Detector, now), now);
                break;
            case AgentInput.Asked asked:
                foreach (DeviceNumber device in _inquiries.Take(asked.ClientId, asked.Inquiry, Detector, now))
                {
                    Want(device, now);
                }

                break;
            default:
                break;
        }
    }

    private void AnswerInquiries(Moment now)
        => _effects.AddRange(_inquiries
            .TakeAnswers(Detector, _composer.Sequence, _carrierTrouble ?? LinkAnswers, now)
            .Select(answer => new AgentEffect.AnswerInquiry(answer)));

    /// <summary>A step that comes far later than it was due: nothing ran meanwhile, and no wait was the disk's.</summary>
    private void NoteStandstill(Moment now)
    {
        if (_lastStep is { } last && now - last.Wake > StandstillAfter)
        {
            Detector = Detector.Observe(new Observation.StoodStill(now - last.At), now);
        }
    }

    private void NoteStarted(Observation observation)
    {
        if (observation is Observation.ProbeStarted { Device: var started })
        {
            _ = _starting.Remove(started);
        }
        else if (observation is Observation.ProbeNotStarted { Device: var notStarted })
        {
            _ = _starting.Remove(notStarted);
        }
        else if (observation is Observation.ProbeFoundOutstanding { Device: var found })
        {
            _ = _starting.Remove(found);
        }
    }

    private void StartDueProbes(Moment now)
    {
        foreach (WatchedFilesystem one in Detector.Filesystems.Values)
        {
            bool isDue = ProbeSchedule.NextDue(one, settings.Intervals, PhaseOf(one)) is { } due && due.HasCome(now);
            if (isDue && _starting.Add(one.Device))
            {
                _effects.Add(new AgentEffect.StartProbe(one.Mount));
            }
        }
    }

    private double PhaseOf(WatchedFilesystem one) => (settings.Phase + (one.Device.Minor * 0.618)) % 1.0;

    private void TakeRequest(byte[] line, Moment now)
    {
        GuestRequest? request = RequestCodec.TryParseRequest(line);
        _waitingSince = request is not null && request.Id == _waiting?.Id ? _waitingSince : now;
        _waiting = request;
        if (_waiting is null)
        {
            MalformedRequests++;
            _effects.Add(new AgentEffect.TellWarning(
                $"{GuestKeys.Request} holds no request that can be understood; it is left alone"));
        }
    }

    private void ServeRequest(Moment now)
    {
        if (_waiting is not null && Detector.Filesystems.Count > 0)
        {
            Want(_desk.Take(_waiting, _waitingSince, Detector, now), now);
        }

        GuestRequest? toRun = _desk.Advance(Detector, IsOutcomeConfirmed(), now);
        if (toRun is not null && Detector.At(toRun.Filesystem) is { } one)
        {
            _effects.Add(new AgentEffect.RunRemedy(toRun, one));
        }

        Want(_desk.ProbeWanted(Detector), now);
    }

    private void Want(DeviceNumber? device, Moment now)
    {
        if (device is { } toProbe)
        {
            Detector = Detector.Observe(new Observation.ProbeWanted(toProbe), now);
            StartDueProbes(now);
        }
    }

    private bool IsOutcomeConfirmed()
        => _desk.Outcome is { } outcome && _mirror.IsConfirmed(GuestKeys.Outcome, RequestCodec.ToLine(outcome));

    /// <summary>After a migration or a restore <c>data/</c> is empty and the link is as it was.</summary>
    private void ForgetWhenMoved(byte[]? value)
    {
        string bootId = settings.BootId.ToString();
        bool isOurs = value is not null && value.AsSpan().SequenceEqual(System.Text.Encoding.ASCII.GetBytes(bootId));
        if (!isOurs && _mirror.IsConfirmed(GuestKeys.BootId, bootId))
        {
            _mirror.Forget();
        }
    }

    private void TellRefusal(AgentInput.KeyWritten written)
    {
        bool isNews = _mirror.Refused == 0 && !_mirror.IsOverQuota;
        if (isNews && written.Error is not (XenstoreError.None or XenstoreError.ENOENT))
        {
            _effects.Add(new AgentEffect.TellWarning(
                $"xenstore refuses {written.Path} ({written.Error}); the least important nodes are left out, "
                + "and tried again every minute"));
        }
    }

    private void TellWatchRefusal(XenstoreError error)
    {
        if (!_watchRefusalTold)
        {
            _watchRefusalTold = true;
            _effects.Add(new AgentEffect.TellWarning(
                $"xenstore refuses the watch for {GuestKeys.Request} ({error}); the host's requests are looked for "
                + "once a minute; see which tool of this guest holds its watches"));
        }
    }

    private void TellChanges(Detector before)
    {
        foreach (WatchedFilesystem one in Detector.Filesystems.Values)
        {
            Verdict was = before.Filesystems.TryGetValue(one.Device, out WatchedFilesystem? earlier)
                ? earlier.Health.Verdict
                : Verdict.Unknown;
            if (was != one.Health.Verdict)
            {
                _effects.Add(new AgentEffect.TellVerdict(one.Health, was));
            }
        }

        if (_desk.Outcome is { } outcome && outcome != _toldOutcome)
        {
            _toldOutcome = outcome;
            _effects.Add(new AgentEffect.TellOutcome(outcome));
        }
    }

    private void Publish(Moment now)
    {
        IReadOnlyList<FilesystemHealth> healths = Detector.Healths;
        _isWithheld = healths.Any(one => one.Verdict == Verdict.Unknown && one.Evidence.Count == 0);
        if (_isWithheld)
        {
            // The first probes are on their way: the first report is the truth, not "unknown".
            return;
        }

        GuestReport report = _composer.Compose(healths, now.WallClock);
        var nodes = new List<KeyValuePair<string, string?>>();
        if (_desk.Outcome is { } outcome)
        {
            nodes.Add(new(GuestKeys.Outcome, RequestCodec.ToLine(outcome)));
        }

        if (_heartbeat.Beats(now))
        {
            _heartbeatText = ReportCodec.Heartbeat(report.Sequence, (long)now.SinceBoot.TotalSeconds);
        }

        nodes.AddRange(_composer.ToNodes(report, _heartbeatText, _mirror.IsOverQuota));
        _mirror.Want(nodes);
        if (_carrierTrouble is null)
        {
            _effects.AddRange(_mirror.TakeWrites(now).Select(one => new AgentEffect.WriteKey(one.Path, one.Value)));
        }

        string status = StatusText.Of(report, _carrierTrouble ?? LinkAnswers);
        if (status != _status)
        {
            _status = status;
            _effects.Add(new AgentEffect.WriteStatus(status));
        }
    }
}
