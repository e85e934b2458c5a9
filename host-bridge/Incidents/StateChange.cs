using HostBridge.Correlation;
using HostBridge.Notifications.Grouping;
using HostBridge.Notifications.Telling;
using HostBridge.Recovery;

namespace HostBridge.Incidents;

/// <summary>A pause that an administrator ordered: nothing is begun while it lasts.</summary>
/// <param name="Guest">The guest that is left alone; null for all of them.</param>
/// <param name="Until">When it ends by itself, on the wall clock; null when a person ends it.</param>
internal sealed record SavedPause(Guid? Guest, DateTimeOffset? Until);

/// <summary>A notice, and the carriers that are to deliver it.</summary>
/// <param name="Notice">The notice, with its number.</param>
/// <param name="Carriers">The names of the carriers.</param>
internal sealed record OutgoingNotice(Notice Notice, IReadOnlyList<string> Carriers);

/// <summary>One thing to be written to the state database.</summary>
internal abstract record StateChange
{
    private StateChange()
    {
    }

    /// <summary>
    /// Whether a restart needs it: then it is written before anything that is only told, and never pruned before it is
    /// over.
    /// </summary>
    public abstract bool IsNeeded { get; }

    /// <summary>What people are told of it, kept in the same transaction until it is delivered; null for nothing.</summary>
    public OutgoingNotice? Outgoing { get; init; }

    /// <summary>An entry of a guest's story; one that begins, steps on or ends an intent is noted as that too.</summary>
    /// <param name="Entry">The entry.</param>
    internal sealed record Story(IncidentEntry Entry) : StateChange
    {
        /// <inheritdoc/>
        public override bool IsNeeded => Outgoing is not null || Entry.EndsIntent == true || Entry.Standing == true || Entry.Step is not null
            || Entry.Kind == IncidentEntry.KindName(TellKind.Intent)
            || Entry.Kind == IncidentEntry.KindName(TellKind.Proof);
    }

    /// <summary>An entry of a storage incident's timeline.</summary>
    /// <param name="Entry">The entry.</param>
    internal sealed record Happened(TimelineEntry Entry) : StateChange
    {
        /// <inheritdoc/>
        public override bool IsNeeded => Outgoing is not null;
    }

    /// <summary>A carrier delivered notices, or gave them up.</summary>
    /// <param name="Carrier">The carrier's name.</param>
    /// <param name="Notices">Their numbers.</param>
    /// <param name="Folded">What it is still to tell by its number; null for nothing.</param>
    internal sealed record Delivered(string Carrier, IReadOnlyList<long> Notices, FoldedNotices? Folded) : StateChange
    {
        /// <inheritdoc/>
        public override bool IsNeeded => true;
    }

    /// <summary>A pause begins, or has another end from now on.</summary>
    /// <param name="Pause">The pause.</param>
    internal sealed record Paused(SavedPause Pause) : StateChange
    {
        /// <inheritdoc/>
        public override bool IsNeeded => true;
    }

    /// <summary>A pause is over.</summary>
    /// <param name="Guest">The guest that was left alone; null for the pause of all.</param>
    internal sealed record Resumed(Guid? Guest) : StateChange
    {
        /// <inheritdoc/>
        public override bool IsNeeded => true;
    }

    /// <summary>
    /// What was faulty when a guest last listed it; it takes the place of what was remembered before.
    /// </summary>
    /// <param name="Guest">The guest.</param>
    /// <param name="Faulty">The filesystems, and the boot.</param>
    /// <param name="At">When, on the wall clock.</param>
    internal sealed record Remembered(GuestIdentity Guest, FaultySeen Faulty, DateTimeOffset At) : StateChange
    {
        /// <inheritdoc/>
        public override bool IsNeeded => true;

        /// <summary>What stood for the guest stands no more: a person gave an order.</summary>
        public bool EndsStanding { get; init; }
    }

    /// <summary>
    /// A person acknowledged what stood for a guest; what was faulty and left the report is forgotten too.
    /// </summary>
    /// <param name="Guest">The guest.</param>
    internal sealed record Acknowledged(Guid Guest) : StateChange
    {
        /// <inheritdoc/>
        public override bool IsNeeded => true;
    }
}
