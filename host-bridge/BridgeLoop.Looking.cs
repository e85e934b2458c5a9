using HostBridge.Correlation;
using HostBridge.Recovery;

namespace HostBridge;

/// <summary>One guest as the loop holds it at one moment.</summary>
/// <param name="Record">What is known of it.</param>
/// <param name="Outlook">What would be done to it, and what stands in the way.</param>
/// <param name="HeardOver">Over what it is heard.</param>
internal sealed record GuestPicture(GuestRecord Record, Outlook Outlook, IReadOnlyList<ReportCarrier> HeardOver);

/// <summary>Everything that the loop holds at one moment. Immutable: it may be read while the loop goes on.</summary>
/// <param name="At">The moment.</param>
/// <param name="Policy">The numbers and switches in force.</param>
/// <param name="Guests">Every guest, in the order of the uuids.</param>
/// <param name="Pauses">What is paused and until when; a null guest is the host, a null end is a person's.</param>
/// <param name="StorageIncidents">The storage incidents that are open.</param>
internal sealed record BridgePicture(
    Moment At,
    RecoveryPolicy Policy,
    IReadOnlyList<GuestPicture> Guests,
    IReadOnlyList<(Guid? Guest, DateTimeOffset? Until)> Pauses,
    IReadOnlyList<OpenStorageIncident> StorageIncidents);

/// <summary>The part that lets people look: it changes nothing.</summary>
internal sealed partial class BridgeLoop
{
    /// <summary>Everything at this moment; of a guest that is well this costs next to nothing.</summary>
    public BridgePicture Look(Moment now)
        => new(
            now,
            _policy.Value,
            [.. _registry.Guests.Select(guest => Look(guest, now))],
            _consent.PausesAt(now.Wall),
            _incidents.OpenIncidents);

    /// <summary>What is known of each disk of a guest; none for a guest that is not known.</summary>
    public IReadOnlyList<DiskStanding> LookAtDisks(Guid guest, Moment now)
        => _registry.Find(guest) is { } record
            ? _disks.StandingOf(
                record.Domain ?? (_lastDomains.TryGetValue(guest, out DomainId last) ? last : null),
                record.Disks,
                now.Elapsed)
            : [];

    private GuestPicture Look(GuestRecord guest, Moment now)
        => new(guest, _registry.OutlookOf(guest, now), Carriers.HeardOver(guest.Identity.Uuid, now.Elapsed));
}
