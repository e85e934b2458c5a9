namespace HostBridge.Notifications.Grouping;

/// <summary>How notices are gathered into messages, and how many messages there may be.</summary>
internal sealed record GroupingLimits
{
    /// <summary>How long the first words of a storage incident are gathered: many guests are hit at once.</summary>
    public TimeSpan FirstWindow { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long it is gathered of whom a person is needed, within a storage incident.</summary>
    public TimeSpan UrgentWindow { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a guest with a trouble of its own is held back, in case others have the same.</summary>
    public TimeSpan SingleWindow { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The least time from the message of a storage incident with this number to the next one that tells of progress.
    /// The last holds for all further ones. The end of the incident is told at once.
    /// </summary>
    public IReadOnlyList<TimeSpan> ProgressAfter { get; init; } =
        [TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(15), TimeSpan.FromHours(2), TimeSpan.FromHours(12)];

    /// <summary>The same for a message that tells that a person is needed for more guests.</summary>
    public IReadOnlyList<TimeSpan> UrgentAfter { get; init; } =
        [TimeSpan.Zero, TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(30)];

    /// <summary>More guests than this with troubles of their own at one time share one message.</summary>
    public int MaxSingles { get; init; } = 3;

    /// <summary>How many messages outside of storage incidents there may be in a burst, and the pace after it.</summary>
    public int SingleBurst { get; init; } = 9;

    /// <summary>The pace after the burst.</summary>
    public TimeSpan SingleRefill { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How many messages one guest may cause in a burst: a guest may flap, or mean ill.</summary>
    public int GuestBurst { get; init; } = 6;

    /// <summary>The pace after the guest's burst.</summary>
    public TimeSpan GuestRefill { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How many notices wait for one carrier; of older ones only the number is told.</summary>
    public int MaxWaiting { get; init; } = 2000;

    /// <summary>How long a notice waits for one carrier; then only the number is told.</summary>
    public TimeSpan MaxWait { get; init; } = TimeSpan.FromDays(1);

    /// <summary>How long a storage incident is remembered of which nothing is heard any more.</summary>
    public TimeSpan GroupIdle { get; init; } = TimeSpan.FromDays(1);

    /// <summary>The wait after a first delivery that failed; it doubles each time.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest wait between two attempts.</summary>
    public TimeSpan LongestRetry { get; init; } = TimeSpan.FromMinutes(5);
}
