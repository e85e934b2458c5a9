using HostBridge.Recovery;
using Protocol.Health;

namespace HostBridge.Notifications.Telling;

/// <summary>
/// One transition, for people: what happened, why, what was done and what is to do. Every text is printable, one line
/// and at most <see cref="MaxTextLength"/> characters.
/// </summary>
internal sealed record Notice
{
    /// <summary>The most characters of each text.</summary>
    public const int MaxTextLength = 1000;

    /// <summary>The words of the kinds: <c>needs-operator</c>.</summary>
    public static readonly KebabNames<NoticeKind> Kinds = new();

    /// <summary>Its number; it grows. 0 before it was given one.</summary>
    public long Id { get; init; }

    /// <summary>When it happened, on Dom0's wall clock.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>What happened.</summary>
    public required NoticeKind Kind { get; init; }

    /// <summary>The guest; null when it is about storage.</summary>
    public GuestIdentity? Guest { get; init; }

    /// <summary>The domain it ran in; null when none is known.</summary>
    public int? Domain { get; init; }

    /// <summary>The LUN group on which a storage incident is open that this belongs to; null when none is.</summary>
    public string? Incident { get; init; }

    /// <summary>Every LUN group under the guest: an incident may be seen only after the guest told.</summary>
    public IReadOnlyList<string> LunGroups { get; init; } = [];

    /// <summary>The intent of a recovery; null without one.</summary>
    public string? Intent { get; init; }

    /// <summary>The mount point, percent-encoded; null without one.</summary>
    public string? Mount { get; init; }

    /// <summary>The verdict; null without one.</summary>
    public string? Verdict { get; init; }

    /// <summary>What happened.</summary>
    public required string What { get; init; }

    /// <summary>Why, as far as this host knows; empty when that says nothing.</summary>
    public string Why { get; init; } = string.Empty;

    /// <summary>What the bridge did; empty when nothing.</summary>
    public string Done { get; init; } = string.Empty;

    /// <summary>What is to be done by a person; empty when nothing.</summary>
    public string ToDo { get; init; } = string.Empty;
}
