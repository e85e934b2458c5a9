using Protocol.Health;
using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Recovery;

/// <summary>
/// The part that keeps in sight what a guest does not list any more: a filesystem that was faulty when it was last seen,
/// and may be used again unchecked.
/// </summary>
internal sealed partial class RecoveryTurn
{
    private const string Also = "; also ";

    private bool _endsStanding;
    private bool _remembersAnew;

    /// <summary>Has noted what a restart of the bridge must know of it, when that changed.</summary>
    private void RememberFaulty()
    {
        bool isSame = ReferenceEquals(_before.LastSeenFaulty, _guest.LastSeenFaulty)
            || _before.LastSeenFaulty.Select(one => one.MountPoint)
                .SequenceEqual(_guest.LastSeenFaulty.Select(one => one.MountPoint));
        bool isOfSameBoot = _guest.LastSeenFaulty.Count == 0 || _before.CurrentBoot == _guest.CurrentBoot;
        if (!isSame || !isOfSameBoot || _endsStanding || _remembersAnew)
        {
            _actions.Add(new RecoveryAction.RememberFaulty(new FaultySeen(_guest.CurrentBoot, _guest.LastSeenFaulty))
            {
                EndsStanding = _endsStanding,
            });
        }
    }

    /// <summary>
    /// What was faulty and is not listed any more, or only as in doubt, stays noted for this boot, and over a restart that
    /// the bridge asked for, which is to bring back every filesystem.
    /// </summary>
    private void NoteFaulty(GuestReport report, bool sameBoot)
    {
        IEnumerable<FilesystemHealth> notWell = sameBoot || IsRestarting
            ? _guest.LastSeenFaulty.Where(before => report.Filesystems.All(one
                => one.MountPoint != before.MountPoint || (!Triage.IsFault(one) && !Triage.IsWell(one.Verdict))))
            : [];
        _guest = _guest with
        {
            LastSeenFaulty = [.. report.Filesystems.Where(Triage.IsFault).Concat(notWell).Take(GuestReport.MaxFilesystems)],
        };
    }

    /// <summary>
    /// What is out of sight in a new boot, or since this report, is given the time of a boot with a check: it may be just
    /// that check which keeps it, or a person's.
    /// </summary>
    private void GiveTimeOutOfSight(bool sameBoot)
    {
        TimeSpan? until = _guest.Vanished is null ? null
            : sameBoot && _guest.OutOfSightUntil is { } before ? before
            : now.Elapsed + BootTime();
        if (until != _guest.OutOfSightUntil)
        {
            _guest = _guest with { OutOfSightUntil = until };
        }
    }

    /// <summary>A filesystem that this boot had at stake before the bridge was started anew, or a person gave an order.</summary>
    private void KeepInSight(MountPoint mountPoint)
    {
        if (_guest.Report?.Filesystems.Any(one => one.MountPoint == mountPoint) == true)
        {
            return;
        }

        _guest = _guest with
        {
            LastSeenFaulty = _guest.LastSeenFaulty.Any(one => one.MountPoint == mountPoint)
                ? _guest.LastSeenFaulty
                : [.. _guest.LastSeenFaulty, KnownByNameAlone(mountPoint)],
            OutOfSightUntil = now.Elapsed,
        };
    }

    /// <summary>
    /// Nothing that is listed calls for an act, and a filesystem that was faulty is not listed. A person is needed: whoever
    /// unmounted it, it must not be used again as it is. A guest with more filesystems than a report holds may have it
    /// among the others.
    /// </summary>
    private void JudgeOutOfSight(FilesystemHealth first, GuestReport report)
    {
        string fault = string.Join("; ", _guest.OutOfSight.Select(one => Triage.DescribeOutOfSight(one, report)));
        NoteFault(first, report);
        if (MayComeBack(report))
        {
            Suspect(fault);
        }
        else
        {
            CallOperator($"{fault}; check it before it is used again", OperatorRelease.WhenHealthy);
        }
    }

    /// <summary>Whether what is out of sight may come back by itself, or be among those that were not listed.</summary>
    private bool MayComeBack(GuestReport report)
        => now.Elapsed < _guest.OutOfSightUntil || report.FilesystemCount > report.Filesystems.Count;

    /// <summary>
    /// An operator is needed for one filesystem until it is seen well; nothing is done to another one meanwhile, and so the
    /// operator is told of that one too.
    /// </summary>
    private void JudgeStanding(NeedsOperator standing, GuestReport report)
    {
        if (!_guest.IsHeard || IsSilent())
        {
            return;
        }

        bool isSeenWell = standing.AtStake is not { } atStake || Triage.IsListedWell(report, atStake);
        if (isSeenWell && Triage.IsHealthy(report))
        {
            if (_guest.Vanished is not { } vanished)
            {
                BecomeHealthy(report);
            }
            else if (!MayComeBack(report))
            {
                // Until then the operator stays: only a proof or another call ends what stands.
                JudgeOutOfSight(vanished, report);
            }
        }
        else if (standing.AtStake is not null && !standing.Reason.Contains(Also, StringComparison.Ordinal)
            && report.Filesystems.FirstOrDefault(one => Triage.IsDead(one.Verdict) && one.MountPoint != standing.AtStake)
                is { } other)
        {
            // Once: a guest that lies may have many.
            CallOperator(standing with { Reason = $"{standing.Reason}{Also}{Triage.Describe(other)}" });
        }
    }

    private FilesystemHealth KnownByNameAlone(MountPoint mountPoint) => new()
    {
        MountPoint = mountPoint,
        Device = string.Empty,
        FilesystemType = string.Empty,
        Role = mountPoint == MountPoint.Root ? FilesystemRole.Root : FilesystemRole.Data,
        Verdict = Verdict.Unknown,
        Since = now.Wall,
        Claims = MountClaim.Rw,
        Hidden = false,
    };
}
