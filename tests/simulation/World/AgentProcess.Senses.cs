using GuestAgent;
using GuestAgent.Detection;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Kernel;
using AgentDevice = GuestAgent.Detection.DeviceNumber;

namespace Simulation.World;

/// <content>What it senses: mounts, counters, kernel lines, and what its probes meet.</content>
internal sealed partial class AgentProcess
{
    private const int VirtualDisks = 202;
    private const int MinorsOfADisk = 16;

    private static readonly TimeSpan LeastWait = TimeSpan.FromMilliseconds(10);

    private readonly Dictionary<AgentDevice, long> _outstanding = [];
    private readonly HashSet<SimulatedFilesystem> _aborts = [];
    private readonly Dictionary<SimulatedFilesystem, (int Mounts, long Errors)> _errors = [];
    private long _lastProbe;

    /// <summary>Something of the guest's filesystems or disks may be another: what the kernel tells of it is read.</summary>
    public void Look()
    {
        if (!Lives)
        {
            return;
        }

        ReadMounts(isFirst: false);
        Drain(otherwise: null);
        foreach (SimulatedFilesystem one in _guest.Filesystems)
        {
            // Mostly the kernel says so; else the next probe finds out.
            if (one.Truth == FilesystemTruth.Aborted && _aborts.Add(one) && _world.Chance.Chance(700))
            {
                Observe(new Observation.KernelLineSeen(
                    new KernelLine(KernelLineKind.JournalAborted, NameOf(one), Now.SinceBoot)));
            }

            AgentDevice device = DeviceOf(one);
            if (_outstanding.TryGetValue(device, out long probe))
            {
                Return(one, device, probe);
            }
        }
    }

    private void Observe(Observation observation) => TakeIfAlive(new AgentInput.Observed(observation));

    private void ReadMounts(bool isFirst)
    {
        Note(new Observation.MountTableRead(
            [.. _guest.Filesystems.Where(one => one.Truth != FilesystemTruth.NotMounted).Select(ToMount)], isFirst));
        foreach (SimulatedFilesystem one in _guest.Filesystems)
        {
            long errors = one.Truth is FilesystemTruth.Aborted or FilesystemTruth.ErrorsRecorded ? 1 : 0;
            bool isKnown = _errors.TryGetValue(one, out (int Mounts, long Errors) before) && before == (one.Mounts, errors);
            if (one.Truth != FilesystemTruth.NotMounted && !isKnown)
            {
                _errors[one] = (one.Mounts, errors);
                // An agent that starts after the abort finds when it was, as the superblock keeps it.
                RecordedError? last = isFirst && errors > 0 ? new RecordedError("ext4_journal_check_start", Now.WallClock) : null;
                Note(new Observation.ErrorsCountRead(DeviceOf(one), errors, last));
            }
        }
    }

    /// <summary>A fact that is taken with whatever comes next.</summary>
    private void Note(Observation observation) => _inputs.Enqueue(new AgentInput.Observed(observation));

    private ObservedMount ToMount(SimulatedFilesystem one)
    {
        var entry = new MountEntry
        {
            MountId = (_guest.Filesystems.Count * one.Mounts) + IndexOf(one) + 20,
            Device = DeviceOf(one),
            Root = MountPoint.Root,
            MountPoint = one.Mount,
            MountOptions = ["rw"],
            FilesystemType = one.Type,
            Source = MountPoint.FromText($"/dev/{NameOf(one)}"),
            SuperOptions = [one.Truth == FilesystemTruth.ReadOnlyByError ? "ro" : "rw"],
        };
        return new ObservedMount(
            entry.Among([entry]), NameOf(one), [new DeviceAlias(NameOf(one), SectorRange.All)],
            new MountWish(WishSource.Fstab, IsReadOnly: false))
        {
            Origins = [one.Origin],
        };
    }

    /// <summary>A probe comes back within milliseconds, or when its disk does, or never.</summary>
    private void StartProbe(AgentDevice device)
    {
        long probe = ++_lastProbe;
        _outstanding[device] = probe;
        Note(new Observation.ProbeStarted(device, probe));
        SimulatedFilesystem one = _guest.Filesystems[device.Minor / MinorsOfADisk];
        _world.Agenda.In(TimeSpan.FromMilliseconds(_world.Chance.Between(1, 30)), () => Return(one, device, probe));
    }

    private void Return(SimulatedFilesystem one, AgentDevice device, long probe)
    {
        bool comesBack = one.Truth is FilesystemTruth.Aborted or FilesystemTruth.ReadOnlyByError or FilesystemTruth.NotMounted
            || (one.Disk.IsUp && one.Truth != FilesystemTruth.HungForGood);
        if (!Lives || !comesBack || _outstanding.GetValueOrDefault(device) != probe)
        {
            return;
        }

        _outstanding.Remove(device);
        ProbeResult result = one.Truth switch
        {
            FilesystemTruth.Well or FilesystemTruth.ErrorsRecorded when !one.IsReadOnlySubvolume
                => new ProbeResult(ProbeStep.Done, ProbeResult.Ok, TimeSpan.FromMilliseconds(1)),
            FilesystemTruth.NotMounted => new ProbeResult(ProbeStep.OpenMountPoint, "ESTALE", TimeSpan.FromMilliseconds(1)),
            _ => new ProbeResult(ProbeStep.Open, "EROFS", TimeSpan.FromMilliseconds(1))
            {
                IsReadOnlySubvolume = one.IsToldOfSubvolume && _world.Policy.Holds(Safeguards.SecondFact),
            },
        };
        if (!result.Wrote)
        {
            ReadMounts(isFirst: false);
        }

        if (result.ErrnoName == "EROFS" && !_world.Policy.Holds(Safeguards.SecondFact))
        {
            // An agent that takes a refused write for an abort, as if the kernel had said so.
            Note(new Observation.KernelLineSeen(
                new KernelLine(KernelLineKind.JournalAborted, NameOf(one), Now.SinceBoot)));
        }

        Observe(new Observation.ProbeFinished(device, probe, result));
    }

    /// <summary>What an outstanding probe waits for: a device that completes nothing.</summary>
    private void SampleOutstanding()
    {
        foreach (AgentDevice device in _outstanding.Keys)
        {
            Note(new Observation.ActivitySampled(
                device, new BlockActivity(Inflight: 1, WriteCompletions: 1, IsReadOnly: false) { InflightWrites = 1 }));
        }
    }

    private static int IndexOf(SimulatedFilesystem one) => one.IsRoot ? 0 : 1;

    private static AgentDevice DeviceOf(SimulatedFilesystem one) => new(VirtualDisks, IndexOf(one) * MinorsOfADisk);

    private static string NameOf(SimulatedFilesystem one) => one.Device;
}
