using HostBridge.Recovery;
using Protocol.Health;
using Simulation.Engine;

namespace Simulation.World;

/// <summary>
/// What happens in and to one guest: its filesystems meet their disks, its domain starts and ends, and its agent looks
/// and reports. What it does when asked stands in <see cref="RequestWork"/>.
/// </summary>
internal sealed class GuestLife(SimulatedWorld world, SimulatedGuest guest)
{
    private static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(60);
    private readonly Prng _chance = world.Chance;

    /// <summary>Whether its boot has not come so far that an agent runs.</summary>
    public bool IsBooting { get; private set; }

    /// <summary>A disk of it failed or came back.</summary>
    public void DiskChanged(SimulatedDisk disk)
    {
        if (!disk.IsUp)
        {
            // open-iscsi fails the commands after replacement_timeout, 120 s unless it is set lower.
            int outage = disk.Outages;
            world.Agenda.In(world.Scenario.ReplacementTimeout, () => GiveUp(disk, outage));
        }

        world.Agenda.In(_chance.Seconds(0.3, disk.IsUp ? 5 : 8), Look);
    }

    /// <summary>Writes fail although nothing is wrong with the disk, or they do again.</summary>
    public void Break(SimulatedFilesystem filesystem, FilesystemTruth truth)
    {
        // What never writes has no journal to abort.
        if (!filesystem.IsReadOnlySubvolume && filesystem.Truth is FilesystemTruth.Well or FilesystemTruth.ErrorsRecorded)
        {
            filesystem.Truth = truth;
            world.Tell(guest, "truth", world.Trace.IsKept ? $"{filesystem.Mount} is {truth}" : string.Empty);
            world.Agenda.In(_chance.Seconds(0.3, 6), Look);
        }
    }

    /// <summary>A domain of it begins, and boots.</summary>
    public void Start(bool isFirst)
    {
        guest.Domain = world.NextDomain();
        guest.BootOfDomain[guest.Domain.Value] = guest.BootSerial;
        guest.Whereabouts = Whereabouts.Here;
        world.Tell(guest, "starts", world.Trace.IsKept ? $"domain {guest.Domain}, boot {guest.BootSerial}" : string.Empty);
        world.Listener.Changed(guest);
        IsBooting = true;
        Boot(guest.BootSerial, isFirst ? TimeSpan.FromSeconds(1) : _chance.Seconds(8, 40));
    }

    /// <summary>Its domain ends, whoever ended it.</summary>
    public void End(Whereabouts next)
    {
        world.Tell(guest, "ends", next.ToString());
        guest.Domain = null;
        guest.Whereabouts = next;
        StopAgent();
        guest.StandingReport = null;
        guest.StandingOutcome = null;
        guest.StandingRequest = null;
        guest.Said.Clear();
        guest.Nodes.Clear();
        world.Listener.Changed(guest);
    }

    /// <summary>Its domain ends, and the toolstack starts it again.</summary>
    public void Restart()
    {
        if (guest.Domain is null)
        {
            return;
        }

        End(Whereabouts.Restarting);
        guest.BeginBoot();
        world.Agenda.In(_chance.Seconds(0.5, 5), () =>
        {
            if (guest.Whereabouts == Whereabouts.Restarting)
            {
                Start(isFirst: false);
            }
        });
    }

    /// <summary>Its agent ends.</summary>
    public void StopAgent()
    {
        guest.AgentRuns = false;
        guest.AgentLife++;
        guest.AtWorkOn = default;
        guest.Agent = null;
    }

    /// <summary>Its agent starts, in the boot that runs.</summary>
    public void StartAgent()
    {
        if (guest.Domain is null || guest.AgentRuns)
        {
            return;
        }

        guest.AgentRuns = true;
        guest.AgentLife++;
        guest.Said.Clear();
        if (guest.RunsRealAgent)
        {
            guest.Agent = new AgentProcess(world, guest);
            guest.Agent.Start();
            return;
        }

        Look();
        Beat(guest.AgentLife);
        world.RequestWork.LookForRequest(guest);
    }

    /// <summary>The agent looks at everything, and reports what changed.</summary>
    public void Look()
    {
        if (!guest.AgentRuns || guest.IsHostile)
        {
            return;
        }

        if (guest.Agent is { } agent)
        {
            agent.Look();
            return;
        }

        bool isSame = guest.Said.Count == guest.Filesystems.Count;
        for (int i = 0; i < guest.Filesystems.Count && isSame; i++)
        {
            isSame = guest.Said[i] == VerdictOf(guest.Filesystems[i]);
        }

        if (!isSame)
        {
            Publish();
        }
    }

    private void Publish()
    {
        guest.Said.Clear();
        var healths = new List<FilesystemHealth>(guest.Filesystems.Count);
        foreach (SimulatedFilesystem one in guest.Filesystems)
        {
            guest.Said.Add(VerdictOf(one));
            if (one.Truth != FilesystemTruth.NotMounted)
            {
                healths.Add(one.Say(one.Verdict));
            }
        }

        healths.Sort((one, other) => other.Verdict.ToRank().CompareTo(one.Verdict.ToRank()));
        world.Report(guest, guest.Boot, ++guest.Sequence, healths);
    }

    private static Verdict VerdictOf(SimulatedFilesystem one)
        => one.Truth == FilesystemTruth.NotMounted ? Verdict.Unknown : one.Verdict;

    private void Beat(int life)
    {
        world.Agenda.In(HeartbeatInterval, () =>
        {
            if (life == guest.AgentLife && guest.AgentRuns)
            {
                if (guest.StandingReport is { } standing)
                {
                    guest.StandingReport = standing with { };
                    world.Listener.Changed(guest);
                }

                Beat(life);
            }
        });
    }

    private void GiveUp(SimulatedDisk disk, int outage)
    {
        if (disk.IsUp || disk.Outages != outage || guest.Whereabouts != Whereabouts.Here)
        {
            return;
        }

        foreach (SimulatedFilesystem one in guest.Filesystems)
        {
            if (one.Disk == disk && one.OutageNoted != outage)
            {
                one.OutageNoted = outage;
                Break(one, guest.Character == Character.Hanging && one.IsRoot ? FilesystemTruth.HungForGood : DrawFault());
            }
        }
    }

    private FilesystemTruth DrawFault() => world.Scenario.IsKind ? FilesystemTruth.Aborted : _chance.Below(20) switch
    {
        0 => FilesystemTruth.ErrorsRecorded,
        1 or 2 or 3 => FilesystemTruth.ReadOnlyByError,
        4 => FilesystemTruth.Well,
        _ => FilesystemTruth.Aborted,
    };

    /// <summary>The boot goes on as soon as its disks answer; a check takes its time.</summary>
    private void Boot(int serial, TimeSpan takes)
        => world.Agenda.In(takes, () =>
        {
            if (serial != guest.BootSerial || guest.Domain is null)
            {
                return;
            }

            if (guest.Disks.Any(disk => !disk.IsUp))
            {
                Boot(serial, TimeSpan.FromSeconds(10));
                return;
            }

            bool isCheckDue = guest.Filesystems.Any(one => one.Truth != FilesystemTruth.Well);
            if (isCheckDue && guest.BootCheckExit is null)
            {
                guest.BootCheckExit = CheckExit();
                guest.BootCheckedIn = serial;
                Boot(serial, guest.CheckTime);
                return;
            }

            FinishBoot();
        });

    private void FinishBoot()
    {
        IsBooting = false;
        bool isMended = guest.BootCheckExit is null or < 4;
        guest.BootCheckKnown = guest.IsCheckArmed ? guest.BootCheckExit : null;
        guest.BootCheckExit = null;
        guest.IsCheckArmed = false;
        foreach (SimulatedFilesystem one in guest.Filesystems)
        {
            if (isMended)
            {
                one.Truth = FilesystemTruth.Well;
            }
            else if (one.Truth is FilesystemTruth.HungForGood or FilesystemTruth.NotMounted)
            {
                one.Truth = FilesystemTruth.Aborted;
            }

            one.OutageNoted = one.Disk.Outages;
        }

        guest.MendedAt = world.Agenda.Now;
        StartAgent();
        MaybeRelapse();
    }

    /// <summary>What an e2fsck of it ends with; 4 and above leave errors.</summary>
    public int CheckExit()
        => guest.Character == Character.NeverRecovering
            ? _chance.Of<int>([4, 4, 8, 12])
            : world.Scenario.IsKind ? 1
            : _chance.Below(20) switch { 0 => 4, 1 => 2, < 8 => 0, _ => 1 };

    /// <summary>It heals, and breaks again a while later, for some times.</summary>
    public void MaybeRelapse()
    {
        if (guest.RelapsesLeft > 0)
        {
            guest.RelapsesLeft--;
            SimulatedFilesystem broken = guest.Filesystems[_chance.Below(guest.Filesystems.Count)];
            world.Agenda.In(_chance.Seconds(2, 400), () => Break(broken, FilesystemTruth.Aborted));
        }
    }
}
