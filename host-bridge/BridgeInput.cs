using HostBridge.Correlation;
using HostBridge.Notifications.Telling;
using HostBridge.Recovery;
using Protocol.Health;

namespace HostBridge;

/// <summary>Everything that can happen to the bridge.</summary>
internal abstract record BridgeInput
{
    private BridgeInput()
    {
    }

    /// <summary>What the incident log knows of a guest from before; the first inputs of all.</summary>
    /// <param name="History">What it knows.</param>
    internal sealed record HistoryRestored(GuestHistory History) : BridgeInput;

    /// <summary>What people were told before, so that it is not told again; before anything is told.</summary>
    /// <param name="Notices">What is kept of it, in its order.</param>
    internal sealed record NoticesRestored(IReadOnlyList<Notice> Notices) : BridgeInput;

    /// <summary>A domain was seen, for the first time or again.</summary>
    /// <param name="Guest">Who runs in it.</param>
    /// <param name="Domain">Its number.</param>
    /// <param name="Disks">Its disks, by the backend's side.</param>
    internal sealed record GuestSeen(GuestIdentity Guest, DomainId Domain, GuestDisks Disks) : BridgeInput;

    /// <summary>A guest runs in this domain no more.</summary>
    /// <param name="Guest">Its uuid: the number may belong to another guest by now.</param>
    /// <param name="Domain">The domain's number.</param>
    internal sealed record GuestGone(Guid Guest, DomainId Domain) : BridgeInput;

    /// <summary>A domain's report was read.</summary>
    /// <param name="Guest">The uuid of the guest that was in it.</param>
    /// <param name="Domain">Which domain.</param>
    /// <param name="Report">Complete and parsed.</param>
    /// <param name="IsNew">
    /// Whether it was written while the bridge listened; false for what already stood there when it began to read.
    /// </param>
    internal sealed record ReportRead(Guid Guest, DomainId Domain, GuestReport Report, bool IsNew) : BridgeInput
    {
        /// <summary>Over what it came.</summary>
        public ReportCarrier Carrier { get; init; }
    }

    /// <summary>A domain wrote something that is no report.</summary>
    /// <param name="Guest">The uuid of the guest that was in it.</param>
    /// <param name="Domain">Which domain.</param>
    /// <param name="Reason">What is wrong with it, in the bridge's own words.</param>
    internal sealed record ReportRejected(Guid Guest, DomainId Domain, string Reason) : BridgeInput;

    /// <summary>A domain's answer to a request was read.</summary>
    /// <param name="Guest">The uuid of the guest that was in it.</param>
    /// <param name="Domain">Which domain.</param>
    /// <param name="Outcome">The answer, parsed.</param>
    internal sealed record OutcomeRead(Guid Guest, DomainId Domain, RequestOutcome Outcome) : BridgeInput;

    /// <summary>A guest's console log was read.</summary>
    /// <param name="GuestName">The name in the log's own name, which is the toolstack's name of the guest.</param>
    /// <param name="Sign">What it shows.</param>
    internal sealed record ConsoleRead(string GuestName, ConsoleSign Sign) : BridgeInput;

    /// <summary>What this host holds of some disks at one moment.</summary>
    /// <param name="Conditions">The disks and their conditions.</param>
    internal sealed record DisksChecked(IReadOnlyList<DiskCondition> Conditions) : BridgeInput
    {
        /// <summary>What the backends have done so far; empty where that cannot be read.</summary>
        public IReadOnlyList<BackendActivity> Backends { get; init; } = [];

        /// <summary>What the kernel's log said of them since the last time.</summary>
        public IReadOnlyList<HostLine> Lines { get; init; } = [];
    }

    /// <summary>An effect was completed, or failed; always for one guest.</summary>
    /// <param name="Guest">Its uuid.</param>
    /// <param name="Completion">What came of it.</param>
    internal sealed record EffectCompleted(Guid Guest, RecoveryInput Completion) : BridgeInput;

    /// <summary>A person wants nothing to be done.</summary>
    /// <param name="Guest">To this guest; null: to any.</param>
    /// <param name="Until">When that ends by itself; null: when it is resumed.</param>
    internal sealed record Paused(Guid? Guest, DateTimeOffset? Until) : BridgeInput;

    /// <summary>A pause is over.</summary>
    /// <param name="Guest">Of this guest; null: of the host. The pauses of single guests go on then.</param>
    internal sealed record Resumed(Guid? Guest) : BridgeInput;

    /// <summary>A person saw what stands: the guest is judged again, and recoveries may begin there again.</summary>
    /// <param name="Guest">The guest; null: the host, where too many recoveries failed.</param>
    internal sealed record Acknowledged(Guid? Guest) : BridgeInput;

    /// <summary>An administrator changed the policy; it holds from now on.</summary>
    /// <param name="Policy">The whole new policy.</param>
    internal sealed record PolicyChanged(RecoveryPolicy Policy) : BridgeInput;

    /// <summary>A person orders the recovery of a guest, whatever the mode is.</summary>
    /// <param name="Guest">The guest.</param>
    internal sealed record Ordered(Guid Guest) : BridgeInput;

    /// <summary>Somebody asks how it stands: whoever turns the loop looks, and nothing changes.</summary>
    internal sealed record Asked : BridgeInput;

    /// <summary>A second passed.</summary>
    internal sealed record Tick : BridgeInput;
}

/// <summary>What the bridge does: one action for one guest.</summary>
/// <param name="Guest">The guest.</param>
/// <param name="Domain">The domain it runs in at this moment; null when none is known.</param>
/// <param name="Action">The action.</param>
internal sealed record BridgeEffect(GuestIdentity Guest, DomainId? Domain, RecoveryAction Action)
{
    /// <summary>What people are told of it; null when they are not. It is as durable as the action's entry.</summary>
    public Notice? Notice { get; init; }
}
