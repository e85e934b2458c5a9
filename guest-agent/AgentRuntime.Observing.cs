using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Signals;
using Protocol.Health;

namespace GuestAgent;

/// <content>The senses: what descriptors and files bring becomes observations.</content>
internal sealed partial class AgentRuntime
{
    /// <summary>The counters are read so often, and at once when anything speaks of an error.</summary>
    private static readonly TimeSpan ErrorsApart = TimeSpan.FromSeconds(1);

    /// <summary>A kernel log that overflows all the time must not ask for probes all the time.</summary>
    private static readonly TimeSpan LossesApart = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan KernelLogApart = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan AboutToBeLate = TimeSpan.FromMilliseconds(100);

    private readonly ReadingPace _mountPace = new();
    private Moment _errorsDue;
    private Moment _lossDue;
    private long _toldLostRecords;
    private bool _toldDenied;
    private bool _toldDeniedEvents;
    private KernelLog? _kernelLog;
    private KernelLog? _lostKernelLog;
    private Moment _kernelLogAgainAt;
    private bool _mountTroubleTold;
    private readonly HashSet<MountPoint> _toldFolders = [];

    private void Observe(Observation observation) => _inputs.Enqueue(new AgentInput.Observed(observation));

    /// <summary>A source that is not there is normal: an old kernel, no privilege. Said once.</summary>
    private void TellMissing(string? withoutKernelLog, string? withoutEvents)
    {
        if (withoutKernelLog is not null)
        {
            AgentLog.Warning(_log, $"/dev/kmsg cannot be read ({withoutKernelLog}; needs Linux 3.5 and CAP_SYSLOG): "
                + "an abort is found by the next probe, not at once"
                + (withoutKernelLog is "EACCES" or "EPERM"
                    ? $"; {SecurityContext.Explain(SecurityContext.Current(_paths))}"
                    : string.Empty));
        }

        if (_clock.WithoutBootTime is { } withoutClock)
        {
            AgentLog.Warning(_log, $"no CLOCK_BOOTTIME ({withoutClock}; needs Linux 2.6.39): time in which the guest is "
                + "suspended is not counted");
        }

        if (withoutEvents is not null)
        {
            AgentLog.MissingSource(_log, $"no fanotify ({withoutEvents}; needs Linux 5.16 and CAP_SYS_ADMIN)");
        }
    }

    /// <summary>
    /// fstab is read at the start only, or when it answers after it hung then: it lies on the root, and a root that has
    /// just begun to hang would hold the loop.
    /// </summary>
    private void ReadMounts(bool isFirst, bool mayReadFstab = false)
    {
        Moment begun = _clock.Now;
        if (_mounts.TryRead(mayReadFstab) is not { } mounts)
        {
            MissMounts(isFirst);
            return;
        }

        _mountTroubleTold = false;
        Observe(new Observation.MountTableRead(mounts, isFirst));
        foreach (ObservedMount observed in mounts)
        {
            ReadErrors(observed);
        }

        foreach (MountPoint useless in _mounts.UselessFolders.Where(_toldFolders.Add))
        {
            AgentLog.Warning(_log, $"probe-folder = {useless} lies on no filesystem that is watched; it is not used");
        }

        // Marking walks the path to the mount; after an alarm nothing on the root is touched.
        if (_errorEvents is { FileDescriptor: >= 0 } && CanExecute() && !_errorEvents.Watch(mounts))
        {
            AgentLog.MissingSource(_log, "this kernel has no FAN_FS_ERROR (since 5.16)");
        }

        if (_errorEvents is { IsDenied: true } && !_toldDeniedEvents)
        {
            _toldDeniedEvents = true;
            AgentLog.MissingSource(_log, "SELinux allows this process no FAN_FS_ERROR of a watched filesystem (watch_sb)");
        }

        _mountPace.WasRead(begun, _clock.Now);
    }

    /// <summary>What was read before stays true until it can be read again.</summary>
    private void MissMounts(bool isFirst)
    {
        const string trouble = "/proc/self/mountinfo cannot be read";
        if (isFirst)
        {
            throw new IOException(trouble);
        }

        if (!_mountTroubleTold)
        {
            _mountTroubleTold = true;
            AgentLog.Warning(_log, $"{trouble}: new mounts are not seen; it is tried again every second");
        }

        _mountPace.Failed(_clock.Now);
    }

    /// <summary>A log that cannot be read any more leaves the poll set, and is opened again every minute.</summary>
    private void LookAfterKernelLog()
    {
        Moment now = _clock.Now;
        if (_kernelLog?.Trouble is { } trouble)
        {
            AgentLog.Warning(_log, $"/dev/kmsg cannot be read any more ({trouble}): an abort is found by the next probe, "
                + "not at once; it is opened again every minute");
            _kernelLog.Dispose();
            (_lostKernelLog, _kernelLog) = (_kernelLog, null);
            _kernelLogAgainAt = now + KernelLogApart;
        }
        else if (_lostKernelLog is not null && _kernelLogAgainAt.HasCome(now) && MayOpenDevices())
        {
            _kernelLogAgainAt = now + KernelLogApart;
            if (KernelLog.TryOpen(_paths, out _, _lostKernelLog) is { } again)
            {
                (_kernelLog, _lostKernelLog) = (again, null);
                AgentLog.Warning(_log, "/dev/kmsg is read again");
                ReadKernelLog(KernelLog.AllRecords);
            }
        }
    }

    private void ReadKernelLog(int maxRecords)
    {
        foreach (KernelLine line in _kernelLog?.Read(maxRecords) ?? [])
        {
            Observe(new Observation.KernelLineSeen(line));
            _errorsDue = default;
        }

        if (_kernelLog is { LostRecords: var lost } && lost > _toldLostRecords && _lossDue.HasCome(_clock.Now))
        {
            AgentLog.Warning(_log, $"{lost - _toldLostRecords} records of the kernel log were overwritten before they "
                + "could be read: every filesystem is probed instead");
            _toldLostRecords = lost;
            _lossDue = _clock.Now + LossesApart;
            _errorsDue = default;
            Observe(new Observation.EventsLost());
        }
    }

    private void ReadErrorEvents()
    {
        List<Observation> events = _errorEvents!.Read(out string? trouble);
        foreach (Observation told in events)
        {
            Observe(told);
            _errorsDue = default;
        }

        if (trouble is not null)
        {
            AgentLog.MissingSource(_log, $"fanotify cannot be read any more ({trouble})");
        }
    }

    private void ReceiveProbes()
    {
        List<Observation> results = _crew.Receive(out bool processEnded);
        foreach (Observation.ProbeFinished refused in results.OfType<Observation.ProbeFinished>()
            .Where(result => result.Result.IsRefused || result.Result.IsReadOnlySubvolume))
        {
            if (_loop.Detector.Filesystems.TryGetValue(refused.Device, out WatchedFilesystem? one))
            {
                _mounts.MarkUnwritable(one.Mount.MountId);
            }
        }

        if (results.Exists(result => result is Observation.ProbeFinished { Result.Wrote: false }))
        {
            // No event tells of an abort: what the log, the counters and the table say now names what the probe met.
            ReadKernelLog(KernelLog.RecordsPerTurn);
            ReadMounts(isFirst: false);
        }

        if (!_toldDenied && results.OfType<Observation.ProbeFinished>().Any(one => one.Result.ErrnoName == "EACCES"))
        {
            _toldDenied = true;
            AgentLog.Warning(_log, $"the probe file cannot be used (EACCES), so that nothing is known of a filesystem: "
                + SecurityContext.Explain(SecurityContext.Current(_paths)));
        }

        foreach (Observation result in results)
        {
            Observe(result);
        }

        TellEndOfProcess(processEnded);
    }

    /// <summary>A probe process that was killed while a probe is stuck closes no pipe: it must be looked for.</summary>
    private void LookAfterProbes()
    {
        _crew.LookAfter(_clock.Now, out bool processEnded).ForEach(Observe);
        TellEndOfProcess(processEnded);
    }

    private void TellEndOfProcess(bool hasEnded)
    {
        if (hasEnded)
        {
            AgentLog.Warning(_log, "the probe process ended; its spare took over");
        }
    }

    private void StartProbe(MountEntry mount)
    {
        long writeCompletions = 0;
        if (_loop.Detector.Filesystems.TryGetValue(mount.Device, out WatchedFilesystem? one))
        {
            writeCompletions = SampleActivity(one);
        }

        foreach (Observation observation in _crew.Start(mount, _clock.Now, writeCompletions))
        {
            _started.Enqueue(new AgentInput.Observed(observation));
        }
    }

    /// <summary>What an outstanding probe waits for, before anything else is judged.</summary>
    private void SampleOutstanding()
    {
        Moment now = _clock.Now;
        foreach (WatchedFilesystem one in _loop.Detector.Filesystems.Values)
        {
            if (one.Probe.OutstandingId is not null)
            {
                SampleWait(one, now);
                _ = SampleActivity(one);
            }
        }
    }

    private void SampleErrors()
    {
        Moment now = _clock.Now;
        if (_errorsDue.HasCome(now))
        {
            foreach (WatchedFilesystem one in _loop.Detector.Filesystems.Values)
            {
                ReadErrors(one.Observed);
            }

            _errorsDue = now + ErrorsApart;
        }
    }

    private void ReadErrors(ObservedMount observed)
    {
        if (!FilesystemTypes.IsExtended(observed.Mount.FilesystemType)
            || ExtendedFilesystem.ReadErrorsCount(_paths, observed.DeviceName) is not { } count)
        {
            return;
        }

        bool isKnown = _loop.Detector.Filesystems.TryGetValue(observed.Mount.Device, out WatchedFilesystem? known)
            && known.Mount.MountId == observed.Mount.MountId && known.ErrorsCount == count;
        if (!isKnown)
        {
            RecordedError? last = count > 0 ? ExtendedFilesystem.ReadLastError(_paths, observed.DeviceName) : null;
            Observe(new Observation.ErrorsCountRead(observed.Mount.Device, count, last));
        }
    }

    /// <summary>How many writes and flushes the device has completed; 0 where it does not tell.</summary>
    private long SampleActivity(WatchedFilesystem one)
    {
        if (DeviceQueue.Read(_paths, one.Observed.Queues) is not { } activity)
        {
            return 0;
        }

        string? vbdState = VirtualBlockDevice.TroubledState(_paths, one.Aliases);
        Observe(new Observation.ActivitySampled(one.Device, activity with { TroubledVbdState = vbdState }));
        return activity.WriteCompletions;
    }

    /// <summary>
    /// Only of a probe that is late, or about to be: looking costs a dozen small files, and its verdict should be the
    /// first that is given.
    /// </summary>
    private void SampleWait(WatchedFilesystem one, Moment now)
    {
        if (one.Probe.OutstandingFor(now + AboutToBeLate) >= Classifier.SlowAfter
            && _crew.WorkerOf(one.Device) is { } worker
            && ProbeWait.Read(_workers, worker, one.Device) is { } wait && wait != one.Probe.FreezeWait)
        {
            Observe(new Observation.FreezeWaitSeen(one.Device, wait));
        }
    }
}
