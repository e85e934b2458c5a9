using HostBridge.Recovery;

namespace HostBridge.Storage;

/// <summary>
/// Which conditions are worth saying: those that changed, and every one from time to time. Also notes which disks
/// ceased to be operational, and which became so.
/// </summary>
/// <param name="repeatInterval">After what time everything is said again.</param>
internal sealed class ConditionChanges(TimeSpan repeatInterval)
{
    /// <summary>A disk that is new is given this time to be read before it is called not operational.</summary>
    private static readonly TimeSpan FirstPatience = TimeSpan.FromSeconds(10);

    private readonly Dictionary<DeviceNumber, TimeSpan> _newSince = [];
    private Dictionary<DeviceNumber, DiskCondition> _said = [];
    private TimeSpan? _saidAllAt;

    /// <summary>
    /// The disks that the last look found to be no longer operational, and new ones that did not become so in time.
    /// </summary>
    public IReadOnlyList<DiskCondition> Lost { get; private set; } = [];

    /// <summary>The disks that the last look found to be operational, and were not before.</summary>
    public IReadOnlyList<DiskCondition> Regained { get; private set; } = [];

    /// <summary>The operational disks whose lost paths became others, or came back.</summary>
    public IReadOnlyList<DiskCondition> Rerouted { get; private set; } = [];

    /// <summary>Takes in what a look at all disks found; what of it is to be said.</summary>
    public IReadOnlyList<DiskCondition> Take(IReadOnlyList<DiskCondition> conditions, TimeSpan now)
    {
        NoteTurns(conditions, now);
        bool sayAll = _saidAllAt is not { } saidAt || now - saidAt >= repeatInterval;
        _saidAllAt = sayAll ? now : _saidAllAt;
        IReadOnlyList<DiskCondition> changed = sayAll ? conditions : [.. conditions.Where(HasChanged)];
        _said = conditions.ToDictionary(condition => condition.Device);
        return changed;
    }

    /// <summary>Takes in what a look at some disks found; what of it is to be said.</summary>
    public IReadOnlyList<DiskCondition> TakeSome(IReadOnlyList<DiskCondition> conditions, TimeSpan now)
    {
        NoteTurns(conditions, now);
        DiskCondition[] changed = [.. conditions.Where(HasChanged)];
        foreach (DiskCondition condition in conditions)
        {
            _said[condition.Device] = condition;
        }

        return changed;
    }

    /// <summary>What was to be said was not heard: everything is said again.</summary>
    public void Forget() => _saidAllAt = null;

    private void NoteTurns(IReadOnlyList<DiskCondition> conditions, TimeSpan now)
    {
        foreach (DiskCondition condition in conditions.Where(one => !_said.ContainsKey(one.Device)))
        {
            _newSince[condition.Device] = now;
        }

        Lost =
        [
            .. conditions.Where(one => !one.Operational && (WasOperational(one) || IsNoLongerNew(one.Device, now))),
        ];
        Regained = [.. conditions.Where(one => one.Operational && !WasOperational(one))];
        Rerouted =
        [
            .. conditions.Where(one => one.Operational && one.LostPaths != _said.GetValueOrDefault(one.Device)?.LostPaths),
        ];
        foreach (DiskCondition told in Lost.Concat(Regained))
        {
            _newSince.Remove(told.Device);
        }
    }

    private bool WasOperational(DiskCondition condition)
        => _said.GetValueOrDefault(condition.Device) is { Operational: true };

    private bool IsNoLongerNew(DeviceNumber device, TimeSpan now)
        => _newSince.TryGetValue(device, out TimeSpan since) && now - since >= FirstPatience;

    private bool HasChanged(DiskCondition condition)
        => _said.GetValueOrDefault(condition.Device) is not { } before
            || before.Operational != condition.Operational
            || before.InterruptedAt != condition.InterruptedAt
            || before.Text != condition.Text
            || before.WriteProtection != condition.WriteProtection
            || before.Fault?.Text != condition.Fault?.Text
            || before.Identity != condition.Identity;
}
