using GuestAgent.Detection;
using Protocol.Health;

namespace GuestAgent.Requests;

/// <summary>How a remedy ended, before it is proved.</summary>
/// <param name="Reason"><see cref="OutcomeReason.None"/> when every step returned success.</param>
/// <param name="Detail">What a person should know besides.</param>
/// <param name="FsckExitCode">e2fsck's exit code, where it ran.</param>
internal sealed record RemedyResult(OutcomeReason Reason, string Detail, int? FsckExitCode);

/// <summary>
/// The life of a request: seen → probed (a fresh look, whatever the report said) → marked as accepted, and the
/// mark confirmed → carried out → proved by another probe → answered. One at a time; each id once.
/// </summary>
internal sealed class RequestDesk(BootId bootId, bool isDomU)
{
    /// <summary>How long a fresh probe may take before the request is refused for want of one.</summary>
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(8);

    /// <summary>What a probe showed is no reason to act any more after this time.</summary>
    private static readonly TimeSpan ProbeHolds = TimeSpan.FromSeconds(10);

    private const int MaxTaken = 16;

    private Stage _stage = Stage.Idle;
    private GuestRequest? _request;
    private Moment _seenAt;
    private Moment _probeFrom;
    private RemedyResult? _result;

    /// <summary>
    /// Requests that were taken, the newest last: a carrier that is stuck may bring an old one again.
    /// </summary>
    private readonly Queue<RequestId> _taken = new();

    private enum Stage
    {
        Idle,
        Checking,
        Marking,
        Acting,
        Proving,
    }

    /// <summary>The answer that stands in xenstore; null before the first.</summary>
    public RequestOutcome? Outcome { get; private set; }

    /// <summary>Whether a remedy is being carried out.</summary>
    public bool IsActing => _stage == Stage.Acting;

    /// <summary>When this desk must be looked at again though nothing happened; null when it waits for nothing.</summary>
    public Moment? Due => _stage switch
    {
        Stage.Checking or Stage.Proving => _probeFrom + ProbeLimit,
        Stage.Marking => _seenAt + Lifetime(_request!),
        _ => null,
    };

    /// <summary>
    /// What an agent before this one answered in the same boot: a request with that id is not carried out again,
    /// also when the agent was restarted in the middle of it.
    /// </summary>
    public void Remember(RequestOutcome earlier)
    {
        if (Outcome is null && earlier.BootId == bootId)
        {
            Outcome = earlier;
            Note(earlier.Id);
        }
    }

    /// <summary>The host took its request away: what was not begun is not begun.</summary>
    public void Withdraw()
    {
        if (_stage is Stage.Checking or Stage.Marking)
        {
            _stage = Stage.Idle;
        }
    }

    /// <summary>A request is there. The device to probe, or null when nothing is to be probed.</summary>
    /// <param name="request">The request.</param>
    /// <param name="seenAt">When it was first read: its lifetime begins there.</param>
    /// <param name="detector">What is held true.</param>
    /// <param name="now">The time.</param>
    public DeviceNumber? Take(GuestRequest request, Moment seenAt, Detector detector, Moment now)
    {
        if (_taken.Contains(request.Id))
        {
            return null;
        }

        if (_stage != Stage.Idle)
        {
            // The one being carried out is answered first; this one stands in xenstore and is seen again.
            return null;
        }

        _request = request;
        Note(request.Id);
        _seenAt = seenAt;
        _probeFrom = now;
        _result = null;
        WatchedFilesystem? one = detector.At(request.Filesystem);
        OutcomeReason? refusal = request switch
        {
            _ when request.BootId != bootId => OutcomeReason.BootIdDiffers,
            _ when !isDomU && request.Action != RequestAction.Probe => OutcomeReason.NotADomu,
            _ when one is null => OutcomeReason.UnknownFilesystem,
            _ when !one.Mount.IsProbed => OutcomeReason.NotLegitimate, // no probe can show what a remedy needs
            _ => null,
        };
        if (refusal is { } reason)
        {
            Answer(RequestStatus.Refused, reason);
            return null;
        }

        _stage = Stage.Checking;
        return one!.Device;
    }

    /// <summary>The device that must be probed before the request can go on; null when none must.</summary>
    public DeviceNumber? ProbeWanted(Detector detector)
        => _stage == Stage.Checking && detector.At(_request!.Filesystem) is { Probe.OutstandingId: null } one
            && !HasFreshProbe(one)
                ? one.Device
                : null;

    /// <summary>
    /// Goes as far as the facts allow. Returns the remedy to begin now, or null.
    /// <paramref name="markIsConfirmed"/>: the node with <see cref="Outcome"/> is known to be in xenstore.
    /// </summary>
    public GuestRequest? Advance(Detector detector, bool markIsConfirmed, Moment now)
    {
        if (_request is null || _stage is Stage.Idle or Stage.Acting)
        {
            return null;
        }

        if (_stage is Stage.Checking or Stage.Marking && now - _seenAt >= Lifetime(_request))
        {
            Answer(RequestStatus.Refused, OutcomeReason.Expired);
            return null;
        }

        switch (_stage)
        {
            case Stage.Checking:
                Check(detector, now);
                return null;
            case Stage.Marking when markIsConfirmed:
                return Begin(detector, now);
            case Stage.Proving:
                Prove(detector, now);
                return null;
            default:
                return null;
        }
    }

    /// <summary>The remedy ended; what it says of itself is proved by a probe. The device to probe, or null.</summary>
    public DeviceNumber? Ended(RemedyResult result, Detector detector, Moment now)
    {
        _result = result;
        if (result.Reason != OutcomeReason.None)
        {
            Answer(RequestStatus.Failed, result.Reason, result.Detail);
            return null;
        }

        _stage = Stage.Proving;
        _probeFrom = now;
        return detector.At(_request!.Filesystem)?.Device;
    }

    private void Note(RequestId id)
    {
        _taken.Enqueue(id);
        if (_taken.Count > MaxTaken)
        {
            _ = _taken.Dequeue();
        }
    }

    private void Check(Detector detector, Moment now)
    {
        WatchedFilesystem? one = detector.At(_request!.Filesystem);
        if (one is null)
        {
            Answer(RequestStatus.Refused, OutcomeReason.UnknownFilesystem);
        }
        else if (!HasFreshProbe(one))
        {
            if (now - _probeFrom >= ProbeLimit)
            {
                Answer(RequestStatus.Refused, OutcomeReason.ProbeOutstanding);
            }
        }
        else if (_request.Action == RequestAction.Probe)
        {
            Answer(RequestStatus.Done, OutcomeReason.None, string.Empty, ErrnoOf(one));
        }
        else if (RemedyRules.Refusal(_request.Action, one, RootVerdict(detector)) is { } reason)
        {
            string detail = reason == OutcomeReason.DiskNotServedByHost
                ? string.Join(',', one.Observed.Origins.Select(origin => origin.ToName()))
                : one.Health.Verdict.ToName();
            Answer(RequestStatus.Refused, reason, detail, ErrnoOf(one));
        }
        else
        {
            _stage = Stage.Marking;
            Outcome = OutcomeOf(RequestStatus.Accepted, OutcomeReason.None, string.Empty, ErrnoOf(one));
        }
    }

    /// <summary>
    /// The mark may have waited for long: what the probe showed must still be fresh, and still call for the remedy.
    /// </summary>
    private GuestRequest? Begin(Detector detector, Moment now)
    {
        WatchedFilesystem? one = detector.At(_request!.Filesystem);
        if (one is null || RemedyRules.Refusal(_request.Action, one, RootVerdict(detector)) is not null
            || now - one.Probe.LastFinishedAt > ProbeHolds)
        {
            _stage = Stage.Checking;
            _probeFrom = now;
            return null;
        }

        _stage = Stage.Acting;
        return _request;
    }

    private void Prove(Detector detector, Moment now)
    {
        WatchedFilesystem? one = detector.At(_request!.Filesystem);
        bool isProbed = one is not null && HasFreshProbe(one);
        if (isProbed && one!.Probe.Last is { Wrote: true })
        {
            Answer(RequestStatus.Done, OutcomeReason.None, _result!.Detail, ErrnoOf(one));
        }
        else if (isProbed || now - _probeFrom >= ProbeLimit)
        {
            Answer(RequestStatus.Failed, OutcomeReason.ProbeFailed, _result!.Detail, one is null ? "" : ErrnoOf(one));
        }
    }

    /// <summary>A probe that began after the question was asked has come back.</summary>
    private bool HasFreshProbe(WatchedFilesystem one)
        => one.Probe is { OutstandingId: null, Last: not null } && _probeFrom.HasCome(one.Probe.StartedAt);

    private void Answer(RequestStatus status, OutcomeReason reason, string detail = "", string probe = "")
    {
        Outcome = OutcomeOf(status, reason, detail, probe);
        _stage = Stage.Idle;
    }

    private RequestOutcome OutcomeOf(RequestStatus status, OutcomeReason reason, string detail, string probe)
        => new()
        {
            Id = _request!.Id,
            BootId = bootId,
            Status = status,
            Reason = reason,
            Detail = detail,
            Probe = probe,
            FsckExitCode = _result?.FsckExitCode,
        };

    private static Verdict RootVerdict(Detector detector)
        => detector.At(MountPoint.Root)?.Health.Verdict ?? Verdict.Unknown;

    private static string ErrnoOf(WatchedFilesystem one) => one.Probe.Last?.ErrnoName ?? string.Empty;

    private static TimeSpan Lifetime(GuestRequest request) => TimeSpan.FromSeconds(request.LifetimeSeconds);
}
