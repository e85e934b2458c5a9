using HostBridge.Recovery;

namespace HostBridge.Toolstacks;

/// <summary>Whether a check was armed, and why not.</summary>
/// <param name="Result">The result.</param>
/// <param name="Reason">Why not, for a person; empty when armed.</param>
internal readonly record struct ArmingAnswer(ArmingResult Result, string Reason);

/// <summary>What the bridge asks of the toolstack that runs the guests. Every call ends within its own limit.</summary>
internal interface IToolstack
{
    /// <summary>Sees to it that the guest's next boot checks its filesystems. Doing it twice does no harm.</summary>
    Task<ArmingAnswer> ArmForcedFsckAsync(GuestIdentity guest, CancellationToken cancellationToken);

    /// <summary>How that check ended: e2fsck's exit code, or null when it is not known.</summary>
    Task<int?> ReadFsckResultAsync(GuestIdentity guest, CancellationToken cancellationToken);
}

/// <summary>The toolstack of a bridge that was given none: it can do nothing and says so.</summary>
internal sealed class NoToolstack : IToolstack
{
    /// <inheritdoc/>
    public Task<ArmingAnswer> ArmForcedFsckAsync(GuestIdentity guest, CancellationToken cancellationToken)
        => Task.FromResult(new ArmingAnswer(
            ArmingResult.Unavailable,
            "no toolstack is configured that can force a check; set toolstack-command"));

    /// <inheritdoc/>
    public Task<int?> ReadFsckResultAsync(GuestIdentity guest, CancellationToken cancellationToken)
        => Task.FromResult<int?>(null);
}
