using GuestAgent.Configuration;
using Protocol.Configuration;
using Protocol.Health;

namespace GuestAgent;

/// <content>
/// SIGHUP: the configuration is read again, while the root that it lies on works. What a running agent has opened stays
/// as it is.
/// </content>
internal sealed partial class AgentRuntime
{
    private void TurnReload()
    {
        if (_reloadSignal.Take())
        {
            string? trouble = CanExecute()
                ? _reload.TryStart(_clock.Now)
                : $"the root is {_loop.Detector.At(MountPoint.Root)!.Health.Verdict.ToName()}, and nothing is read from "
                    + "it; repeat it when the root writes again";
            if (trouble is not null)
            {
                AgentLog.NotReloaded(_log, trouble);
            }
        }

        if (_reload.Turn(_clock.Now) is { } answer)
        {
            TakeConfiguration(answer);
        }
    }

    private void TakeConfiguration(ConfigurationAnswer answer)
    {
        if (answer.Options is not { } options)
        {
            foreach (string problem in answer.Problems)
            {
                AgentLog.Warning(_log, problem);
            }

            AgentLog.NotReloaded(_log, "it cannot be used as it is; guest-agent config --check shows what is wrong");
            return;
        }

        foreach (SettingKey<AgentOptions> key in AgentKeys.Table.NeedingStart(_options, options))
        {
            AgentLog.NeedsStart(_log, key.Name, key.ValueIn(options), key.ValueIn(_options));
        }

        _options = _options with
        {
            Intervals = options.Intervals, Excluded = options.Excluded, ReadOnly = options.ReadOnly,
        };
        _mounts.Choose(options.Excluded.ToHashSet(), []);
        _mounts.TakeReadOnly(options.ReadOnly);
        _mountPace.Want();
        _inputs.Enqueue(new AgentInput.IntervalsChanged(options.Intervals));
        AgentLog.Reloaded(_log);
    }
}
