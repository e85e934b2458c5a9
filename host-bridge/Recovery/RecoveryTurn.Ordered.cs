using Protocol.Health;
using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Recovery;

/// <summary>The part for a person who orders a recovery, and for what anybody may want to know of it.</summary>
internal sealed partial class RecoveryTurn
{
    /// <summary>Whether a person ordered what is being decided or done.</summary>
    private bool IsOrdered => _guest.Order is not null;

    /// <summary>
    /// Everything that stands between this guest and its recovery, in the order in which the other parts of the turn
    /// judge it.
    /// </summary>
    public Outlook Outlook()
    {
        TriageResult triage = _guest.Report is { } report
            ? Triage.Of(report, TermsOfTriage(storageOpen: true))
            : default;
        var found = new List<Hindrance>();
        if (_guest.State.IsInFlight)
        {
            found.Add(new Hindrance(HindranceKind.UnderWay, "its recovery is under way"));
        }
        else if (_guest.Domain is null)
        {
            found.Add(new Hindrance(HindranceKind.NoDomain, "it runs in no domain of this host"));
        }
        else
        {
            AddStanding(found);
            AddDoubts(found, triage);
            if (triage.Rung is Rung.Remount or Rung.Repair or Rung.Reboot)
            {
                AddStorage(found);
                found.AddRange(consent.Objections(_guest.Identity, now.Wall));
                AddEvidence(found, triage);
                AddCounts(found);
            }
        }

        return new Outlook(triage.Filesystem, triage.Rung, found);
    }

    private void AddStanding(List<Hindrance> found)
    {
        if (_guest.State is NeedsOperator { Release: not OperatorRelease.WhenReasonEnds } standing)
        {
            found.Add(new Hindrance(HindranceKind.Acknowledgement, $"a person is needed: {standing.Reason}"));
        }
    }

    /// <summary>Why there is nothing that could be done, as far as its words go.</summary>
    private void AddDoubts(List<Hindrance> found, TriageResult triage)
    {
        if (_guest.Report is not { } report)
        {
            found.Add(new Hindrance(HindranceKind.NoAgent, "no agent of it has reported"));
            return;
        }

        if (IsSilent())
        {
            found.Add(new Hindrance(
                HindranceKind.Silent, "it fell silent, and its last report is no evidence any more"));
        }

        Hindrance? none = triage.Rung switch
        {
            Rung.Nothing => new Hindrance(
                _guest.Vanished is null ? HindranceKind.NothingWrong : HindranceKind.ByHand,
                WhyNothingIsRecovered(report)),
            Rung.Wait => new Hindrance(
                HindranceKind.Hang, $"{Triage.Describe(triage.Filesystem!)}, and a hang ends by itself"),
            Rung.Operator => new Hindrance(
                HindranceKind.ByHand, $"{Triage.Describe(triage.Filesystem!)}; {Advice(triage.Filesystem!)}"),
            _ => null,
        };
        if (none is not null)
        {
            found.Add(none);
        }
    }

    private void AddStorage(List<Hindrance> found)
    {
        if (_guest.Disks.Unmappable.Count > 0)
        {
            found.Add(new Hindrance(
                HindranceKind.HiddenStorage, $"{Unmappable()} cannot be mapped to a device of this host"));
        }
        else if (!StorageIsOpen && _guest.Storage.Gate is StorageGate.Closed closed)
        {
            found.Add(new Hindrance(HindranceKind.Storage, $"its storage is not stable: {closed.Reasons}"));
        }

        if (WhyTwin() is { } twin)
        {
            found.Add(new Hindrance(HindranceKind.Twin, twin));
        }

        if (!CountsAsHeard)
        {
            found.Add(new Hindrance(
                HindranceKind.NotHeard, "it was not heard yet since the bridge began to listen"));
        }
    }

    private void AddEvidence(List<Hindrance> found, TriageResult triage)
    {
        GuestReport report = _guest.Report!;
        if (now.Elapsed - _guest.BootHeardAt < policy.GraceAfterBoot)
        {
            found.Add(new Hindrance(HindranceKind.Grace, "this boot was first heard a moment ago, it is given time")
            {
                EndsAt = WallAt(_guest.BootHeardAt + policy.GraceAfterBoot),
            });
        }

        if (policy.Holds(Safeguards.FreshEvidence) && _guest.Spent is { } spent && report.Sequence <= spent.Sequence)
        {
            found.Add(new Hindrance(
                HindranceKind.Contradiction, "it contradicted that report when it was asked, and wrote no newer one yet"));
        }

        if (triage is { Rung: Rung.Repair or Rung.Remount, Filesystem.Role: FilesystemRole.Data }
            && !Triage.IsRootWritable(report))
        {
            found.Add(new Hindrance(
                HindranceKind.RootNotWritable, "nothing can be run in it while its root is not writable"));
        }

        if (triage is { Rung: Rung.Reboot, Filesystem: { } dead } && WhyUnforced(dead) is { } unforced)
        {
            found.Add(new Hindrance(HindranceKind.UnforcedCheck, unforced));
        }

        if (triage.Rung == Rung.Reboot && !HasHostEvidence(_guest.Fault?.Since ?? now.Elapsed))
        {
            found.Add(new Hindrance(HindranceKind.HostEvidence, NoHostEvidence));
        }
    }

    private void AddCounts(List<Hindrance> found)
    {
        if (RecentRecoveries() >= policy.MaxPerGuest && policy.Holds(Safeguards.Budget))
        {
            found.Add(new Hindrance(HindranceKind.Budget, BudgetText())
            {
                EndsAt = WallAt(_guest.Recoveries[^policy.MaxPerGuest] + policy.BudgetWindow),
            });
        }
        else if (!SpacingHasPassed())
        {
            found.Add(new Hindrance(
                HindranceKind.Spacing, $"its last recovery began less than {policy.Spacing.TotalSeconds:0} s ago")
            {
                EndsAt = WallAt(_guest.Recoveries[^1] + policy.Spacing),
            });
        }
    }

    private string WhyNothingIsRecovered(GuestReport report)
        => _guest.Vanished is { } vanished
            ? Triage.DescribeOutOfSight(vanished, report)
            : report.Filesystems.FirstOrDefault(one => !Triage.IsWell(one.Verdict)) is { } doubtful
                ? $"{Triage.Describe(doubtful)}, which is never acted on"
                : Triage.LacksRoot(report) && report.Filesystems.Count > 0 ? "its root is not in its report"
                : report.Filesystems.Count > 0 ? "everything that it reports is well"
                : "it reports no filesystem";

    private DateTimeOffset WallAt(TimeSpan elapsed) => now.Wall + (elapsed - now.Elapsed);

    private string BudgetText()
        => $"it had {policy.MaxPerGuest} recoveries within {policy.BudgetWindow.TotalHours:0.#} h";

    /// <summary>
    /// A person orders a recovery, which also acknowledges what stands; what is at stake stays in sight. An order that
    /// leads nowhere changes nothing.
    /// </summary>
    private void TakeOrder()
    {
        if (Outlook().Refusal is { } refusal)
        {
            Tell(TellKind.Decision, $"a person ordered its recovery; refused: {refusal.Text}", Facts());
            return;
        }

        _guest = _guest with { Order = new RecoveryOrder(_guest.CurrentBoot, now.Elapsed + policy.OrderLifetime) };
        Tell(
            TellKind.Decision,
            $"a person ordered its recovery; that holds for {policy.OrderLifetime.TotalMinutes:0} min",
            Facts());
        if (_guest.State is NeedsOperator needed)
        {
            if (needed.AtStake is { } atStake)
            {
                KeepInSight(atStake);
            }

            _endsStanding = needed.Release != OperatorRelease.WhenReasonEnds;
            _guest = _guest with { State = new Unknown() };
        }

        Judge();
    }

    /// <summary>An order that led to nothing in its time, or whose boot is over, counts no more.</summary>
    private void LapseOrder()
    {
        if (_guest.Order is { } order && !_guest.State.IsInFlight
            && (now.Elapsed >= order.Until || order.BootId != _guest.CurrentBoot))
        {
            _guest = _guest with { Order = null };
            Tell(
                TellKind.Decision,
                order.BootId != _guest.CurrentBoot
                    ? "the order to recover it is over: it booted anew"
                    : "the order to recover it is over: its time has passed",
                Facts());
        }
    }

    /// <summary>What was ordered is done, or a person is needed again.</summary>
    private void SettleOrder()
    {
        if (_guest.Order is not null
            && (_guest.State is Healthy or NeedsOperator || (_guest.Domain is null && !_guest.State.IsInFlight)))
        {
            _guest = _guest with { Order = null };
        }
    }
}
