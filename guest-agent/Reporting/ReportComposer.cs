using Protocol.Health;
using Protocol.Xenstore;

namespace GuestAgent.Reporting;

/// <summary>
/// Makes reports of what is held true, and says which nodes they fill. The sequence grows with each change; each
/// filesystem's line carries the sequence in which it last changed, so that an unchanged line is not written again; one
/// of them carries the report's.
/// </summary>
/// <param name="bootId">The boot that speaks.</param>
/// <param name="agentVersion">The agent's version.</param>
/// <param name="firstSequence">
/// The sequence of the first report. An agent that is started again in the same boot must go on above the one before
/// it, or its reports would be taken for older.
/// </param>
/// <param name="hasFsckHook">Whether this boot's initramfs asked the host for a forced check.</param>
internal sealed class ReportComposer(BootId bootId, string agentVersion, long firstSequence, bool hasFsckHook = false)
{
    private readonly FilesystemHealth?[] _slots = new FilesystemHealth?[GuestReport.MaxFilesystems];
    private readonly long[] _slotSequences = new long[GuestReport.MaxFilesystems];
    private GuestReport? _last;
    private MadeNodes? _made;

    /// <summary>The last report's sequence; 0 before the first.</summary>
    public long Sequence => _last?.Sequence ?? 0;

    /// <summary>The report of what is held true now; the last one again when nothing changed.</summary>
    /// <param name="healths">All watched filesystems, worst first.</param>
    /// <param name="now">The guest's wall clock.</param>
    public GuestReport Compose(IReadOnlyList<FilesystemHealth> healths, DateTimeOffset now)
    {
        IReadOnlyList<FilesystemHealth> worst = [.. healths.Take(GuestReport.MaxFilesystems)];
        if (_last is not null && _last.FilesystemCount == healths.Count && AreTheSame(worst, _last.Filesystems))
        {
            return _last;
        }

        GuestState state = GuestState.Of(healths, now);
        if (_last is not null && state.Worst == _last.State.Worst)
        {
            state = state with { Since = _last.State.Since };
        }

        _last = new GuestReport
        {
            BootId = bootId,
            Sequence = _last is null ? firstSequence : Sequence + 1,
            AgentVersion = agentVersion,
            State = state,
            Filesystems = worst,
            FilesystemCount = healths.Count,
            HasFsckHook = hasFsckHook,
        };
        for (int slot = 0; slot < GuestReport.MaxFilesystems; slot++)
        {
            FilesystemHealth? health = slot < worst.Count ? worst[slot] : null;
            if (health is not null && !health.SaysTheSameAs(_slots[slot]))
            {
                _slotSequences[slot] = _last.Sequence;
            }

            _slots[slot] = health;
        }

        // The greatest of them is the report's own, also when a filesystem went and nothing else changed.
        _slotSequences[0] = _slotSequences.Contains(_last.Sequence) ? _slotSequences[0] : _last.Sequence;
        return _last;
    }

    /// <summary>
    /// The nodes of a report, most important first; null is a node that must not be there: a slot that a longer
    /// report, perhaps of an agent before this one, has filled. The same ones again as long as nothing changed, which is
    /// nearly always so.
    /// </summary>
    public IReadOnlyList<KeyValuePair<string, string?>> ToNodes(
        GuestReport report, string heartbeat, bool isQuotaExceeded)
    {
        if (_made is { } made && ReferenceEquals(made.Report, report)
            && made.Heartbeat == heartbeat && made.IsQuotaExceeded == isQuotaExceeded)
        {
            return made.Nodes;
        }

        var nodes = new List<KeyValuePair<string, string?>>();
        foreach ((string path, string value) in ReportCodec.ToNodes(
            report, slot => _slotSequences[slot], heartbeat, isQuotaExceeded))
        {
            nodes.Add(new(path, value));
        }

        for (int slot = report.Filesystems.Count; slot < GuestReport.MaxFilesystems; slot++)
        {
            nodes.Add(new(GuestKeys.Filesystem(slot), null));
        }

        _made = new MadeNodes(report, heartbeat, isQuotaExceeded, nodes);
        return nodes;
    }

    private static bool AreTheSame(IReadOnlyList<FilesystemHealth> a, IReadOnlyList<FilesystemHealth> b)
        => a.Count == b.Count && a.Zip(b).All(pair => pair.First.SaysTheSameAs(pair.Second));

    private sealed record MadeNodes(
        GuestReport Report, string Heartbeat, bool IsQuotaExceeded, IReadOnlyList<KeyValuePair<string, string?>> Nodes);
}
