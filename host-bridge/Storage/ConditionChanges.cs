using HostBridge.Recovery;

namespace HostBridge.Storage;

/// <summary>
/// Which conditions are worth saying: those that changed, and every one from time to time. Also notes which disks
/// ceased to be operational, and which became so.
/// </summary>
/// <param name="repeatInterval">After what time everything is said again.</param>
internal sealed class ConditionChanges(TimeSpan repeatInterval)
{
    private Dictionary<DeviceNumber, DiskCondition> _said = [];
    private TimeSpan? _saidAllAt;

    /// <summary>The disks that the last look found to be no longer operational.</summary>
    public IReadOnlyList<DiskCondition> Lost { get; private set; } = [];

    /// <summary>The disks that the last look found to be operational, and were not before.</summary>
    public IReadOnlyList<DiskCondition> Regained { get; private set; } = [];

    /// <summary>Takes in what a look found; what of it is to be said.</summary>
    public IReadOnlyList<DiskCondition> Take(IReadOnlyList<DiskCondition> conditions, TimeSpan now)
    {
        Lost = [.. conditions.Where(one => !one.Operational && WasOperational(one) is true)];
        Regained = [.. conditions.Where(one => one.Operational && WasOperational(one) is not true)];
        bool sayAll = _saidAllAt is not { } saidAt || now - saidAt >= repeatInterval;
        _saidAllAt = sayAll ? now : _saidAllAt;
        IReadOnlyList<DiskCondition> changed = sayAll ? conditions : [.. conditions.Where(HasChanged)];
        _said = conditions.ToDictionary(condition => condition.Device);
        return changed;
    }

    /// <summary>What was to be said was not heard: everything is said again.</summary>
    public void Forget() => _saidAllAt = null;

    private bool? WasOperational(DiskCondition condition)
        => _said.GetValueOrDefault(condition.Device)?.Operational;

    private bool HasChanged(DiskCondition condition)
        => _said.GetValueOrDefault(condition.Device) is not { } before
            || before.Operational != condition.Operational
            || before.InterruptedAt != condition.InterruptedAt
            || before.Text != condition.Text
            || before.Fault?.Text != condition.Fault?.Text
            || before.Identity != condition.Identity;
}
