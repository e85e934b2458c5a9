using HostBridge.Recovery;
using Protocol.Health;

namespace HostBridge.Admin.Views;

/// <summary>
/// What comes next for a guest, in one line. When nothing does, it says why, and names the command or the key of the
/// configuration that changes it.
/// </summary>
internal static class NextSteps
{
    private static readonly KebabNames<HindranceKind> Kinds = new();

    /// <summary>The line.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="at">The moment.</param>
    public static string Of(GuestPicture guest, Moment at) => guest.Record.State switch
    {
        RecoveryState.Healthy => "nothing is wrong",
        RecoveryState.Recovering act => OfAct(act, at),
        RecoveryState.Verifying proof
            => $"proves that {proof.Act.Fault.Filesystem.MountPoint} writes again; {Until(proof.Deadline, at)}",
        RecoveryState.Resuming resuming => $"finds out what became of {resuming.Open.Intent}; {Until(resuming.Deadline, at)}",
        RecoveryState.NeedsOperator { Release: not OperatorRelease.WhenReasonEnds }
            => $"needs you: host-bridge explain {Name(guest)}",
        _ => OfOutlook(guest),
    };

    /// <summary>One thing that stands in the way, with what changes it.</summary>
    public static HindranceLine ToLine(Hindrance hindrance, string guest) => new()
    {
        Kind = Kinds.ToName(hindrance.Kind),
        Text = hindrance.Text,
        Remedy = Remedy(hindrance.Kind, guest),
        EndsAt = hindrance.EndsAt,
        YieldsToRecover = hindrance.YieldsToOrder,
    };

    /// <summary>What changes a hindrance: a command, a key, or where to look.</summary>
    public static string Remedy(HindranceKind kind, string guest) => kind switch
    {
        HindranceKind.NoDomain => $"start it: xl create, then host-bridge explain {guest}",
        HindranceKind.UnderWay => $"wait; host-bridge history {guest} tells what was done so far",
        HindranceKind.Acknowledgement
            => $"look at it, then host-bridge acknowledge {guest}, or host-bridge recover {guest} to have it tried again",
        HindranceKind.NoAgent => "install guest-agent in it, or look at its console: xl console",
        HindranceKind.Silent => "look at its console (xl console) and at its guest-agent; restart it by hand if it is dead",
        HindranceKind.NothingWrong => "nothing is to be done",
        HindranceKind.Hang => "mend the storage; if it hangs on although that is stable, restart it by hand",
        HindranceKind.ByHand => "by hand",
        HindranceKind.HiddenStorage
            => "make sure that its storage is well, then restart it with a forced check by hand",
        HindranceKind.Twin => "find out which of them is the guest (xl list -v) and shut the other down",
        HindranceKind.Storage => "mend the storage; nothing is ever done before it is stable",
        HindranceKind.NotHeard => "wait for its heartbeat, which comes every minute, or look at its guest-agent",
        HindranceKind.Observe
            => $"host-bridge recover {guest} for this once; "
                + $"mode = recover in [guest {guest}] of host-bridge.conf and a reload for good",
        HindranceKind.HostPause => "host-bridge resume",
        HindranceKind.GuestPause => $"host-bridge resume {guest}",
        HindranceKind.Window => $"wait for its end, or host-bridge recover {guest}",
        HindranceKind.Grace => $"wait (grace-seconds), or host-bridge recover {guest}",
        HindranceKind.Contradiction => "wait for its next report, or look at its guest-agent",
        HindranceKind.RootNotWritable => "mend its root first",
        HindranceKind.HostEvidence
            => $"host-bridge recover {guest} for this once; act-without-host-evidence = true in host-bridge.conf for good",
        HindranceKind.UnforcedCheck
            => "have its boot check it (guest-agent/DETECTION.md), or accept-unforced-reboot = true in host-bridge.conf",
        HindranceKind.Budget => $"find out why it keeps failing, then host-bridge recover {guest}",
        HindranceKind.Spacing => "wait",
        HindranceKind.Turn => "wait for its turn",
        HindranceKind.Breaker
            => $"look at the storage, then host-bridge acknowledge --all, or host-bridge recover {guest}",
        _ => throw new System.ArgumentOutOfRangeException(nameof(kind), kind, "is no hindrance"),
    };

    private static string OfOutlook(GuestPicture guest)
    {
        string name = Name(guest);
        if (guest.Outlook.Hindrances is not [var first, ..])
        {
            return guest.Outlook.Rung is Rung.Remount or Rung.Repair or Rung.Reboot
                ? $"will {ForcedCheck.Verb(guest.Outlook.Rung, guest.Outlook.Filesystem)} now"
                : "waits for its next report";
        }

        Hindrance weighs = guest.Outlook.Refusal ?? first;
        return weighs.Kind switch
        {
            HindranceKind.NothingWrong when GuestStates.IsOnlyUnheard(guest)
                => "waits for its heartbeat, which comes every minute",
            HindranceKind.NothingWrong => weighs.Text,
            HindranceKind.NoDomain => "it runs in no domain here",
            HindranceKind.NoAgent => "no agent of it has reported",
            HindranceKind.Silent => "fell silent: look at its console",
            HindranceKind.Hang => "hangs; that ends by itself once its storage is back",
            HindranceKind.ByHand or HindranceKind.HiddenStorage or HindranceKind.RootNotWritable
                or HindranceKind.UnforcedCheck
                => $"needs you: host-bridge explain {name}",
            HindranceKind.Storage => $"waits for its storage{Then(guest)}",
            HindranceKind.NotHeard => $"waits for a sign of life{Then(guest)}",
            HindranceKind.Grace or HindranceKind.Spacing => $"is given time{Then(guest)}",
            HindranceKind.Turn => $"waits for its turn{Then(guest)}",
            HindranceKind.Contradiction => "contradicted its report: waits for a newer one",
            HindranceKind.HostPause => "the bridge is paused: host-bridge resume",
            HindranceKind.GuestPause => $"paused: host-bridge resume {name}",
            HindranceKind.Observe => $"mode = observe: host-bridge recover {name}",
            HindranceKind.Window => $"maintenance window: host-bridge recover {name}",
            HindranceKind.HostEvidence => $"this host saw no fault: host-bridge recover {name}",
            HindranceKind.Budget => $"out of its budget: host-bridge recover {name}",
            HindranceKind.Breaker => $"too many failed: host-bridge recover {name}",
            _ => $"host-bridge explain {name}",
        };
    }

    /// <summary>What follows, where it would without a person.</summary>
    private static string Then(GuestPicture guest)
        => guest.Outlook.Hindrances.FirstOrDefault(one => !one.IsWaitedFor && one.Kind != HindranceKind.Grace) is { } other
            ? $", then {OfOutlook(guest with { Outlook = guest.Outlook with { Hindrances = [other] } })}"
            : $", then will {ForcedCheck.Verb(guest.Outlook.Rung, guest.Outlook.Filesystem)}";

    private static string OfAct(RecoveryState.Recovering act, Moment at)
    {
        string what = act.Phase switch
        {
            RecoveryPhase.RecordingIntent => $"is about to {ForcedCheck.Verb(act.Rung, act.Fault.Filesystem)}",
            RecoveryPhase.ArmingFsck => "has a check forced at its next boot",
            RecoveryPhase.AwaitingAnswer => $"asked it to {act.Rung.ToString().ToLowerInvariant()}; waits for its answer",
            RecoveryPhase.AwaitingCompletion => $"it is at work ({act.Rung.ToString().ToLowerInvariant()})",
            RecoveryPhase.Recreating => $"{RecoveryTurn.Verb(act.Rung)}: {act.Recreation?.Step.ToString().ToLowerInvariant()}",
            _ => "waits for its new boot, which may be checking its filesystems",
        };
        return $"{what}; {Until(act.Deadline, at)}";
    }

    private static string Until(System.TimeSpan deadline, Moment at)
        => $"at most {PeopleWords.Duration(deadline - at.Elapsed)} more";

    private static string Name(GuestPicture guest) => guest.Record.Identity.Name;
}
