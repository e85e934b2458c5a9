using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Simulation.Engine;

namespace Simulation.World;

/// <summary>
/// What the bridge's edges do in the world: the durable store, xenstore and the toolstack, each with its own ways to
/// fail, hang and lie. What was begun outside of the bridge goes on when the bridge ends.
/// </summary>
internal sealed class Edges(SimulatedWorld world)
{
    private readonly Prng _chance = world.Chance;

    /// <summary>Carries one effect out, and calls back when it is completed.</summary>
    public void Run(SimulatedGuest guest, BridgeEffect effect, Action<RecoveryInput?> done)
    {
        int life = world.Bridge.Life;
        switch (effect.Action)
        {
            case RecoveryAction.RecordIntent intent:
                world.Tell(guest, "intent", intent.Text);
                StoreEntry entry = world.EntryOf(guest, effect.Domain, TellKind.Intent, intent.Text, intent.Facts);
                world.Store.Append(entry, failure => done(failure is null
                    ? new RecoveryInput.IntentRecorded(intent.Intent)
                    : new RecoveryInput.IntentFailed(intent.Intent, failure)));
                break;
            case RecoveryAction.RecordStep step:
                world.Tell(guest, "step", step.Text);
                StoreEntry taken = world.EntryOf(guest, effect.Domain, TellKind.Action, step.Text, step.Facts);
                world.Persons.Meddle(guest);
                world.Store.Append(taken, failure => done(failure is null
                    ? new RecoveryInput.StepRecorded(step.Intent, step.Step)
                    : new RecoveryInput.StepNotRecorded(step.Intent, step.Step, failure)));
                break;
            case RecoveryAction.ConfirmCreatable confirm:
                world.Persons.Meddle(guest);
                world.Toolstack.Confirm(answer => done(new RecoveryInput.CreatableConfirmed(confirm.Intent, answer)));
                break;
            case RecoveryAction.Destroy destroy:
                world.Toolstack.Destroy(guest, destroy, answer
                    => done(new RecoveryInput.StepTaken(destroy.Intent, OfflineStep.Destroying, answer)));
                break;
            case RecoveryAction.CheckOffline check:
                world.Toolstack.Check(guest, check, answer
                    => done(new RecoveryInput.OfflineChecked(check.Intent, answer)));
                break;
            case RecoveryAction.Create create:
                world.Toolstack.Create(guest, create, answer
                    => done(new RecoveryInput.StepTaken(create.Intent, OfflineStep.Creating, answer)));
                break;
            case RecoveryAction.SendRequest send:
                InXenstore(life, () => Send(guest, send, done));
                break;
            case RecoveryAction.RemoveRequest remove:
                InXenstore(life, () =>
                {
                    if (guest.Domain == remove.Domain && guest.StandingRequest?.Id == remove.RequestId)
                    {
                        guest.StandingRequest = null;
                        world.RequestWork.LookForRequest(guest);
                    }

                    done(null);
                });
                break;
            case RecoveryAction.LeaveWord or RecoveryAction.AskEarlyBoot:
                done(null);
                break;
            case RecoveryAction.ArmForcedFsck arm:
                Arm(guest, arm, done);
                break;
            case RecoveryAction.ReadFsckResult read:
                int? exitCode = guest.Boot == read.BootId ? guest.BootCheckKnown : null;
                world.Agenda.In(_chance.Seconds(0.05, 3), () =>
                    done(new RecoveryInput.FsckResultRead(read.Intent, read.BootId, exitCode)));
                break;
            default:
                throw new InvalidOperationException($"{effect.Action.GetType().Name} is no effect that is known here");
        }
    }

    private void InXenstore(int life, Action act)
        => world.Agenda.In(TimeSpan.FromMilliseconds(_chance.Between(1, 60)), () =>
        {
            if (life == world.Bridge.Life && world.Bridge.Runs)
            {
                act();
            }
        });

    private void Send(SimulatedGuest guest, RecoveryAction.SendRequest send, Action<RecoveryInput?> done)
    {
        if (_chance.Chance(world.Scenario.LinkFaults))
        {
            // It may have been written all the same.
            if (_chance.Chance(500))
            {
                Write(guest, send);
            }

            done(new RecoveryInput.RequestNotSent(send.Request.Id, "the link to xenstore broke"));
            return;
        }

        done(Write(guest, send)
            ? null
            : new RecoveryInput.RequestNotSent(send.Request.Id, "the domain is not this guest any more"));
    }

    private bool Write(SimulatedGuest guest, RecoveryAction.SendRequest send)
    {
        if (guest.Domain != send.Domain)
        {
            return false;
        }

        world.Witness.Written(guest, send);
        guest.StandingRequest = send.Request;
        guest.AskedAt = send.Request.Action == RequestAction.Reboot ? world.Agenda.Now : guest.AskedAt;
        world.Tell(guest, "request", world.Trace.IsKept ? $"{send.Request.Id} {send.Request.Action} {send.Request.Filesystem}" : string.Empty);
        world.RequestWork.LookForRequest(guest);
        return true;
    }

    private void Arm(SimulatedGuest guest, RecoveryAction.ArmForcedFsck arm, Action<RecoveryInput?> done)
    {
        world.Witness.Armed(guest, arm);
        int what = world.FaultsAreOver || world.Scenario.IsKind ? 999 : _chance.Below(1000);
        bool isArmed = what >= 60 || _chance.Chance(500);
        ArmingResult result = what switch
        {
            < 60 => ArmingResult.Failed,
            < 75 => ArmingResult.Unavailable,
            _ => ArmingResult.Armed,
        };
        TimeSpan takes = what < 30 ? TimeSpan.FromSeconds(30) : _chance.Seconds(0.02, 4);
        world.Agenda.In(takes, () =>
        {
            guest.IsCheckArmed |= isArmed && result != ArmingResult.Unavailable;
            done(new RecoveryInput.FsckArmed(arm.Intent, result, result == ArmingResult.Armed ? string.Empty : "it failed"));
        });
    }
}
