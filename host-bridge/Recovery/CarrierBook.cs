using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>A way on which a guest's words come.</summary>
internal enum ReportCarrier
{
    /// <summary>xenstore, which every guest has.</summary>
    Xenstore = 0,

    /// <summary>The console channel, where one is configured.</summary>
    Channel,
}

/// <summary>
/// Makes one guest of its carriers: what one of them brought is not taken again from another that lags behind, and it
/// is known over what a guest is heard. Within one boot a report's sequence says which is newer.
/// </summary>
internal sealed class CarrierBook
{
    /// <summary>Two heartbeats and a half.</summary>
    public static readonly TimeSpan HeardWithin = TimeSpan.FromSeconds(150);

    private readonly Dictionary<Guid, Entry> _entries = [];

    /// <summary>
    /// The report to take in: the one that was read, or the one that is known already when another carrier brought it
    /// first, which is a sign of life; null when it is older than what another carrier brought.
    /// </summary>
    /// <param name="guest">The guest's uuid.</param>
    /// <param name="carrier">Over what it was read.</param>
    /// <param name="report">What was read.</param>
    /// <param name="isNew">Whether the guest spoke just now.</param>
    /// <param name="now">The moment, on the monotonic clock.</param>
    public GuestReport? Take(Guid guest, ReportCarrier carrier, GuestReport report, bool isNew, TimeSpan now)
    {
        if (!_entries.TryGetValue(guest, out Entry? entry))
        {
            _entries[guest] = entry = new Entry();
        }

        if (isNew)
        {
            entry.HeardAt[(int)carrier] = now;
        }

        bool isOthers = entry.Report is { } known && known.BootId == report.BootId && entry.Carrier != carrier;
        if (isOthers && report.Sequence <= entry.Report!.Sequence)
        {
            return report.Sequence == entry.Report.Sequence ? entry.Report : null;
        }

        (entry.Report, entry.Carrier) = (report, carrier);
        return report;
    }

    /// <summary>Over what a guest is heard now.</summary>
    public IReadOnlyList<ReportCarrier> HeardOver(Guid guest, TimeSpan now)
        => _entries.TryGetValue(guest, out Entry? entry)
            ? [.. Enum.GetValues<ReportCarrier>().Where(one => now - entry.HeardAt[(int)one] < HeardWithin)]
            : [];

    /// <summary>The guest is gone.</summary>
    public void Forget(Guid guest) => _entries.Remove(guest);

    private sealed class Entry
    {
        public GuestReport? Report { get; set; }

        public ReportCarrier Carrier { get; set; }

        public TimeSpan?[] HeardAt { get; } = new TimeSpan?[Enum.GetValues<ReportCarrier>().Length];
    }
}
