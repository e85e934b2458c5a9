using HostBridge.Recovery;
using Protocol.Health;

namespace Simulation.World;

/// <summary>
/// What a bridge that starts reads back from the durable record, as the incident log's own reading does: the recoveries
/// for the budget, what stands, and an intent without an end with the steps that were taken under it.
/// </summary>
internal static class StoreReading
{
    private const int MaxRememberedRecoveries = 16;

    /// <summary>What is known of each guest.</summary>
    public static List<GuestHistory> Read(SimulatedStore store)
    {
        var histories = new List<GuestHistory>();
        foreach (IGrouping<SimulatedGuest, StoreEntry> entries in store.Entries.ToList().GroupBy(entry => entry.Guest))
        {
            histories.Add(Read(store, entries.Key, entries) with
            {
                Faulty = store.Faulty.GetValueOrDefault(entries.Key),
            });
        }

        histories.AddRange(store.Faulty.Where(faulty => store.Entries.All(entry => entry.Guest != faulty.Key))
            .Select(faulty => new GuestHistory(faulty.Key.Identity, [], Standing: null) { Faulty = faulty.Value }));

        histories.Sort((one, other) => one.Guest.Uuid.CompareTo(other.Guest.Uuid));
        return histories;
    }

    private static GuestHistory Read(SimulatedStore store, SimulatedGuest guest, IEnumerable<StoreEntry> entries)
    {
        StoreEntry? open = null;
        StoreEntry? standing = null;
        List<StoreEntry> steps = [];
        DateTimeOffset? failedAt = null;
        DateTimeOffset? provedAt = null;
        var recoveries = new Queue<DateTimeOffset>();
        foreach (StoreEntry entry in entries)
        {
            if (entry.Kind == TellKind.Intent)
            {
                (open, standing, steps) = (entry, null, []);
                recoveries.Enqueue(entry.Wall);
                if (recoveries.Count > MaxRememberedRecoveries)
                {
                    recoveries.Dequeue();
                }
            }

            if (entry.Facts.Step is not null && open?.Facts.RequestId == entry.Facts.RequestId)
            {
                steps.Add(entry);
            }

            if (entry.Kind == TellKind.Proof || entry.Standing
                || (entry.EndsIntent && open?.Facts.RequestId == entry.Facts.RequestId))
            {
                open = null;
            }

            provedAt = entry is { Kind: TellKind.Proof, EndsIntent: true } ? entry.Wall : provedAt;
            failedAt = entry.Kind is TellKind.Proof or TellKind.Intent ? null
                : entry is { EndsIntent: true, Standing: true } ? entry.Wall
                : failedAt;
            standing = entry.Kind == TellKind.Proof ? null : entry.Standing ? entry : standing;
        }

        RecoveryState.NeedsOperator? stands = open is not null || !store.Holds.TryGetValue(guest, out string? hold)
            ? null
            : standing is null
                ? new RecoveryState.NeedsOperator(hold, OperatorRelease.WhenAcknowledged)
                : new RecoveryState.NeedsOperator(
                    standing.Text, OperatorRelease.WhenHealthy, standing.Facts.Filesystem?.MountPoint);
        return new GuestHistory(guest.Identity, [.. recoveries], stands) 
        {
            Open = open is null ? null : ToOpen(open, steps),
            FailedAt = stands is null ? null : failedAt,
            ProvedAt = provedAt,
        };
    }

    private static OpenIntent ToOpen(StoreEntry intent, List<StoreEntry> steps)
        => new(
            intent.Facts.RequestId,
            intent.Facts.Rung ?? Rung.Nothing,
            intent.Wall,
            intent.Domain,
            intent.Facts.BootId,
            intent.Facts.Filesystem?.MountPoint.Encoded,
            [.. steps.Select(step => step.Facts.Step!.Value)])
        {
            Disks = steps.Select(step => step.Facts.Disks).LastOrDefault(disks => disks is not null) ?? GuestDisks.None,
        };
}
