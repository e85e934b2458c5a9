using HostBridge.Recovery;
using Protocol.Health;
using Simulation.Engine;

namespace Simulation.World;

/// <summary>
/// What the agents do with requests: they refuse what does not fit any more, take none twice, say so before they act,
/// and answer.
/// </summary>
internal sealed class RequestWork(SimulatedWorld world)
{
    private readonly Prng _chance = world.Chance;

    /// <summary>The agent reads what stands for it, as it does at its start and when the node changes.</summary>
    public void LookForRequest(SimulatedGuest guest)
    {
        if (guest.RunsRealAgent)
        {
            world.Agenda.In(_chance.Seconds(0.05, 1.5), () => guest.Agent?.ReadRequest());
            return;
        }

        if (guest.StandingRequest is null)
        {
            return;
        }

        int life = guest.AgentLife;
        TimeSpan seen = world.Agenda.Now;
        TimeSpan takes = !world.Scenario.IsKind && _chance.Chance(50) ? _chance.Seconds(20, 80) : _chance.Seconds(0.05, 1.5);
        world.Agenda.In(takes, () =>
        {
            if (life == guest.AgentLife && guest.AgentRuns && guest.StandingRequest is { } request)
            {
                Take(guest, request, world.Agenda.Now - seen);
            }
        });
    }

    private void Take(SimulatedGuest guest, GuestRequest request, TimeSpan age)
    {
        if (guest.Character == Character.Stuck || guest.IsHostile || !guest.TakenRequests.Add(request.Id))
        {
            return;
        }

        if (guest.Character == Character.RebootingMidCommand && guest.RelapsesLeft > 0)
        {
            guest.RelapsesLeft--;
            world.Agenda.In(_chance.Seconds(0.1, 3), world.LifeOf(guest).Restart);
        }

        SimulatedFilesystem? filesystem = guest.Filesystems.FirstOrDefault(one
            => one.Mount == request.Filesystem && one.Truth != FilesystemTruth.NotMounted);
        OutcomeReason objection = Objection(guest, request, filesystem, age);
        if (objection != OutcomeReason.None)
        {
            Answer(guest, request, RequestStatus.Refused, objection);
        }
        else if (request.Action == RequestAction.Probe)
        {
            bool writes = filesystem!.Writes;
            Answer(guest, request, writes ? RequestStatus.Done : RequestStatus.Failed,
                writes ? OutcomeReason.None : OutcomeReason.ProbeFailed, writes ? "ok" : "EROFS");
        }
        else
        {
            Carry(guest, request, filesystem!);
        }
    }

    private static OutcomeReason Objection(
        SimulatedGuest guest, GuestRequest request, SimulatedFilesystem? filesystem, TimeSpan age)
    {
        if (request.BootId != guest.Boot)
        {
            return OutcomeReason.BootIdDiffers;
        }

        if (age.TotalSeconds >= request.LifetimeSeconds)
        {
            return OutcomeReason.Expired;
        }

        if (filesystem is null)
        {
            return OutcomeReason.UnknownFilesystem;
        }

        if (request.Action == RequestAction.Probe)
        {
            return OutcomeReason.None;
        }

        if (!guest.AtWorkOn.IsNone)
        {
            return OutcomeReason.Busy;
        }

        if (!filesystem.Disk.IsUp || filesystem.Truth == FilesystemTruth.HungForGood)
        {
            return OutcomeReason.ProbeOutstanding;
        }

        if (filesystem.Writes)
        {
            return OutcomeReason.FaultGone;
        }

        return request.Action switch
        {
            RequestAction.Remount when filesystem.Truth != FilesystemTruth.ReadOnlyByError => OutcomeReason.NotLegitimate,
            RequestAction.Repair when filesystem.IsRoot => OutcomeReason.NotLegitimate,
            RequestAction.Repair when !guest.Root.Writes => OutcomeReason.RootNotWritable,
            RequestAction.Repair when filesystem.IsBusy => OutcomeReason.InUse,
            _ => OutcomeReason.None,
        };
    }

    private void Carry(SimulatedGuest guest, GuestRequest request, SimulatedFilesystem filesystem)
    {
        guest.AtWorkOn = request.Id;
        Answer(guest, request, RequestStatus.Accepted, OutcomeReason.None);
        int life = guest.AgentLife;
        TimeSpan takes = request.Action switch
        {
            RequestAction.Repair => guest.CheckTime,
            RequestAction.Reboot => _chance.Seconds(0.3, 10),
            _ => _chance.Seconds(0.1, 2),
        };
        world.Agenda.In(takes, () =>
        {
            if (life == guest.AgentLife && guest.AgentRuns)
            {
                guest.AtWorkOn = default;
                Finish(guest, request, filesystem);
            }
        });
    }

    private void Finish(SimulatedGuest guest, GuestRequest request, SimulatedFilesystem filesystem)
    {
        switch (request.Action)
        {
            case RequestAction.Reboot when guest.Character == Character.RefusingToEnd:
                // The old boot goes on and says nothing more.
                break;
            case RequestAction.Reboot when !world.Scenario.IsKind && _chance.Chance(20):
                Answer(guest, request, RequestStatus.Failed, OutcomeReason.RebootFailed);
                break;
            case RequestAction.Reboot:
                world.LifeOf(guest).Restart();
                break;
            case RequestAction.Remount when _chance.Chance(700):
                filesystem.Truth = FilesystemTruth.Well;
                Succeed(guest, request, exitCode: null);
                break;
            case RequestAction.Remount:
                Answer(guest, request, RequestStatus.Failed, OutcomeReason.ProbeFailed, "EROFS");
                break;
            default:
                Repair(guest, request, filesystem);
                break;
        }
    }

    private void Repair(SimulatedGuest guest, GuestRequest request, SimulatedFilesystem filesystem)
    {
        int exitCode = filesystem.Disk.IsUp ? world.LifeOf(guest).CheckExit() : 8;
        if (exitCode >= 4)
        {
            filesystem.Truth = FilesystemTruth.NotMounted;
            world.LifeOf(guest).Look();
            Answer(guest, request, RequestStatus.Failed, OutcomeReason.CheckFailed, exitCode: exitCode);
            return;
        }

        filesystem.Truth = FilesystemTruth.Well;
        Succeed(guest, request, exitCode);
    }

    private void Succeed(SimulatedGuest guest, GuestRequest request, int? exitCode)
    {
        // The probe that proves it and the next report tell of it in either order.
        if (_chance.Chance(500))
        {
            world.LifeOf(guest).Look();
        }
        else
        {
            world.Agenda.In(_chance.Seconds(0.2, 5), world.LifeOf(guest).Look);
        }

        Answer(guest, request, RequestStatus.Done, OutcomeReason.None, "ok", exitCode);
        world.LifeOf(guest).MaybeRelapse();
    }

    private void Answer(
        SimulatedGuest guest, GuestRequest request, RequestStatus status, OutcomeReason reason, string probe = "",
        int? exitCode = null)
    {
        guest.StandingOutcome = new RequestOutcome
        {
            Id = request.Id,
            BootId = guest.Boot,
            Status = status,
            Reason = reason,
            Probe = probe,
            FsckExitCode = exitCode,
        };
        world.Tell(guest, "answers", world.Trace.IsKept ? $"{request.Id} {status} {reason} {probe}" : string.Empty);
        world.Listener.Changed(guest);
    }
}
