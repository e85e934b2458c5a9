namespace HostBridge.Admin.Views;

/// <summary>What <c>explain</c> answers: everything that leads to what is done with one guest, or to nothing.</summary>
internal sealed record ExplainDocument
{
    /// <summary>The schema.</summary>
    public int Schema { get; init; } = AdminSchema.Current;

    /// <summary>The moment of everything in here.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The guest in short.</summary>
    public required GuestLine Guest { get; init; }

    /// <summary>What its newest report says of each filesystem, as it lists them.</summary>
    public required IReadOnlyList<FilesystemLine> Filesystems { get; init; }

    /// <summary>What its console showed of its filesystems; null for nothing.</summary>
    public string? Console { get; init; }

    /// <summary>Its disks on this host.</summary>
    public required IReadOnlyList<DiskLine> Disks { get; init; }

    /// <summary>What would be done once nothing stands in the way; null when nothing would.</summary>
    public string? WouldDo { get; init; }

    /// <summary>What stands in the way, what weighs most first.</summary>
    public required IReadOnlyList<HindranceLine> Hindrances { get; init; }

    /// <summary>When its recoveries within the window began, the newest last.</summary>
    public required IReadOnlyList<DateTimeOffset> Recoveries { get; init; }

    /// <summary>The most recoveries within the window.</summary>
    public required int MostRecoveries { get; init; }

    /// <summary>The window, in seconds.</summary>
    public required double RecoveryWindowSeconds { get; init; }

    /// <summary>Until when a person's order holds; null when there is none.</summary>
    public DateTimeOffset? OrderedUntil { get; init; }

    /// <summary>The settings in force for this guest.</summary>
    public required IReadOnlyList<PolicyLine> Policy { get; init; }
}

/// <summary>One filesystem as its guest reports it.</summary>
internal sealed record FilesystemLine
{
    /// <summary>Where it is mounted.</summary>
    public required string MountPoint { get; init; }

    /// <summary>Its device in the guest.</summary>
    public required string Device { get; init; }

    /// <summary>Its type.</summary>
    public required string Type { get; init; }

    /// <summary>The verdict.</summary>
    public required string Verdict { get; init; }

    /// <summary>Whether the mount table hides the fault.</summary>
    public required bool Hidden { get; init; }

    /// <summary>What the mount table claims: <c>rw</c> or <c>ro</c>.</summary>
    public required string Claims { get; init; }

    /// <summary>Since when, on the guest's own clock.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Since when data is lost, on the guest's own clock; null when none is known to be.</summary>
    public DateTimeOffset? DataLossSince { get; init; }

    /// <summary>
    /// Why it is unknown or read-only by design, as a sentence; null for other verdicts, and where its agent does not
    /// report it.
    /// </summary>
    public string? Why { get; init; }

    /// <summary>Where the disks under it come from; empty where its agent does not report it.</summary>
    public required IReadOnlyList<string> Origins { get; init; }

    /// <summary>Whether a boot checks it: <c>checked</c>, <c>not-checked</c>, <c>not-known</c>.</summary>
    public required string BootCheck { get; init; }

    /// <summary>Why a boot does not check it; null where it does, or where that is not known.</summary>
    public string? BootCheckWhy { get; init; }

    /// <summary>Why nothing is repaired there from this host, for an operator; null where this host serves its disks.</summary>
    public string? NotServed { get; init; }

    /// <summary>The evidence, as <c>kind:detail</c>.</summary>
    public required IReadOnlyList<string> Evidence { get; init; }
}

/// <summary>One disk of a guest on this host.</summary>
internal sealed record DiskLine
{
    /// <summary>Its number, as lsblk has it, or its name where it has none.</summary>
    public required string Name { get; init; }

    /// <summary>Whether it lets the gate be open.</summary>
    public required bool Stable { get; init; }

    /// <summary>Why it does not; null when it does.</summary>
    public string? WhyNot { get; init; }

    /// <summary>What the last look found; empty before the first.</summary>
    public required string Text { get; init; }

    /// <summary>Since when it can be used; null when it cannot.</summary>
    public DateTimeOffset? UsableSince { get; init; }

    /// <summary>When it will have been usable for long enough; null when it has, or cannot be used.</summary>
    public DateTimeOffset? StableAt { get; init; }

    /// <summary>The newest fault that this host saw on it; null when it saw none.</summary>
    public string? LastFault { get; init; }

    /// <summary>When; null when it saw none.</summary>
    public DateTimeOffset? LastFaultAt { get; init; }

    /// <summary>The paths that are lost beside one that carries it; null for none.</summary>
    public string? LostPaths { get; init; }

    /// <summary>The LUN groups it belongs to.</summary>
    public IReadOnlyList<string> LunGroups { get; init; } = [];

    /// <summary>Its size in bytes; null when it is not known.</summary>
    public long? SizeBytes { get; init; }
}

/// <summary>One thing that stands in the way.</summary>
internal sealed record HindranceLine
{
    /// <summary>A word for it.</summary>
    public required string Kind { get; init; }

    /// <summary>What it is; for a person.</summary>
    public required string Text { get; init; }

    /// <summary>What changes it: a command, a key of the configuration, or what to look at.</summary>
    public required string Remedy { get; init; }

    /// <summary>When time alone ends it; null when something else does.</summary>
    public DateTimeOffset? EndsAt { get; init; }

    /// <summary>Whether <c>host-bridge recover</c> goes over it.</summary>
    public required bool YieldsToRecover { get; init; }
}

/// <summary>One setting in force for a guest.</summary>
/// <param name="Key">Its name.</param>
/// <param name="Value">Its value for this guest.</param>
/// <param name="HostWide">Its value for a guest without settings of its own.</param>
internal sealed record PolicyLine(string Key, string Value, string HostWide);
