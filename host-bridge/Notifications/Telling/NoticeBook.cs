using System.Globalization;
using HostBridge.Correlation;
using HostBridge.Guests;
using HostBridge.Recovery;
using Protocol.Health;
using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Notifications.Telling;

/// <summary>
/// Decides which of the bridge's steps people are told of: each transition of a guest once, however many entries its
/// story gets. Pure; used by the loop alone. What it knows of a guest is kept while something is wrong with it.
/// </summary>
internal sealed class NoticeBook
{
    private readonly Dictionary<Guid, Episode> _episodes = [];

    /// <summary>What was told before the bridge was started is not told again.</summary>
    /// <param name="notices">What is kept, in its order.</param>
    public void Restore(IEnumerable<Notice> notices)
    {
        foreach (Notice notice in notices)
        {
            if (notice.Guest is { } guest)
            {
                _episodes.Remove(guest.Uuid);
                if (notice.Kind is NoticeKind.Problem or NoticeKind.NeedsOperator or NoticeKind.NotDone)
                {
                    _episodes[guest.Uuid] = new Episode { Told = notice, Cause = notice.Why };
                }
            }
        }
    }

    /// <summary>The notice of an action; null when it is no transition that people are told of.</summary>
    /// <param name="guest">The guest as it is after the step.</param>
    /// <param name="action">One action of the step.</param>
    /// <param name="incident">The LUN group of an open storage incident under it; null without one.</param>
    /// <param name="now">This moment.</param>
    public Notice? Take(GuestRecord guest, RecoveryAction action, string? incident, Moment now)
    {
        Guid uuid = guest.Identity.Uuid;
        Episode episode = _episodes.GetValueOrDefault(uuid) ?? new Episode();
        Draft? draft = action switch
        {
            RecoveryAction.RecordIntent intent => OfIntent(episode, intent),
            RecoveryAction.RecordStep step => OfStep(episode, step),
            RecoveryAction.Tell tell => OfTell(guest, episode, tell),
            _ => null,
        };
        if (draft is not { } told)
        {
            return null;
        }

        if (told.Kind == NoticeKind.Problem)
        {
            episode.Cause = CauseOf(guest, now);
        }

        Notice notice = Write(guest, told, episode, incident, now);
        (episode.Told, episode.IsAcknowledged) = (notice, false);
        bool isOver = told.Kind is NoticeKind.Recovered or NoticeKind.WellAgain
            || (told.Kind == NoticeKind.NotDone && guest.Domain is null);
        if (isOver)
        {
            _episodes.Remove(uuid);
        }
        else
        {
            _episodes[uuid] = episode;
        }

        return notice;
    }

    /// <summary>The notice that a guest with a fault is in no domain any more; null when nothing was wrong with it.</summary>
    public Notice? TakeGone(GuestRecord guest, string? incident, Moment now)
    {
        if (guest.State is not Unknown || !_episodes.Remove(guest.Identity.Uuid, out Episode? episode))
        {
            return null;
        }

        var draft = new Draft(
            NoticeKind.Gone, "its domain is gone: it was stopped, saved or migrated, and not by the bridge",
            IncidentFacts.None, "where it runs now, see that its filesystems are checked");
        return Write(guest, draft, episode, incident, now);
    }

    /// <summary>A person acknowledged: should one be needed again, that is another transition.</summary>
    public void Acknowledge(Guid guest)
    {
        if (_episodes.TryGetValue(guest, out Episode? episode))
        {
            episode.IsAcknowledged = true;
        }
    }

    /// <summary>Forgets guests that the bridge has forgotten.</summary>
    public void Forget(Func<Guid, bool> isKnown)
    {
        foreach (Guid guest in _episodes.Keys.Where(guest => !isKnown(guest)).ToList())
        {
            _episodes.Remove(guest);
        }
    }

    /// <summary>The notice of what a timeline says of a storage incident as a whole; null for anything else.</summary>
    public static Notice? Of(TimelineEntry entry) => entry.Turn switch
    {
        IncidentTurn.Lost => new Notice
        {
            At = entry.At,
            Kind = NoticeKind.StorageLost,
            Incident = entry.LunGroup,
            What = Line(entry.Text),
            Done = "nothing is done to a guest before its storage is stable again",
            ToDo = "bring the storage back; \"host-bridge doctor\" says what this host does meanwhile",
        },
        IncidentTurn.Over => new Notice
        {
            At = entry.At,
            Kind = NoticeKind.StorageOver,
            Incident = entry.LunGroup,
            What = Line(entry.Text),
        },
        _ => null,
    };

    private static Draft OfIntent(Episode episode, RecoveryAction.RecordIntent intent)
    {
        episode.Acts.Clear();
        return new Draft(NoticeKind.RecoveryBegun, intent.Text, intent.Facts, "nothing: how it ends will be told");
    }

    private static Draft? OfStep(Episode episode, RecoveryAction.RecordStep step)
    {
        Draft? draft = step.Step == OfflineStep.Destroying
            ? new Draft(NoticeKind.Escalated, step.Text, step.Facts, "nothing: how it ends will be told")
            : null;
        episode.Note(step.Text);
        return draft;
    }

    private Draft? OfTell(GuestRecord guest, Episode episode, RecoveryAction.Tell tell)
    {
        switch (tell.Kind)
        {
            case TellKind.Operator:
                (string reason, string advice) = Split(tell.Text);
                bool isKnown = !episode.IsAcknowledged && episode.Told is { Kind: NoticeKind.NeedsOperator } told
                    && told.What == Line(reason) && told.ToDo == Line(advice);
                return isKnown ? null : new Draft(NoticeKind.NeedsOperator, reason, tell.Facts, advice);
            case TellKind.Proof:
                string unproved = tell.Facts is { FsckExitCode: null, Rung: Rung.Reboot or Rung.Recreate }
                    ? "nothing urgent: how the check at its boot ended is not known"
                    : string.Empty;
                return new Draft(
                    tell.EndsIntent ? NoticeKind.Recovered : NoticeKind.WellAgain, tell.Text, tell.Facts, unproved);
            case TellKind.Outcome when tell.EndsIntent:
                return new Draft(NoticeKind.NotDone, tell.Text, tell.Facts, "nothing: it is judged anew");
            case TellKind.Action or TellKind.Outcome:
                episode.Note(tell.Text);
                bool isDown = guest.State is Recovering
                {
                    Recreation: { IsDown: true, Work: RecreationWork.Waiting },
                };
                return isDown && episode.Told?.Kind != NoticeKind.GuestDown
                    ? new Draft(NoticeKind.GuestDown, tell.Text, tell.Facts, "create it by hand if it must not wait")
                    : null;
            case TellKind.Gate or TellKind.Decision:
                return OfDecision(guest, episode, tell);
            default:
                return null;
        }
    }

    private Draft? OfDecision(GuestRecord guest, Episode episode, RecoveryAction.Tell tell)
    {
        bool isTold = _episodes.ContainsKey(guest.Identity.Uuid);
        switch (guest.State)
        {
            case Healthy or Unknown when isTold:
                return new Draft(NoticeKind.WellAgain, tell.Text, tell.Facts, string.Empty);
            case AwaitingStorage or Queued or Suspect when tell.Facts.Filesystem is { } filesystem:
                bool isKnown = isTold && episode.Told?.Mount == filesystem.MountPoint.Encoded
                    && episode.Told?.Verdict == filesystem.Verdict.ToName();
                return isKnown ? null : new Draft(NoticeKind.Problem, tell.Text, tell.Facts, AdviceFor(guest));
            case Suspect when guest.Report is null && !isTold:
                // No agent speaks in it, but its console or this host speaks against it.
                return new Draft(NoticeKind.Problem, tell.Text, tell.Facts, AdviceFor(guest));
            default:
                return null;
        }
    }

    private static string AdviceFor(GuestRecord guest) => guest.State switch
    {
        AwaitingStorage => "bring its storage back; the bridge goes on by itself",
        Queued => "nothing: the bridge goes on by itself",
        _ => "look at the guest; the bridge does nothing about this by itself",
    };

    private static Notice Write(GuestRecord guest, Draft draft, Episode episode, string? incident, Moment now) => new()
    {
        At = now.Wall,
        Kind = draft.Kind,
        Guest = guest.Identity,
        Domain = guest.Domain?.Value,
        Incident = incident,
        LunGroups = guest.Storage.LunGroups,
        Intent = draft.Facts.RequestId.IsNone ? null : draft.Facts.RequestId.ToString(),
        Mount = draft.Facts.Filesystem?.MountPoint.Encoded,
        Verdict = draft.Facts.Filesystem?.Verdict.ToName(),
        What = Line(draft.What),
        Why = Line(episode.Cause.Length > 0 ? episode.Cause : CauseOf(guest, now)),
        Done = Line(string.Join("; ", episode.Acts)),
        ToDo = Line(draft.ToDo),
    };

    /// <summary>What this host itself knows of the reason, apart from the guest's words.</summary>
    private static string CauseOf(GuestRecord guest, Moment now) => guest.Storage switch
    {
        { LastFault: { } fault } => string.Create(
            CultureInfo.InvariantCulture,
            $"this host saw at {now.Wall - (now.Elapsed - fault.At):HH:mm:ss} UTC: {fault.Text}"),
        { Gate: StorageGate.Closed closed } => $"its storage: {closed.Reasons}",
        _ => "this host saw no fault of its disks",
    };

    /// <summary>Every reason for an operator ends with what is to be done.</summary>
    private static (string Reason, string Advice) Split(string text)
    {
        int end = text.LastIndexOf("; ", StringComparison.Ordinal);
        return end < 0 ? (text, string.Empty) : (text[..end], text[(end + 2)..]);
    }

    private static string Line(string text) => Printable.Escape(text, Notice.MaxTextLength - 3);

    /// <summary>A notice before the guest and its history are added.</summary>
    private readonly record struct Draft(NoticeKind Kind, string What, IncidentFacts Facts, string ToDo);

    /// <summary>What was told of one guest since something went wrong with it.</summary>
    private sealed class Episode
    {
        private const int MaxActs = 6;

        public Notice? Told { get; set; }

        public string Cause { get; set; } = string.Empty;

        public bool IsAcknowledged { get; set; }

        public List<string> Acts { get; } = [];

        public void Note(string act)
        {
            Acts.Add(act);
            if (Acts.Count > MaxActs)
            {
                Acts.RemoveAt(0);
            }
        }
    }
}
