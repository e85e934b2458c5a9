using GuestAgent.Detection;
using GuestAgent.Inquiries;
using GuestAgent.Reporting;
using GuestAgent.Requests;
using Protocol.Channel;
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

    /// <summary>
    /// The sequence of the first report: greater than any of an agent before this one in the same boot.
    /// </summary>
    public long FirstSequence { get; init; } = 1;

    /// <summary>How often is probed at first.</summary>
    public ProbeIntervals Intervals { get; init; } = ProbeIntervals.Default;

    /// <summary>Whether this boot's initramfs asked the host for a forced check.</summary>
    public bool HasFsckHook { get; init; }

    /// <summary>Whether fstab and the mount units can be read at the start without hanging.</summary>
    public bool MayReadWishes { get; init; } = true;

    /// <summary>Why the files of the configuration are not known, and what is in force instead; null when read.</summary>
    public string? ConfigurationTrouble { get; init; }

    /// <summary>0 to 1: where in every interval this guest stands, so that a thousand do not act at once.</summary>
    public double Phase { get; init; } = 0.5;
}

/// <summary>
/// The agent's thoughts: inputs in, effects out, nothing else. One step never waits and never fails; what an effect
/// brings comes back as a later input.
/// </summary>
internal sealed partial class AgentLoop(AgentSettings settings)
{
    /// <summary>What the status says of a link to xenstore that works.</summary>
    private const string LinkAnswers = StatusDocument.LinkAnswers;

    /// <summary>Later than this is no step of a guest that runs: a probe would already be called slow.</summary>
    private static readonly TimeSpan StandstillAfter = Classifier.SlowAfter;

    private readonly ReportComposer _composer =
        new(settings.BootId, settings.AgentVersion, settings.FirstSequence, settings.HasFsckHook);
    private readonly KeyMirror _mirror = new();
    private readonly Heartbeat _heartbeat = new(settings.Phase);
    private readonly RequestDesk _desk = new(settings.BootId, settings.IsDomU);
    private readonly RequestInbox _inbox = new();
    private readonly ChannelOffers _channel = new();
    private readonly LastResort _lastResort = new();
    private readonly RecoveryNews _recoveries = new();
    private readonly InquiryDesk _inquiries = new(settings.BootId, settings.AgentVersion)
    {
        ConfigurationTrouble = settings.ConfigurationTrouble,
    };

    private readonly HashSet<DeviceNumber> _starting = [];
    private readonly List<AgentEffect> _effects = [];
    private ProbeIntervals _intervals = settings.Intervals;
    private string _heartbeatText = string.Empty;
    private string? _carrierTrouble = "not reached yet";
    private (GuestReport? Report, string Carrier, string? Channel) _statusOf;
    private RequestOutcome? _toldOutcome;
    private string? _channelState;
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
        NoteOverdue(now);
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
                // It was asked for, and what became of it is told: no reason to turn for ever.
                null when _starting.Contains(one.Device) => now + TimeSpan.FromSeconds(1),
                null => ProbeSchedule.NextDue(one, _intervals, PhaseOf(one)) ?? wake,
                { } away when away < Classifier.SlowAfter => one.Probe.StartedAt + Classifier.SlowAfter,
                _ => now + TimeSpan.FromSeconds(1),
            };
            wake = Earlier(wake, due);
        }

        wake = _desk.Due is { } deskDue ? Earlier(wake, deskDue) : wake;
        wake = !_isWithheld && _lastResort.Due is { } lastResortDue ? Earlier(wake, lastResortDue) : wake;
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
                TakeRequest(RequestCarrier.Xenstore, null, now);
                break;
            case AgentInput.LastRecoveryRead { Value: { } line }:
                _recoveries.Take(LastRecoveryCodec.TryParse(line));
                break;
            case AgentInput.EarlierRecoveryTold told:
                _recoveries.Remember(told.Id);
                break;
            case AgentInput.ChannelRequestRead read:
                TakeRequest(RequestCarrier.Channel, read.Request, now);
                break;
            case AgentInput.ChannelDelivered delivered:
                _channel.Delivered(delivered.Topic, delivered.Message);
                break;
            case AgentInput.ChannelChanged changed:
                TakeChannelState(changed.Trouble);
                break;
            case AgentInput.EarlierLastResortRead read:
                _lastResort.Remember(read.Lines);
                break;
            case AgentInput.ConfigurationTroubleChanged changed:
                _inquiries.ConfigurationTrouble = changed.Trouble;
                _statusOf = default;
                break;
            case AgentInput.TimeCounted counted:
                TakeCount(counted.Counted, now);
                break;
            case AgentInput.IntervalsChanged changed:
                _intervals = changed.Intervals;
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
            .TakeAnswers(
                Detector, _intervals, _composer.Sequence, _carrierTrouble ?? LinkAnswers, _recoveries.Last, now)
            .Select(answer => new AgentEffect.AnswerInquiry(answer)));

    /// <summary>A step that comes far later than it was due: nothing ran meanwhile, and no wait was the disk's.</summary>
    private void NoteStandstill(Moment now)
    {
        if (_lastStep is { } last && now - last.Wake > StandstillAfter)
        {
            _runsSince = now;
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
            bool isDue = ProbeSchedule.NextDue(one, _intervals, PhaseOf(one)) is { } due && due.HasCome(now);
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
        TakeRequest(RequestCarrier.Xenstore, request, now);
        if (request is null)
        {
            MalformedRequests++;
            _effects.Add(new AgentEffect.TellWarning(
                $"{GuestKeys.Request} holds no request that can be understood; it is left alone"));
        }
    }

    private void TakeRequest(RequestCarrier carrier, GuestRequest? request, Moment now)
    {
        if (_inbox.Take(carrier, request, now))
        {
            _desk.Withdraw();
        }
    }

    private void TakeChannelState(string? trouble)
    {
        _channelState = trouble ?? LinkAnswers;
        if (trouble is not null)
        {
            _channel.Forget();
        }
    }

    private void ServeRequest(Moment now)
    {
        if (_inbox.Waiting is { } waiting && Detector.Filesystems.Count > 0)
        {
            Want(_desk.Take(waiting, _inbox.Since, Detector, now), now);
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
        => _desk.Outcome is { } outcome
            && (_mirror.IsConfirmed(GuestKeys.Outcome, RequestCodec.ToLine(outcome)) || _channel.HasOutcome(outcome));

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
}
