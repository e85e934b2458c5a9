using GuestAgent.Configuration;
using GuestAgent.Configuration.Reading;
using GuestAgent.Detection;
using GuestAgent.Inquiries;
using GuestAgent.Linux;
using GuestAgent.Probing;
using GuestAgent.Remedies;
using GuestAgent.Reporting;
using GuestAgent.Reporting.Carriers;
using GuestAgent.Requests;
using GuestAgent.Signals;
using Microsoft.Extensions.Logging;
using Protocol.Health;
using Protocol.Xenstore;

namespace GuestAgent;

/// <summary>
/// The agent's hands and senses around <see cref="AgentLoop"/>: one thread in poll(2). It turns what descriptors
/// bring into inputs, and effects into calls; it decides nothing.
/// </summary>
internal sealed partial class AgentRuntime : IDisposable
{
    private readonly PathRoot _paths;
    private readonly BootClock _clock;
    private readonly ILogger _log;
    private readonly AgentLoop _loop;
    private readonly StopSignal _stop;
    private readonly MountTable _mounts;
    private readonly FilesystemErrorEvents? _errorEvents;
    private readonly ProbeWorkers _workers;
    private readonly ProbeCrew _crew;
    private readonly XenstoreCarrier _xenstore;
    private readonly ChannelCarrier? _channel;
    private readonly KernelMessage _kernelMessage;
    private readonly TmpfsFolder _folder;
    private readonly StatusSocket _statusSocket;
    private readonly ServiceManager _serviceManager;
    private readonly RemedyRunner _remedies;
    private readonly ReloadSignal _reloadSignal;
    private readonly ConfigurationReload _reload;
    private readonly LoopWatch _watch;
    private readonly PollSet _poll = new();
    private readonly Queue<AgentInput> _inputs = new();

    /// <summary>Taken first: what is learned after a probe began must not be taken for older than it.</summary>
    private readonly Queue<AgentInput> _started = new();
    private readonly List<AgentInput> _nextTurn = [];
    private AgentOptions _options;
    private Moment _spareDue;
    private bool _linkTroubleTold;
    private string? _toldAcceptTrouble;

    /// <summary>Opens everything that will be needed. Throws <see cref="IOException"/> naming what is missing.</summary>
    /// <param name="options">What an administrator set.</param>
    /// <param name="reload">Reads that again; the runtime disposes of it.</param>
    /// <param name="copy">Keeps what was read.</param>
    /// <param name="settings">What does not change while the agent runs.</param>
    /// <param name="paths">Where /proc, /sys and /dev are.</param>
    /// <param name="clock">The time.</param>
    /// <param name="stop">Ends the loop.</param>
    /// <param name="log">The log.</param>
    public AgentRuntime(
        AgentOptions options, ConfigurationReload reload, ConfigurationCopy copy, AgentSettings settings, PathRoot paths,
        BootClock clock, StopSignal stop, ILogger log)
    {
        _options = options;
        _paths = paths;
        _clock = clock;
        _stop = stop;
        _log = log;
        _loop = new AgentLoop(settings);
        _mounts = new MountTable(paths, new MountChoice
        {
            Excluded = options.Excluded.ToHashSet(), ProbeFolders = options.ProbeFolders,
        });
        _mounts.TakeReadOnly(options.ReadOnly);
        _kernelLog = KernelLog.TryOpen(paths, out string? withoutKernelLog);
        _xenstore = new XenstoreCarrier(options.XenstorePaths, new Random(settings.BootId.GetHashCode()));
        _kernelMessage = new KernelMessage(paths);
        _isDevApart = IsApart(paths.Dev(string.Empty));
        _channel = NewChannel(options.Channel);
        _folder = new TmpfsFolder(options.StatusDirectory);
        _workers = new ProbeWorkers(paths);
        _crew = new ProbeCrew(_workers, _folder);
        _statusSocket = new StatusSocket(_folder.Trouble is null ? options.StatusDirectory : null);
        _serviceManager = new ServiceManager(
            Environment.GetEnvironmentVariable("NOTIFY_SOCKET"), Environment.GetEnvironmentVariable("WATCHDOG_USEC"));
        _remedies = new RemedyRunner(paths);
        _reloadSignal = new ReloadSignal();
        _reload = reload;
        _configurationCopy = copy;
        StartRetrying(settings.ConfigurationTrouble);
        _errorEvents = FilesystemErrorEvents.TryOpen(paths, out string? withoutEvents);
        _areWishesRead = settings.MayReadWishes;
        _watch = new LoopWatch(LoopWatch.DefaultPeriod, TellLoop);
        TellMissing(withoutKernelLog, withoutEvents);
        if ((_folder.Trouble ?? _statusSocket.Trouble) is { } trouble)
        {
            AgentLog.Warning(log, trouble);
        }
    }

    /// <summary>The first look, before the memory is locked: it touches what every later turn will touch.</summary>
    public int LookAround()
    {
        Observe(new Observation.SelfResetRead(SelfReset.Read(_paths)));
        ReadMounts(isFirst: true, mayReadFstab: _areWishesRead);
        ReadKernelLog(KernelLog.AllRecords);
        _inputs.Enqueue(new AgentInput.EarlierLastResortRead(_kernelLog?.LastResortLines ?? 0));
        if (RequestId.TryParse(_folder.TryRead(RecoveryNews.FileName)?.Trim() ?? string.Empty, out RequestId told))
        {
            _inputs.Enqueue(new AgentInput.EarlierRecoveryTold(told));
        }

        TurnChannel();
        Drain();
        return _loop.Detector.Filesystems.Count;
    }

    /// <summary>Turns until it is told to stop.</summary>
    public void Run()
    {
        _serviceManager.TellReady();
        _watch.Start();
        while (!_stop.IsSet)
        {
            Wait();
            Turn();
        }
    }

    public void Dispose()
    {
        _watch.Dispose();
        _serviceManager.Dispose();
        _statusSocket.Dispose();
        _folder.Remove(StatusText.FileName);
        _crew.Dispose();
        _remedies.Dispose();
        _reload.Dispose();
        _reloadSignal.Dispose();
        _channel?.Dispose();
        _xenstore.Dispose();
        _kernelMessage.Dispose();
        _errorEvents?.Dispose();
        _kernelLog?.Dispose();
        _mounts.Dispose();
    }

    private void Wait()
    {
        Moment now = _clock.Now;
        Moment wake = _loop.NextWake(now);
        Moment?[] duties =
        [
            _xenstore.Due(now), ChannelDue(now), _remedies.Due, _mountPace.Due, _statusSocket.Due,
            _serviceManager.Due(now), _reload.Due, RetryDue,
        ];
        foreach (Moment? due in duties)
        {
            wake = due is { } earlier && earlier.SinceBoot < wake.SinceBoot ? earlier : wake;
        }

        _poll.Clear();
        _poll.Add(_stop.FileDescriptor, PollSet.In);
        // While a reading waits for its turn, further changes need not wake anyone: poll(2) remembers them.
        _poll.Add(_mountPace.Due is null ? _mounts.FileDescriptor : -1, PollSet.Priority);
        _poll.Add(_kernelLog?.FileDescriptor ?? -1, PollSet.In);
        _poll.Add(_errorEvents?.FileDescriptor ?? -1, PollSet.In);
        _poll.Add(_crew.FileDescriptor, PollSet.In);
        short xenstoreEvents = _xenstore.WantsToSend ? (short)(PollSet.In | PollSet.Out) : PollSet.In;
        _poll.Add(_xenstore.FileDescriptor, xenstoreEvents);
        AddChannelTo(_poll);
        _poll.Add(_remedies.FileDescriptor, PollSet.In);
        _poll.Add(_reloadSignal.FileDescriptor, PollSet.In);
        _poll.Add(_reload.FileDescriptor, PollSet.In);
        _statusSocket.AddTo(_poll);
        _watch.Turns(wake - now);
        _poll.Wait(wake - now);
    }

    private void Turn()
    {
        if (_watch.TakePassed() is { Ticks: > 0 } counted)
        {
            _inputs.Enqueue(new AgentInput.TimeCounted(counted));
        }

        SampleOutstanding();
        _nextTurn.ForEach(Take);
        _nextTurn.Clear();
        if (_poll.Happened(_mounts.FileDescriptor))
        {
            _mountPace.Want();
        }

        if (_mountPace.IsDue(_clock.Now))
        {
            ReadMounts(isFirst: false);
        }

        if (_poll.Happened(_kernelLog?.FileDescriptor ?? -1))
        {
            ReadKernelLog(KernelLog.RecordsPerTurn);
        }

        if (_errorEvents is { FileDescriptor: >= 0 and var events } && _poll.Happened(events))
        {
            ReadErrorEvents();
        }

        if (_poll.Happened(_crew.FileDescriptor))
        {
            ReceiveProbes();
        }

        foreach (AgentInput input in _xenstore.Turn(_clock.Now))
        {
            Take(input);
        }

        LookAfterKernelLog();
        TurnChannel();
        TellAcceptTrouble();
        foreach (AgentInput question in _statusSocket.Turn(_poll, _clock.Now))
        {
            Take(question);
        }

        if (_remedies.Turn(_clock.Now) is { } result)
        {
            // What the remedy did to the mount table is known before its end is judged.
            ReadMounts(isFirst: false);
            _inputs.Enqueue(new AgentInput.RemedyEnded(result));
        }

        TurnReload();
        LookAfterProbes();
        SampleErrors();
        _inputs.Enqueue(new AgentInput.Tick());
        Drain();
        _serviceManager.Turn(_clock.Now);
        KeepSpare();
    }

    private void Drain()
    {
        while (_started.TryDequeue(out AgentInput? input) || _inputs.TryDequeue(out input))
        {
            foreach (AgentEffect effect in _loop.Step(input, _clock.Now))
            {
                Execute(effect);
            }
        }
    }

    private void Execute(AgentEffect effect)
    {
        switch (effect)
        {
            case AgentEffect.StartProbe start:
                StartProbe(start.Mount);
                break;
            case AgentEffect.WriteKey write:
                if (_xenstore.Write(write.Path, write.Value, _clock.Now) is { } input)
                {
                    // Not in this turn: a daemon that takes nothing must first be given the chance to answer.
                    _nextTurn.Add(input);
                }

                break;
            case AgentEffect.OfferOverChannel offer:
                _channel?.Offer(offer.Topic, offer.Message);
                break;
            case AgentEffect.TellKernelLog tell:
                TellKernelLog(tell.Line);
                break;
            case AgentEffect.WriteStatus write:
                _folder.Write(StatusText.FileName, write.Text);
                _serviceManager.TellStatus(write.Text[..write.Text.IndexOf('\n', StringComparison.Ordinal)]);
                break;
            case AgentEffect.AnswerInquiry { Answer: var answer }:
                _statusSocket.Answer(answer.ClientId, StatusJson.Write(answer.Document), _clock.Now);
                break;
            case AgentEffect.RunRemedy run:
                RunRemedy(run);
                break;
            case AgentEffect.TellVerdict tell:
                TellVerdict(tell.Health, tell.Before);
                break;
            case AgentEffect.TellOutcome tell:
                AgentLog.Outcome(_log, tell.Text, RequestCodec.ToLine(tell.Outcome));
                break;
            case AgentEffect.TellRecovery { Recovery: var recovery }:
                AgentLog.Recovery(_log, RecoveryNews.Text(recovery));
                _folder.Write(RecoveryNews.FileName, $"{recovery.Id}\n");
                break;
            case AgentEffect.TellWarning tell:
                AgentLog.Warning(_log, tell.Text);
                break;
            default:
                throw new InvalidOperationException($"unknown effect {effect}");
        }
    }

    private void Take(AgentInput input)
    {
        if (input is AgentInput.LinkDown down && !_linkTroubleTold)
        {
            _linkTroubleTold = true;
            AgentLog.LinkDown(_log, down.Reason);
        }
        else if (input is AgentInput.LinkUp)
        {
            _linkTroubleTold = false;
            AgentLog.LinkUp(_log);
        }

        _inputs.Enqueue(input);
    }

    /// <summary>Called by the watch's thread: whatever holds the loop must not hold this.</summary>
    private void TellLoop(TimeSpan? stuckFor)
    {
        if (stuckFor is { } time)
        {
            AgentLog.LoopStuck(_log, (long)time.TotalSeconds);
            _folder.Write(StatusText.FileName, StatusText.OfStuckLoop(time, TimeProvider.System.GetUtcNow()));
        }
        else
        {
            AgentLog.LoopTurns(_log);
        }
    }

    private void TellAcceptTrouble()
    {
        string? trouble = _statusSocket.AcceptTrouble;
        if (trouble is not null && trouble != _toldAcceptTrouble)
        {
            AgentLog.Warning(_log, $"no question can be taken ({trouble}): guest-agent status and probe get no answer");
        }

        _toldAcceptTrouble = trouble;
    }

    private void RunRemedy(AgentEffect.RunRemedy run)
    {
        MountPoint[] healthy = [.. _loop.Detector.Filesystems.Values
            .Where(one => one.Health.Verdict is Verdict.Writable or Verdict.Full)
            .Select(one => one.Mount.MountPoint)];
        if (_remedies.Start(run.Request, run.Filesystem, healthy, _clock.Now) is { } result)
        {
            _inputs.Enqueue(new AgentInput.RemedyEnded(result));
        }
    }

    /// <summary>
    /// Programs can be executed from the root: it works, or is not watched (by its type, or by an administrator's wish).
    /// </summary>
    private bool CanExecute()
        => _loop.Detector.At(MountPoint.Root) is null or { Mount.IsNotWatched: true }
            || _loop.Detector.At(MountPoint.Root)?.Health.Verdict is Verdict.Writable or Verdict.ErrorsRecorded
            or Verdict.Full or Verdict.ReadOnlyByDesign or Verdict.FlushDisabled;

    /// <summary>At most one start a second: what kills one probe process may kill the next.</summary>
    private void KeepSpare()
    {
        _crew.Reap();
        Moment now = _clock.Now;
        if (!_crew.NeedsSpare || !CanExecute() || !_spareDue.HasCome(now))
        {
            return;
        }

        _spareDue = now + TimeSpan.FromSeconds(1);

        try
        {
            _crew.StartSpare();
        }
        catch (IOException failed)
        {
            AgentLog.Warning(_log, failed.Message);
        }
    }

    private void TellVerdict(FilesystemHealth health, Verdict before)
    {
        string evidence = string.Join(", ", health.Evidence.Select(fact => $"{fact.Kind.ToName()}:{fact.Detail}"));
        if (health.Severity == Severity.Ok)
        {
            AgentLog.VerdictBetter(
                _log, health.MountPoint.Encoded, health.Device, before.ToName(), health.Verdict.ToName(), evidence);
        }
        else
        {
            string hidden = health.Hidden ? " (hidden: mount says rw)" : string.Empty;
            AgentLog.VerdictWorse(
                _log, health.MountPoint.Encoded, health.Device, before.ToName(), health.Verdict.ToName(), hidden,
                evidence);
        }
    }
}
