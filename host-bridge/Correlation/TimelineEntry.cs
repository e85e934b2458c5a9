namespace HostBridge.Correlation;

/// <summary>Who saw what an entry of a timeline tells.</summary>
internal enum TimelineSource
{
    /// <summary>A line of this host's kernel.</summary>
    HostKernel = 0,

    /// <summary>The state of the storage, as sysfs and the direct read show it.</summary>
    Storage,

    /// <summary>A guest's report.</summary>
    Guest,

    /// <summary>What the bridge decided or did.</summary>
    Bridge,
}

/// <summary>What becomes of a storage incident as a whole.</summary>
internal enum IncidentTurn
{
    /// <summary>Disks of guests are lost: it is said whom that hits.</summary>
    Lost = 0,

    /// <summary>It is over.</summary>
    Over,
}

/// <summary>One moment of a storage incident: what happened to one LUN group or to a guest on it.</summary>
internal sealed record TimelineEntry
{
    /// <summary>The incident: its LUN group and when it began. All entries of one incident carry the same.</summary>
    public required string Incident { get; init; }

    /// <summary>The LUN group whose storage it is about.</summary>
    public required string LunGroup { get; init; }

    /// <summary>When, on Dom0's wall clock, however the source keeps its own time.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Who saw it.</summary>
    public required TimelineSource Source { get; init; }

    /// <summary>The guest it is about; null when it is about the storage itself.</summary>
    public Guid? Guest { get; init; }

    /// <summary>That guest's name; null without a guest.</summary>
    public string? GuestName { get; init; }

    /// <summary>What happened, for a person; printable, at most 1,000 characters.</summary>
    public required string Text { get; init; }

    /// <summary>What it says of the incident as a whole; null for everything else. It is not kept.</summary>
    public IncidentTurn? Turn { get; init; }
}
