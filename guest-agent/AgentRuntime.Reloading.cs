using GuestAgent.Configuration;
using GuestAgent.Configuration.Reading;
using GuestAgent.Detection;
using Protocol.Configuration;
using Protocol.Health;

namespace GuestAgent;

/// <content>
/// The configuration is read again: on SIGHUP, and after it could not be read. What a running agent has opened stays as it
/// is.
/// </content>
internal sealed partial class AgentRuntime
{
    private readonly ConfigurationCopy _configurationCopy;
    private readonly ConfigurationRetry _retry = new();

    /// <summary>Whether the reading that runs was asked for by SIGHUP: then its failure is logged too.</summary>
    private bool _isReloadRequested;

    /// <summary>A retry that is due waits for the root's probe, which wakes the loop; the loop must not turn until then.</summary>
    private Moment? RetryDue => _retry.Due is { } due && (!due.HasCome(_clock.Now) || !IsRootSilent()) ? due : null;

    /// <summary>fstab and the mount units, which hung at the start, were read by now.</summary>
    private bool _areWishesRead;

    private void StartRetrying(string? trouble)
    {
        if (trouble is not null)
        {
            _retry.Failed(_clock.Now);
        }
    }

    private void TurnReload()
    {
        if (_reloadSignal.Take())
        {
            string? trouble = CanExecute()
                ? _reload.TryStart(_clock.Now)
                : $"the root is {_loop.Detector.At(MountPoint.Root)!.Health.Verdict.ToName()}, and nothing is read from "
                    + "it; repeat it when the root writes again";
            _isReloadRequested = trouble is null;
            if (trouble is not null)
            {
                AgentLog.NotReloaded(_log, trouble);
            }
        }

        if (_retry.TakeDue(CanExecute(), IsRootSilent(), _clock.Now))
        {
            // An earlier reading that has not ended is a reason to wait for the next time, and nothing to log.
            _ = _reload.TryStart(_clock.Now);
        }

        if (_reload.Turn(_clock.Now) is { } answer)
        {
            TakeConfiguration(answer);
            _isReloadRequested = false;
        }
    }

    private bool IsRootSilent() => _loop.Detector.At(MountPoint.Root)?.Probe.OutstandingId is not null;

    private void TakeConfiguration(ConfigurationAnswer answer)
    {
        if (answer.HasEnded && !_areWishesRead && CanExecute())
        {
            _areWishesRead = true;
            ReadMounts(isFirst: false, mayReadFstab: true);
        }

        if (answer.Faults.Count > 0)
        {
            TakeFault(answer);
            return;
        }

        bool wasNotKnown = _retry.Due is not null;
        _retry.Succeeded();
        _inputs.Enqueue(new AgentInput.ConfigurationTroubleChanged(null));
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

        _configurationCopy.Keep(answer.FileSettings!);
        _options = _options with
        {
            Intervals = options.Intervals, Excluded = options.Excluded, ReadOnly = options.ReadOnly,
            ProbeFolders = options.ProbeFolders,
        };
        _mounts.Choose(options.Excluded.ToHashSet(), options.ProbeFolders);
        _mounts.TakeReadOnly(options.ReadOnly);
        _mountPace.Want();
        _inputs.Enqueue(new AgentInput.IntervalsChanged(options.Intervals));
        if (wasNotKnown)
        {
            AgentLog.ReadAtLast(_log);
        }
        else
        {
            AgentLog.Reloaded(_log);
        }
    }

    private void TakeFault(ConfigurationAnswer answer)
    {
        bool isNews = _retry.Due is null;
        if (isNews)
        {
            _retry.Failed(_clock.Now);
            _inputs.Enqueue(new AgentInput.ConfigurationTroubleChanged(
                StartConfiguration.TroubleOf(answer, "what was in force stays in force")));
        }

        if (isNews || _isReloadRequested)
        {
            AgentLog.NotReloaded(_log, answer.Faults[0]);
        }
    }
}
