using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>
/// The part that keeps in sight what a guest does not list any more: a filesystem that was faulty when it was last seen,
/// and may be used again unchecked.
/// </summary>
internal sealed partial class RecoveryTurn
{
    /// <summary>
    /// What was faulty and is not listed any more stays noted for this boot, and over a restart that the bridge asked
    /// for, which is to bring back every filesystem.
    /// </summary>
    private void NoteFaulty(GuestReport report, bool sameBoot)
    {
        IEnumerable<FilesystemHealth> unlisted = sameBoot || IsRestarting
            ? _guest.LastSeenFaulty.Where(before
                => report.Filesystems.All(one => one.MountPoint != before.MountPoint))
            : [];
        _guest = _guest with
        {
            LastSeenFaulty = [.. report.Filesystems.Where(Triage.IsFault).Concat(unlisted).Take(GuestReport.MaxFilesystems)],
        };
    }

    /// <summary>A filesystem that this boot had at stake before the bridge was started anew, or a person gave an order.</summary>
    private void KeepInSight(MountPoint mountPoint)
    {
        if (_guest.LastSeenFaulty.All(one => one.MountPoint != mountPoint)
            && _guest.Report?.Filesystems.Any(one => one.MountPoint == mountPoint) != true)
        {
            _guest = _guest with { LastSeenFaulty = [.. _guest.LastSeenFaulty, KnownByNameAlone(mountPoint)] };
        }
    }

    /// <summary>
    /// Everything that is listed is well, and one that was faulty is not listed. A person is needed: whoever unmounted
    /// it, it must not be used again as it is. A boot that is young is given time to mount it, and a guest with more
    /// filesystems than a report holds may have it among the others.
    /// </summary>
    private void JudgeOutOfSight(FilesystemHealth vanished, GuestReport report)
    {
        string fault = Triage.DescribeOutOfSight(vanished, report);
        NoteFault(vanished, report);
        if (now.Elapsed - _guest.BootHeardAt < policy.GraceAfterBoot || report.FilesystemCount > report.Filesystems.Count)
        {
            Suspect(fault);
        }
        else
        {
            CallOperator($"{fault}; check it before it is used again", OperatorRelease.WhenHealthy);
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
