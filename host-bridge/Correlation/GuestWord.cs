using System.Globalization;
using HostBridge.Recovery;
using Protocol.Health;

namespace HostBridge.Correlation;

/// <summary>What a guest said of itself, or what the bridge decided or did for it.</summary>
/// <param name="Guest">The guest.</param>
/// <param name="Source">Who says it.</param>
/// <param name="At">When this host heard or decided it, on the monotonic clock; never the guest's own time.</param>
/// <param name="Text">What.</param>
internal sealed record GuestWord(GuestIdentity Guest, TimelineSource Source, TimeSpan At, string Text)
{
    /// <summary>
    /// A guest's clock that tells of more than this before it was heard is worth a remark: what an agent finds it says
    /// at once, but calls a filesystem hung after 120 s.
    /// </summary>
    private static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(5);

    /// <summary>What two clocks differ by that are well.</summary>
    private static readonly TimeSpan MaxAhead = TimeSpan.FromSeconds(5);

    /// <summary>It says why the guest waits for its storage.</summary>
    public bool IsWaiting { get; init; }

    /// <summary>
    /// It tells of an act, its proof or a person that is needed: there are few of them, and none is left out.
    /// </summary>
    public bool IsNeeded { get; init; }

    /// <summary>It tells of a fault, so it is of interest even when it came before this host saw one.</summary>
    public bool IsFault { get; init; }

    /// <summary>What one step of a guest says.</summary>
    public static IReadOnlyList<GuestWord> Of(
        GuestRecord guest, RecoveryInput input, IReadOnlyList<RecoveryAction> actions, Moment now)
    {
        var words = new List<GuestWord>();
        if (input is RecoveryInput.DomainGone)
        {
            words.Add(new GuestWord(guest.Identity, TimelineSource.Bridge, now.Elapsed, "its domain is gone"));
        }
        else if (input is RecoveryInput.DomainAppeared appeared)
        {
            words.Add(new GuestWord(
                guest.Identity, TimelineSource.Bridge, now.Elapsed, $"it runs as domain {appeared.Domain}"));
        }

        foreach (RecoveryAction action in actions)
        {
            if (action is RecoveryAction.RecordIntent intent)
            {
                words.Add(new GuestWord(guest.Identity, TimelineSource.Bridge, now.Elapsed, intent.Text)
                {
                    IsNeeded = true,
                });
            }
            else if (action is RecoveryAction.Tell tell)
            {
                words.Add(Of(guest.Identity, tell, now));
            }
        }

        return words;
    }

    private static GuestWord Of(GuestIdentity guest, RecoveryAction.Tell tell, Moment now)
    {
        bool isReport = tell.Kind == TellKind.Report;
        bool isFault = isReport && tell.Facts.Filesystem is { } filesystem && !Triage.IsWell(filesystem.Verdict);
        string remark = isFault ? RemarkOn(tell.Facts.Filesystem!.Since, now.Wall) : string.Empty;
        return new GuestWord(
            guest, isReport ? TimelineSource.Guest : TimelineSource.Bridge, now.Elapsed, tell.Text + remark)
        {
            IsWaiting = tell.Kind == TellKind.Gate,
            IsNeeded = tell.Kind is TellKind.Proof or TellKind.Operator || tell.EndsIntent,
            IsFault = isFault,
        };
    }

    /// <summary>The guest's clock is its own and may be hours off: its claim is shown where it does not fit.</summary>
    private static string RemarkOn(DateTimeOffset claimed, DateTimeOffset heard)
    {
        TimeSpan age = heard - claimed;
        return age > MaxAge || age < -MaxAhead
            ? string.Create(
                CultureInfo.InvariantCulture,
                $" (by its own clock since {claimed.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC, {Words.Duration(age)} "
                    + $"{(age > TimeSpan.Zero ? "before" : "after")} this host heard it)")
            : string.Empty;
    }
}
