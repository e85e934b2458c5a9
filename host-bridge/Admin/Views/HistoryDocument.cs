namespace HostBridge.Admin.Views;

/// <summary>What <c>history</c> prints for programs.</summary>
internal sealed record HistoryDocument
{
    /// <summary>The schema.</summary>
    public int Schema { get; init; } = AdminSchema.Current;

    /// <summary>The incidents, the oldest first.</summary>
    public required IReadOnlyList<HistoryIncident> Incidents { get; init; }

    /// <summary>Whether older ones were left out.</summary>
    public required bool IsCut { get; init; }
}

/// <summary>What happened without a long pause in between, to guests and to the storage under them.</summary>
internal sealed record HistoryIncident
{
    /// <summary>When it began.</summary>
    public required DateTimeOffset Began { get; init; }

    /// <summary>When the last of it happened.</summary>
    public required DateTimeOffset Ended { get; init; }

    /// <summary>The guests in it, by name.</summary>
    public required IReadOnlyList<string> Guests { get; init; }

    /// <summary>The LUN groups in it.</summary>
    public required IReadOnlyList<string> LunGroups { get; init; }

    /// <summary>How it ended for each guest: <c>proved</c>, <c>needs-operator</c> or <c>open</c>.</summary>
    public required IReadOnlyDictionary<string, string> Outcomes { get; init; }

    /// <summary>Everything, in the order of its moments.</summary>
    public required IReadOnlyList<HistoryMoment> Moments { get; init; }
}

/// <summary>One moment.</summary>
internal sealed record HistoryMoment
{
    /// <summary>When, on Dom0's wall clock.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>
    /// Whose word it is: <c>kernel</c> or <c>storage</c> of this host, or of a guest's story <c>report</c>,
    /// <c>decision</c>, <c>gate</c>, <c>intent</c>, <c>action</c>, <c>outcome</c>, <c>proof</c>, <c>operator</c>.
    /// </summary>
    public required string Kind { get; init; }

    /// <summary>The guest's name; null for the storage.</summary>
    public string? Guest { get; init; }

    /// <summary>The LUN group; null for a guest.</summary>
    public string? LunGroup { get; init; }

    /// <summary>What happened; for a person.</summary>
    public required string Text { get; init; }
}
