namespace HostBridge.Doctor;

/// <summary>A part of the host that the doctor looks at.</summary>
internal enum HostPart
{
    /// <summary>open-iscsi: its settings, records and sessions.</summary>
    Iscsi = 0,

    /// <summary>SCSI disks.</summary>
    Scsi,

    /// <summary>multipath-tools and multipath maps.</summary>
    Multipath,

    /// <summary>The files that define guests.</summary>
    GuestConfigs,

    /// <summary>What running guests are and say, in xenstore.</summary>
    RunningGuests,

    /// <summary>xenconsoled and its logs.</summary>
    Console,

    /// <summary>LVM.</summary>
    Lvm,

    /// <summary>The clock.</summary>
    Clock,

    /// <summary>Scripts that run by themselves.</summary>
    Scripts,
}

/// <summary>Something that could not be looked at.</summary>
/// <param name="Part">The part of the host it belongs to.</param>
/// <param name="Reason">What is missing or refused, for a person.</param>
/// <param name="IsRefused">Whether it is there and cannot be read, which a person can change.</param>
internal sealed record Gap(HostPart Part, string Reason, bool IsRefused);

/// <summary>What the rules are held against.</summary>
/// <param name="Host">What was found on the host.</param>
/// <param name="FailoverSeconds">The failovers to be survived, in seconds, the shortest first; at least one.</param>
internal sealed record Audit(HostSettings Host, IReadOnlyList<int> FailoverSeconds)
{
    /// <summary>The shortest failover in seconds: not to survive it is a danger.</summary>
    public int ShortestSeconds => FailoverSeconds[0];

    /// <summary>The longest failover in seconds: not to survive it is a warning.</summary>
    public int LongestSeconds => FailoverSeconds[^1];
}

/// <summary>A piece of advice that circulates, and what there is to it.</summary>
internal sealed record Rule
{
    /// <summary>Its name, by which reports call it.</summary>
    public required string Name { get; init; }

    /// <summary>The part of the host it is about.</summary>
    public required HostPart Part { get; init; }

    /// <summary>The advice, as it circulates.</summary>
    public required string Advice { get; init; }

    /// <summary>Whether what it names exists.</summary>
    public required bool IsReal { get; init; }

    /// <summary>What it really does.</summary>
    public required string Truth { get; init; }

    /// <summary>What to do instead.</summary>
    public required string Instead { get; init; }

    /// <summary>What is found on a host; nothing when there is nothing to say.</summary>
    public required Func<Audit, IEnumerable<Finding>> Check { get; init; }
}
