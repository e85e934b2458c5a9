using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>Evidence that led to a request which the guest refused: it leads to no other.</summary>
/// <param name="Sequence">Reports of the same boot up to this one are spent.</param>
/// <param name="At">When, on the monotonic clock.</param>
internal sealed record SpentEvidence(long Sequence, TimeSpan At);

/// <summary>A request for a sign of life: a probe, which changes nothing.</summary>
/// <param name="RequestId">Its id.</param>
/// <param name="At">When it was sent, on the monotonic clock.</param>
internal sealed record LifeRequest(RequestId RequestId, TimeSpan At);

/// <summary>What is left in a guest of its last recovery.</summary>
/// <param name="Recovery">The recovery.</param>
/// <param name="Boot">The boot that ran when it ended.</param>
internal sealed record GuestWordLeft(LastRecovery Recovery, BootId Boot)
{
    /// <summary>Whether it was brought to that boot.</summary>
    public bool IsBrought { get; init; }
}

/// <summary>Everything the bridge knows of one guest. Immutable: a step of the machine returns the next one.</summary>
internal sealed record GuestRecord
{
    /// <summary>The most boots of one guest that are remembered as over.</summary>
    public const int MaxPastBoots = 8;

    /// <summary>Who it is.</summary>
    public required GuestIdentity Identity { get; init; }

    /// <summary>The domain it runs in; null when none is known.</summary>
    public DomainId? Domain { get; init; }

    /// <summary>
    /// Another living domain with its uuid, the last that was seen; null when there is none. As long as there is one,
    /// nobody can tell which of them is the guest, and nothing is done to either; nor for a while after, as it may be
    /// restarting.
    /// </summary>
    public DomainId? Twin { get; init; }

    /// <summary>When that one was gone, on the monotonic clock; null while it lives, or when there is none.</summary>
    public TimeSpan? TwinGoneAt { get; init; }

    /// <summary>Its disks.</summary>
    public GuestDisks Disks { get; init; } = GuestDisks.None;

    /// <summary>The newest report; null before the first and after the domain is gone.</summary>
    public GuestReport? Report { get; init; }

    /// <summary>When its last sign of life came, or else when its domain appeared; on the monotonic clock.</summary>
    public TimeSpan HeardAt { get; init; }

    /// <summary>
    /// The boot that gave a sign of life: it wrote while the bridge listened, or answered. What already stood there
    /// when the bridge began to read is none, as its writer may be dead.
    /// </summary>
    public BootId HeardBoot { get; init; }

    /// <summary>The last request for a sign of life; null when none is out.</summary>
    public LifeRequest? LifeRequest { get; init; }

    /// <summary>Boots of its domain that are over, the newest last: their words count no more.</summary>
    public IReadOnlyList<BootId> PastBoots { get; init; } = [];

    /// <summary>The newest boot that was heard of; it outlives the domain.</summary>
    public BootId CurrentBoot { get; init; }

    /// <summary>Its storage.</summary>
    public StorageView Storage { get; init; } = StorageView.Unknown;

    /// <summary>The fault that matters most now; null when there is none.</summary>
    public Fault? Fault { get; init; }

    /// <summary>
    /// The filesystems that were faulty when they were last listed. One that is not listed any more, or as in doubt, stays
    /// here until it is listed as well again: out of sight is not well.
    /// </summary>
    public IReadOnlyList<FilesystemHealth> LastSeenFaulty { get; init; } = [];

    /// <summary>
    /// Until when what is out of sight may come back by itself, on the monotonic clock; null when nothing is out of sight.
    /// </summary>
    public TimeSpan? OutOfSightUntil { get; init; }

    /// <summary>The worst that its console showed since it booted; null when nothing.</summary>
    public ConsoleSign.Fault? ConsoleFault { get; init; }

    /// <summary>What is still to be left in it of its last recovery; null when nothing is.</summary>
    public GuestWordLeft? Word { get; init; }

    /// <summary>Evidence of this boot that is used up; null when none is.</summary>
    public SpentEvidence? Spent { get; init; }

    /// <summary>The filesystem on which a remount was tried in vain during this boot; null when on none.</summary>
    public MountPoint? RemountTriedOn { get; init; }

    /// <summary>The filesystem on which a repair was tried in vain during this boot; null when on none.</summary>
    public MountPoint? RepairTriedOn { get; init; }

    /// <summary>When <see cref="HeardBoot"/> was first heard, on the monotonic clock.</summary>
    public TimeSpan BootHeardAt { get; init; }

    /// <summary>When its recoveries began, on the monotonic clock, the newest last.</summary>
    public IReadOnlyList<TimeSpan> Recoveries { get; init; } = [];

    /// <summary>A person's order to recover it; null when there is none.</summary>
    public RecoveryOrder? Order { get; init; }

    /// <summary>Where its recovery stands.</summary>
    public RecoveryState State { get; init; } = new RecoveryState.Unknown();

    /// <summary>Whether the boot whose words are known was itself heard alive.</summary>
    public bool IsHeard => !CurrentBoot.IsNone && HeardBoot == CurrentBoot;

    /// <summary>The filesystems that were faulty and are not listed any more.</summary>
    public IEnumerable<FilesystemHealth> OutOfSight
        => LastSeenFaulty.Where(faulty
            => Report?.Filesystems.Any(one => one.MountPoint == faulty.MountPoint) != true);

    /// <summary>The first of them; null when there is none.</summary>
    public FilesystemHealth? Vanished => LastSeenFaulty.Count == 0 ? null : OutOfSight.FirstOrDefault();
}
