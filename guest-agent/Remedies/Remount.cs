using GuestAgent.Detection;
using GuestAgent.Requests;
using Protocol.Health;

namespace GuestAgent.Remedies;

/// <summary>
/// Read-write again, where <see cref="RemedyRules"/> holds it legitimate. What mount(2) returns proves nothing; the
/// agent's next probe does.
/// </summary>
internal static class Remount
{
    public static RemedyResult Run(MountEntry mount)
    {
        using MountFolder? folder = MountFolder.TryFind(mount.MountPoint);
        if (folder is null)
        {
            return new RemedyResult(OutcomeReason.NotLegitimate, MountFolder.NotSafe, null);
        }

        ulong flags = MountCall.RemountFlag | MountCall.FlagsOf(mount);
        string? error = mount.IsSuperReadOnly ? MountCall.Run(null, mount, folder, flags, data: null) : null;
        if (error is null && mount.IsMountReadOnly)
        {
            error = MountCall.Run(null, mount, folder, flags | MountCall.BindFlag, data: null);
        }

        return error is null
            ? new RemedyResult(OutcomeReason.None, string.Empty, null)
            : new RemedyResult(OutcomeReason.MountFailed, $"remount: {error}", null);
    }
}
