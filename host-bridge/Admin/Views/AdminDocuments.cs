namespace HostBridge.Admin.Views;

/// <summary>The contract of <c>--json</c> and of the socket; ADMIN.md lists the fields.</summary>
internal static class AdminSchema
{
    /// <summary>Grows when a field changes its meaning or goes; new fields may come at any time.</summary>
    public const int Current = 1;
}

/// <summary>What <c>status</c> answers.</summary>
internal sealed record StatusDocument
{
    /// <summary>The schema.</summary>
    public int Schema { get; init; } = AdminSchema.Current;

    /// <summary>The moment of everything in here.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The bridge itself.</summary>
    public required BridgeLine Bridge { get; init; }

    /// <summary>How many guests are in each state, by the word of the state; those with none are left out.</summary>
    public required IReadOnlyDictionary<string, int> Counts { get; init; }

    /// <summary>The storage incidents that are open.</summary>
    public required IReadOnlyList<StorageIncidentLine> StorageIncidents { get; init; }

    /// <summary>Every guest, the worst first.</summary>
    public required IReadOnlyList<GuestLine> Guests { get; init; }
}

/// <summary>The bridge itself.</summary>
internal sealed record BridgeLine
{
    /// <summary>Its version.</summary>
    public required string Version { get; init; }

    /// <summary>When it started.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary><c>observe</c> or <c>recover</c>.</summary>
    public required string Mode { get; init; }

    /// <summary>Whether all of it is paused.</summary>
    public bool Paused { get; init; }

    /// <summary>When that pause ends by itself; null when a person ends it, or when there is none.</summary>
    public DateTimeOffset? PausedUntil { get; init; }

    /// <summary>How many guests are heard over xenstore.</summary>
    public int HeardOverXenstore { get; init; }

    /// <summary>How many guests are heard over the console channel.</summary>
    public int HeardOverChannel { get; init; }

    /// <summary>Why nothing can be recorded, and so nothing is done; null when all is well.</summary>
    public string? StateTrouble { get; init; }

    /// <summary>Why the files of the configuration are not known, and what is in force; null when they were read.</summary>
    public string? ConfigurationTrouble { get; init; }

    /// <summary>How many entries of what was told had no room since the start.</summary>
    public long StateDropped { get; init; }
}

/// <summary>A storage incident that is open.</summary>
/// <param name="LunGroup">Its LUN group.</param>
/// <param name="Since">When it began.</param>
internal sealed record StorageIncidentLine(string LunGroup, DateTimeOffset Since);

/// <summary>One guest in short.</summary>
internal sealed record GuestLine
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its uuid.</summary>
    public required Guid Uuid { get; init; }

    /// <summary>The domain it runs in; null when none is known.</summary>
    public int? Domain { get; init; }

    /// <summary>Where it stands: a word of <see cref="GuestStates"/>.</summary>
    public required string State { get; init; }

    /// <summary>The verdict on the filesystem that matters most; null without a report.</summary>
    public string? Verdict { get; init; }

    /// <summary>That filesystem; null without a report.</summary>
    public string? MountPoint { get; init; }

    /// <summary>Whether its mount table hides the fault.</summary>
    public bool Hidden { get; init; }

    /// <summary>Since when that verdict holds, on the guest's own clock; null without a report.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary><c>stable</c>, <c>not-stable</c> or <c>unknown</c>.</summary>
    public required string Storage { get; init; }

    /// <summary>What comes next, or why nothing does and what changes that; for a person.</summary>
    public required string NextStep { get; init; }

    /// <summary>Why it is in this state; for a person, null when the state says it all.</summary>
    public string? Reason { get; init; }

    /// <summary>Whether this guest is paused.</summary>
    public bool Paused { get; init; }

    /// <summary>Over what it is heard: <c>xenstore</c>, <c>channel</c>.</summary>
    public IReadOnlyList<string> HeardOver { get; init; } = [];

    /// <summary>When it was last heard; null before the first time.</summary>
    public DateTimeOffset? HeardAt { get; init; }
}

/// <summary>What the commands that change something answer.</summary>
internal sealed record ActDocument
{
    /// <summary>The schema.</summary>
    public int Schema { get; init; } = AdminSchema.Current;

    /// <summary>Whether it was done, or is accepted.</summary>
    public required bool Accepted { get; init; }

    /// <summary>Whether nothing was done because that was asked for (<c>--dry-run</c>).</summary>
    public bool DryRun { get; init; }

    /// <summary>What was done, or why not; for a person.</summary>
    public required string Text { get; init; }

    /// <summary>What stands in the way; empty for the commands that have no such thing.</summary>
    public IReadOnlyList<HindranceLine> Hindrances { get; init; } = [];
}

/// <summary>Why there is no other document.</summary>
internal sealed record ErrorDocument
{
    /// <summary>The schema.</summary>
    public int Schema { get; init; } = AdminSchema.Current;

    /// <summary>A word of <see cref="AdminErrors"/>.</summary>
    public required string Error { get; init; }

    /// <summary>What is wrong and what to do; for a person.</summary>
    public required string Text { get; init; }

    /// <summary>The version of the bridge that answers.</summary>
    public string? Version { get; init; }
}

/// <summary>What every document begins with: by it a reader knows which one it is.</summary>
internal sealed record DocumentHead
{
    /// <summary>The schema; 0 where there is none.</summary>
    public int Schema { get; init; }

    /// <summary>As in <see cref="ErrorDocument"/>; null in every other document.</summary>
    public string? Error { get; init; }

    /// <summary>As in <see cref="ErrorDocument"/>.</summary>
    public string? Text { get; init; }
}

/// <summary>The words for what is wrong.</summary>
internal static class AdminErrors
{
    /// <summary>The bridge does not know what was asked.</summary>
    public const string Unknown = "unknown-command";

    /// <summary>Whoever asked may not.</summary>
    public const string NotAllowed = "not-allowed";

    /// <summary>No guest, or several, are meant by that.</summary>
    public const string NoGuest = "no-guest";

    /// <summary>The bridge has too much to do, or too many ask.</summary>
    public const string Busy = "busy";
}
