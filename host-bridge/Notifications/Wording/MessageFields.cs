using System.Globalization;
using System.Text;
using HostBridge.Correlation;
using HostBridge.Notifications.Grouping;
using HostBridge.Notifications.Telling;

namespace HostBridge.Notifications.Wording;

/// <summary>What the names of a template stand for in one message.</summary>
internal static class MessageFields
{
    /// <summary>So many guests get a line of their own.</summary>
    private const int MaxDetails = 30;

    private const int MaxDetailLength = 300;
    private const string Nothing = "nothing";

    /// <summary>The names that a template may use, as people look for them.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "host", "title", "time", "kind", "what", "why", "done", "todo", "details", "left-out", "guest", "uuid", "domain",
        "mount", "verdict", "intent", "incident", "affected", "healed", "recovering", "waiting", "need-operator",
    ];

    /// <summary>The values of all names but the title.</summary>
    /// <param name="batch">What is told.</param>
    /// <param name="host">This host.</param>
    public static Dictionary<string, string> Of(NoticeBatch batch, string host)
    {
        Notice main = MainOf(batch);
        bool isAboutOne = batch.Incident is null && Guests(batch).Count <= 1;
        GuestCounts counts = batch.Counts ?? CountOf(batch);
        string cause = batch.Cause.Length > 0 ? batch.Cause : main.Why;
        return new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["host"] = host,
            ["title"] = TitleOf(batch),
            ["time"] = Time(main.At),
            ["kind"] = Notice.Kinds.ToName(main.Kind),
            ["what"] = isAboutOne || batch.Notices.Count == 1 ? main.What : Summary(batch, counts),
            ["why"] = Or(isAboutOne ? main.Why : cause == main.What ? string.Empty : cause, "not known"),
            ["done"] = Or(main.Done, Nothing),
            ["todo"] = Or(isAboutOne || batch.Notices.Count == 1 ? main.ToDo : ToDo(counts), Nothing),
            ["details"] = Details(batch),
            ["left-out"] = LeftOut(batch.Folded),
            ["guest"] = main.Guest?.Name ?? string.Empty,
            ["uuid"] = main.Guest?.Uuid.ToString("D") ?? string.Empty,
            ["domain"] = main.Domain?.ToString(CultureInfo.InvariantCulture) ?? string.Empty,
            ["mount"] = main.Mount ?? string.Empty,
            ["verdict"] = main.Verdict ?? string.Empty,
            ["intent"] = main.Intent ?? string.Empty,
            ["incident"] = batch.Incident ?? string.Empty,
            ["affected"] = Words.Text(counts.Affected),
            ["healed"] = Words.Text(counts.Healed),
            ["recovering"] = Words.Text(counts.Recovering),
            ["waiting"] = Words.Text(counts.Waiting),
            ["need-operator"] = Words.Text(counts.NeedOperator),
        };
    }

    /// <summary>The notice that matters most: the newest of those that are most urgent.</summary>
    public static Notice MainOf(NoticeBatch batch)
        => batch.Notices
            .OrderByDescending(notice => notice.Kind.IsUrgent()).ThenByDescending(notice => notice.Id).First();

    /// <summary>The newest notice of each guest: those who need a person first, then by the time.</summary>
    public static IReadOnlyList<Notice> Guests(NoticeBatch batch)
        =>
        [
            .. batch.Notices.Where(notice => notice.Guest is not null).GroupBy(notice => notice.Guest!.Uuid)
                .Select(guest => guest.Last())
                .OrderByDescending(notice => notice.Kind.IsUrgent()).ThenBy(notice => notice.Id),
        ];

    /// <summary>The one line that says it all.</summary>
    public static string TitleOf(NoticeBatch batch)
    {
        Notice main = MainOf(batch);
        if (batch.Incident is { } incident)
        {
            bool isOver = batch.Notices.Any(notice => notice.Kind == NoticeKind.StorageOver);
            string state = isOver ? "over; " : string.Empty;
            return batch.Counts is { Affected: > 0 } counts
                ? $"storage {incident}: {state}{Summary(batch, counts)}"
                : $"storage {incident}: {(isOver ? "over" : "lost")}";
        }

        return Guests(batch).Count > 1 ? Summary(batch, CountOf(batch))
            : main.Guest is { } guest ? $"guest {guest.Name}: {Phrase(main)}"
            : Phrase(main);
    }

    private static string Summary(NoticeBatch batch, GuestCounts counts)
    {
        string guests = counts.Affected == 1 ? "1 guest" : $"{Words.Text(counts.Affected)} guests";
        (int Number, string Text)[] parts =
        [
            (counts.Healed, "healed"), (counts.Recovering, "being recovered"), (counts.Waiting, "waiting"),
            (counts.NeedOperator, counts.NeedOperator == 1 ? "needs you" : "need you"),
        ];
        string states = string.Join(
            ", ", parts.Where(part => part.Number > 0).Select(part => $"{Words.Text(part.Number)} {part.Text}"));
        return $"{guests} affected{(batch.Incident is null ? " without a storage incident" : string.Empty)}; {states}";
    }

    private static GuestCounts CountOf(NoticeBatch batch)
    {
        var group = new IncidentGroup(new GroupingLimits(), default);
        foreach (Notice notice in batch.Notices)
        {
            group.Note(notice, default);
        }

        return group.Count();
    }

    private static string Phrase(Notice notice) => notice.Kind switch
    {
        NoticeKind.Problem when notice.Mount is not null => $"{notice.Mount} is {notice.Verdict}",
        NoticeKind.Problem => "something is wrong",
        NoticeKind.RecoveryBegun => "recovery begun",
        NoticeKind.Escalated => "its old boot refuses to end, it is about to be destroyed and created again",
        NoticeKind.GuestDown => "is DOWN",
        NoticeKind.NotDone => "recovery not carried out",
        NoticeKind.Recovered => "recovered",
        NoticeKind.WellAgain => "well again",
        NoticeKind.Gone => "gone",
        NoticeKind.NeedsOperator => "needs you",
        NoticeKind.Test => "test",
        _ => Notice.Kinds.ToName(notice.Kind),
    };

    private static string ToDo(GuestCounts counts) => counts.NeedOperator switch
    {
        0 => Nothing,
        1 => "see to the guest that needs you",
        _ => $"see to the {Words.Text(counts.NeedOperator)} guests that need you, the first below",
    };

    /// <summary>A line for each guest and for what is said of the storage.</summary>
    private static string Details(NoticeBatch batch)
    {
        if (batch.Notices.Count == 1)
        {
            return string.Empty;
        }

        // Of one guest all of it, of several the newest of each.
        IReadOnlyList<Notice> guests = Guests(batch);
        Notice[] told =
        [
            .. batch.Notices.Where(notice => notice.Guest is null),
            .. guests.Count == 1 ? batch.Notices.Where(notice => notice.Guest is not null) : guests,
        ];
        var text = new StringBuilder();
        foreach (Notice notice in told.Take(MaxDetails))
        {
            string who = notice.Guest is { } guest ? $"{guest.Name}: {Phrase(notice)}: " : string.Empty;
            string toDo = notice.Kind.IsUrgent() && notice.ToDo.Length > 0 ? $" -> {notice.ToDo}" : string.Empty;
            string line = $"{Time(notice.At)} {who}{notice.What}{toDo}";
            text.Append(line.Length > MaxDetailLength ? $"{line.AsSpan(0, MaxDetailLength)}..." : line).Append('\n');
        }

        if (told.Length > MaxDetails)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"and {told.Length - MaxDetails} more: \"host-bridge history\" has all of them\n");
        }

        return text.ToString();
    }

    private static string LeftOut(FoldedNotices? folded) => folded is null
        ? string.Empty
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{folded.Count} notices from {Time(folded.Since)} to {Time(folded.Until)} are not told one by one, as they "
                + $"could not be delivered; \"host-bridge history\" has them\n");

    private static string Or(string text, string otherwise) => text.Length > 0 ? text : otherwise;

    private static string Time(DateTimeOffset at)
        => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);
}
