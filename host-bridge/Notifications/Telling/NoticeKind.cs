namespace HostBridge.Notifications.Telling;

/// <summary>The transitions of which people are told.</summary>
internal enum NoticeKind
{
    /// <summary>A guest has a fault, or became worse.</summary>
    Problem = 0,

    /// <summary>The bridge is about to recover a guest.</summary>
    RecoveryBegun,

    /// <summary>The old boot refuses to end: the bridge is about to destroy the domain.</summary>
    Escalated,

    /// <summary>A guest that the bridge destroyed is down, and something keeps it from being created again.</summary>
    GuestDown,

    /// <summary>A recovery that was begun ended without an act, or without a proof and without blame.</summary>
    NotDone,

    /// <summary>A recovery was proved.</summary>
    Recovered,

    /// <summary>A guest that had a fault is well, by itself or by a person.</summary>
    WellAgain,

    /// <summary>A guest that had a fault runs here no more: stopped, saved or migrated.</summary>
    Gone,

    /// <summary>The bridge does no more for a guest: a person is needed.</summary>
    NeedsOperator,

    /// <summary>Storage of this host under guests is lost.</summary>
    StorageLost,

    /// <summary>An incident of the storage is over.</summary>
    StorageOver,

    /// <summary>Somebody tries whether notices arrive.</summary>
    Test,
}

/// <summary>What holds of a kind of notice.</summary>
internal static class NoticeKinds
{
    /// <summary>Whether it must not wait long to be told: a person has to do something.</summary>
    public static bool IsUrgent(this NoticeKind kind) => kind is NoticeKind.NeedsOperator or NoticeKind.GuestDown;

    /// <summary>The priority of syslog(3): 2 critical, 3 error, 4 warning, 5 notice.</summary>
    public static int ToPriority(this NoticeKind kind) => kind switch
    {
        NoticeKind.GuestDown => 2,
        NoticeKind.NeedsOperator or NoticeKind.StorageLost => 3,
        NoticeKind.Problem or NoticeKind.Escalated => 4,
        _ => 5,
    };
}
