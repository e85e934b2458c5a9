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
        ulong flags = MountCall.RemountFlag | MountCall.FlagsOf(mount);
        string? error = mount.IsSuperReadOnly ? MountCall.Run(null, mount, flags, data: null) : null;
        if (error is null && mount.IsMountReadOnly)
        {
            error = MountCall.Run(null, mount, flags | MountCall.BindFlag, data: null);
        }

        return error is null
            ? new RemedyResult(OutcomeReason.None, string.Empty, null)
            : new RemedyResult(OutcomeReason.MountFailed, $"remount: {error}", null);
    }
}
