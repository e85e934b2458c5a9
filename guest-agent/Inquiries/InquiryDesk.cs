using GuestAgent.Detection;
using Protocol.Health;

namespace GuestAgent.Inquiries;

/// <summary>An answer, and whose question it belongs to.</summary>
internal readonly record struct InquiryAnswer(long ClientId, StatusDocument Document);

/// <summary>
/// Questions from within the guest. One for the state is answered at once; one for a probe when every filesystem it
/// names was probed after it came, or when that takes too long, which is an answer too.
/// </summary>
internal sealed class InquiryDesk(BootId bootId, string agentVersion)
{
    /// <summary>How long a probe is waited for. Longer than it takes to call a filesystem hung.</summary>
    public static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(8);

    /// <summary>What each answer says of the configuration; null: it was read.</summary>
    public string? ConfigurationTrouble { get; set; }

    private readonly List<Waiting> _waiting = [];

    private sealed record Waiting(long ClientId, Inquiry? Inquiry, Moment AskedAt);

    /// <summary>When this desk must be looked at again though nothing happened; null when nobody waits.</summary>
    public Moment? Due => _waiting.Count == 0 ? null : _waiting[0].AskedAt + ProbeLimit;

    /// <summary>A question came; null is one that is not understood. Says which devices must be probed for it.</summary>
    public IReadOnlyList<DeviceNumber> Take(long clientId, Inquiry? inquiry, Detector detector, Moment now)
    {
        _waiting.Add(new Waiting(clientId, inquiry, now));
        return inquiry is { Kind: InquiryKind.Probe } ? [.. Meant(inquiry, detector).Select(one => one.Device)] : [];
    }

    /// <summary>The answers that can be given now.</summary>
    /// <param name="detector">What is held true.</param>
    /// <param name="intervals">How often is probed.</param>
    /// <param name="sequence">The last report's sequence.</param>
    /// <param name="xenstore">How the link is.</param>
    /// <param name="recovery">What the host last did for this guest; null when nothing is known.</param>
    /// <param name="now">The time.</param>
    public IReadOnlyList<InquiryAnswer> TakeAnswers(
        Detector detector, ProbeIntervals intervals, long sequence, string xenstore, LastRecovery? recovery,
        Moment now)
    {
        if (_waiting.Count == 0)
        {
            return [];
        }

        var blank = new StatusDocument
        {
            AgentVersion = agentVersion,
            BootId = bootId,
            Sequence = sequence,
            Xenstore = xenstore,
            LastRecovery = recovery,
            Configuration = ConfigurationTrouble,
        };
        var answers = new List<InquiryAnswer>();
        foreach (Waiting one in _waiting)
        {
            if (Answer(one, blank, detector, intervals, now) is { } document)
            {
                answers.Add(new InquiryAnswer(one.ClientId, document));
            }
        }

        _waiting.RemoveAll(one => answers.Exists(answer => answer.ClientId == one.ClientId));
        return answers;
    }

    private static StatusDocument? Answer(
        Waiting waiting, StatusDocument blank, Detector detector, ProbeIntervals intervals, Moment now)
    {
        if (waiting.Inquiry is not { } inquiry)
        {
            return blank with { Error = InquiryError.NotUnderstood };
        }

        WatchedFilesystem[] meant = [.. Meant(inquiry, detector)];
        if (meant.Length == 0 && inquiry.MountPoint is not null)
        {
            return blank with { Error = InquiryError.NotWatched };
        }

        bool isProbe = inquiry.Kind == InquiryKind.Probe;
        bool isLate = now - waiting.AskedAt >= ProbeLimit;
        if (isProbe && !isLate && !meant.All(one => !one.Mount.IsProbed || IsFresh(one, waiting.AskedAt)))
        {
            return null;
        }

        return blank with
        {
            FilesystemCount = meant.Length,
            Severity = StatusDocument.WorstOf(meant.Select(one => one.Health)),
            Filesystems = [.. meant
                .Take(GuestReport.MaxFilesystems)
                .Select(one => new FilesystemStatus(
                    one.Health, isProbe && one.Mount.IsProbed ? News(one, waiting.AskedAt, now) : null)
                {
                    ProbeAge = one.Probe.Last is null ? null : now - one.Probe.LastFinishedAt,
                    ProbeInterval = intervals.Of(one),
                })],
        };
    }

    private static IEnumerable<WatchedFilesystem> Meant(Inquiry inquiry, Detector detector)
        => WorstFirst(detector).Where(one => inquiry.MountPoint is not { } meant || one.Mount.ReportedAt == meant || one.Mount.MountPoint == meant);

    private static IEnumerable<WatchedFilesystem> WorstFirst(Detector detector)
        => detector.Filesystems.Values
            .OrderByDescending(one => one.Health.Verdict.ToRank())
            .ThenByDescending(one => one.Role)
            .ThenBy(one => one.Mount.ReportedAt.Encoded, StringComparer.Ordinal);

    /// <summary>A probe that began after the question has come back.</summary>
    private static bool IsFresh(WatchedFilesystem one, Moment askedAt)
        => one.Probe is { OutstandingId: null, Last: not null, Fruitless: 0 } && askedAt.HasCome(one.Probe.StartedAt);

    private static ProbeNews News(WatchedFilesystem one, Moment askedAt, Moment now)
        => IsFresh(one, askedAt) && one.Probe.Last is { } last
            ? new ProbeNews(IsFresh: true, last.ErrnoName, Math.Round(last.Duration.TotalMilliseconds, 3))
            : new ProbeNews(
                IsFresh: false, ProbeNews.Outstanding,
                Math.Round((now - OutstandingSince(one, askedAt)).TotalMilliseconds));

    private static Moment OutstandingSince(WatchedFilesystem one, Moment askedAt)
        => one.Probe.OutstandingId is null ? askedAt : one.Probe.StartedAt;
}
