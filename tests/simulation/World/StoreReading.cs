using HostBridge.Recovery;
using Protocol.Health;

namespace Simulation.World;

/// <summary>
/// What a bridge that starts reads back from the durable record, as the incident log's own reading does: the recoveries
/// for the budget, what stands, and an intent without an end, which becomes a hold.
/// </summary>
internal static class StoreReading
{
    private const int MaxRememberedRecoveries = 16;

    /// <summary>What is known of each guest.</summary>
    public static List<GuestHistory> Read(SimulatedStore store, TimeSpan now)
    {
        var histories = new List<GuestHistory>();
        foreach (IGrouping<SimulatedGuest, StoreEntry> entries in store.Entries.ToList().GroupBy(entry => entry.Guest))
        {
            histories.Add(Read(store, entries.Key, entries, now));
        }

        histories.Sort((one, other) => one.Guest.Uuid.CompareTo(other.Guest.Uuid));
        return histories;
    }

    private static GuestHistory Read(
        SimulatedStore store, SimulatedGuest guest, IEnumerable<StoreEntry> entries, TimeSpan now)
    {
        StoreEntry? open = null;
        StoreEntry? standing = null;
        var recoveries = new Queue<DateTimeOffset>();
        foreach (StoreEntry entry in entries)
        {
            if (entry.Kind == TellKind.Intent)
            {
                (open, standing) = (entry, null);
                recoveries.Enqueue(DateTimeOffset.UnixEpoch + entry.At);
                if (recoveries.Count > MaxRememberedRecoveries)
                {
                    recoveries.Dequeue();
                }
            }

            if (entry.EndsIntent && open?.Facts.RequestId == entry.Facts.RequestId)
            {
                open = null;
            }

            standing = entry.Kind == TellKind.Proof ? null : entry.Standing ? entry : standing;
        }

        if (open is not null)
        {
            string text = $"the bridge stopped in the middle of {open.Facts.RequestId}; check the guest";
            store.Holds[guest] = text;
            store.Entries.Add(open with { Kind = TellKind.Operator, Text = text, EndsIntent = true, At = now });
        }

        RecoveryState.NeedsOperator? stands = !store.Holds.TryGetValue(guest, out string? hold)
            ? null
            : standing is null
                ? new RecoveryState.NeedsOperator(hold, OperatorRelease.WhenAcknowledged)
                : new RecoveryState.NeedsOperator(
                    standing.Text, OperatorRelease.WhenHealthy, standing.Facts.Filesystem?.MountPoint);
        return new GuestHistory(guest.Identity, [.. recoveries], stands);
    }
}
