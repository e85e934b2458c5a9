using HostBridge.Notifications.Telling;

namespace HostBridge.Notifications.Grouping;

/// <summary>How the guests of a storage incident stand.</summary>
/// <param name="Affected">How many guests something was told of.</param>
/// <param name="Healed">How many of them were proved or found well again.</param>
/// <param name="Recovering">With how many the bridge is at work.</param>
/// <param name="Waiting">How many wait, or run here no more.</param>
/// <param name="NeedOperator">For how many a person is needed.</param>
internal readonly record struct GuestCounts(int Affected, int Healed, int Recovering, int Waiting, int NeedOperator);

/// <summary>Notices that were told by their number alone, as they waited for too long or there were too many.</summary>
/// <param name="Count">How many.</param>
/// <param name="Since">When the oldest of them happened.</param>
/// <param name="Until">When the newest of them happened.</param>
internal sealed record FoldedNotices(int Count, DateTimeOffset Since, DateTimeOffset Until)
{
    /// <summary>Those and one more.</summary>
    public static FoldedNotices Add(FoldedNotices? folded, Notice notice) => folded is null
        ? new FoldedNotices(1, notice.At, notice.At)
        : new FoldedNotices(
            folded.Count + 1,
            notice.At < folded.Since ? notice.At : folded.Since,
            notice.At > folded.Until ? notice.At : folded.Until);
}

/// <summary>What one message is to tell.</summary>
/// <param name="Notices">The notices, in their order; at least one.</param>
internal sealed record NoticeBatch(IReadOnlyList<Notice> Notices)
{
    /// <summary>The LUN group of the storage incident it is about; null when it is about none.</summary>
    public string? Incident { get; init; }

    /// <summary>What began the incident; empty when that is not known.</summary>
    public string Cause { get; init; } = string.Empty;

    /// <summary>How its guests stand; null without an incident.</summary>
    public GuestCounts? Counts { get; init; }

    /// <summary>What is told by its number alone; null for nothing.</summary>
    public FoldedNotices? Folded { get; init; }
}
