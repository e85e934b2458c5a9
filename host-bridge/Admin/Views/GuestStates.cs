using HostBridge.Recovery;
using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Admin.Views;

/// <summary>The words for where a guest stands, and how bad each is.</summary>
internal static class GuestStates
{
    /// <summary>A person is needed.</summary>
    public const string NeedsOperator = "needs-operator";

    /// <summary>Something is wrong that could be recovered, and is not.</summary>
    public const string Withheld = "withheld";

    /// <summary>Something is wrong, and its storage is not stable.</summary>
    public const string AwaitingStorage = "awaiting-storage";

    /// <summary>Decided; waits for its turn.</summary>
    public const string Queued = "queued";

    /// <summary>A recovery is under way.</summary>
    public const string Recovering = "recovering";

    /// <summary>A recovery is being proved.</summary>
    public const string Verifying = "verifying";

    /// <summary>The bridge was stopped in the middle of a recovery, and finds out what became of it.</summary>
    public const string Resuming = "resuming";

    /// <summary>Something is doubtful.</summary>
    public const string Suspect = "suspect";

    /// <summary>Nothing was heard of it yet.</summary>
    public const string Unknown = "unknown";

    /// <summary>It runs in no domain of this host.</summary>
    public const string Absent = "absent";

    /// <summary>Everything that it reports is well.</summary>
    public const string Healthy = "healthy";

    private static readonly string[] WorstFirst =
    [
        NeedsOperator, Withheld, AwaitingStorage, Queued, Recovering, Verifying, Resuming, Suspect, Unknown, Absent,
        Healthy,
    ];

    /// <summary>The word for where a guest stands.</summary>
    public static string Of(GuestPicture guest) => guest.Record.State switch
    {
        RecoveryState.NeedsOperator => NeedsOperator,
        RecoveryState.AwaitingStorage => AwaitingStorage,
        RecoveryState.Queued => Queued,
        RecoveryState.Recovering => Recovering,
        RecoveryState.Verifying => Verifying,
        RecoveryState.Resuming => Resuming,
        RecoveryState.Healthy => Healthy,
        RecoveryState.Suspect when guest.Outlook.Rung is Rung.Remount or Rung.Repair or Rung.Reboot => Withheld,
        RecoveryState.Suspect when IsOnlyUnheard(guest) => Unknown,
        RecoveryState.Suspect => Suspect,
        _ => guest.Record.Domain is null ? Absent : Unknown,
    };

    /// <summary>
    /// Whether all that is doubtful is that it was not heard yet: so are all guests in the first minute of a bridge, and
    /// that is no reason to wake anybody.
    /// </summary>
    public static bool IsOnlyUnheard(GuestPicture guest)
        => !guest.Record.IsHeard && guest.Record.Report is not null
            && guest.Outlook.Hindrances is [{ Kind: HindranceKind.NothingWrong }];

    /// <summary>0 for the worst.</summary>
    public static int Rank(string state)
        => System.Array.IndexOf(WorstFirst, state) is >= 0 and var rank ? rank : WorstFirst.Length;

    /// <summary>Whether a person who looks for what is wrong wants to see it.</summary>
    public static bool IsWorthALine(string state) => state is not (Healthy or Absent);

    /// <summary>Why it is in that state; null when the state says it all.</summary>
    public static string? Reason(RecoveryState state) => state switch
    {
        RecoveryState.NeedsOperator { Reason: var reason } => reason,
        RecoveryState.Suspect { Reason: var reason } => reason,
        RecoveryState.AwaitingStorage { Reasons: var reasons } => reasons,
        _ => null,
    };
}
