using GuestAgent.Detection;
using GuestAgent.Signals;

namespace GuestAgent;

/// <content>The senses: what descriptors and files bring becomes observations.</content>
internal sealed partial class AgentRuntime
{
    private void Observe(Observation observation) => _inputs.Enqueue(new AgentInput.Observed(observation));

    /// <summary>
    /// fstab is read at the start only: it lies on the root, and a root that has just begun to hang would hold the
    /// loop.
    /// </summary>
    private void ReadMounts(bool isFirst, bool mayReadFstab = false)
        => Observe(new Observation.MountTableRead(_mounts.Read(mayReadFstab), isFirst));

    private void ReadKernelLog(int maxRecords)
    {
        foreach (KernelLine line in _kernelLog?.Read(maxRecords) ?? [])
        {
            Observe(new Observation.KernelLineSeen(line));
        }
    }

    private void ReceiveProbes()
    {
        List<Observation> results = _crew.Receive(out bool processEnded);
        if (results.Exists(result => result is Observation.ProbeFinished { Result.Wrote: false }))
        {
            // No event tells of an abort: what the log, the counters and the table say now names what the probe met.
            ReadKernelLog(KernelLog.RecordsPerTurn);
            ReadMounts(isFirst: false);
            SampleErrors();
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
        long writeCompletions = SampleActivity(mount.Device);
        foreach (Observation one in _crew.Start(mount, _clock.Now, writeCompletions))
        {
            Observe(one);
        }
    }

    private void Sample()
    {
        SampleErrors();
        foreach (WatchedFilesystem one in _loop.Detector.Filesystems.Values)
        {
            if (one.Probe.OutstandingId is not null)
            {
                _ = SampleActivity(one.Device);
            }
        }
    }

    private void SampleErrors()
    {
        foreach (WatchedFilesystem one in _loop.Detector.Filesystems.Values)
        {
            if (LocalFilesystems.IsExtended(one.Mount.FilesystemType)
                && BlockDevices.ReadErrorsCount(_paths, one.DeviceName) is { } count && count != one.ErrorsCount)
            {
                Observe(new Observation.ErrorsCountRead(one.Device, count));
            }
        }
    }

    /// <summary>How many writes and flushes the device has completed; 0 where it does not tell.</summary>
    private long SampleActivity(DeviceNumber device)
    {
        if (BlockDevices.ReadActivity(_paths, device) is not { } activity)
        {
            return 0;
        }

        Observe(new Observation.ActivitySampled(device, activity));
        return activity.WriteCompletions;
    }
}
