using HostBridge.Recovery;
using Protocol.Health;

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

    /// <summary>
    /// Whether this domain could be created again after it was destroyed: its configuration is found and means the same
    /// name, uuid and disks as the domain that runs. Changes nothing.
    /// </summary>
    Task<StepAnswer> ConfirmCreatableAsync(GuestIdentity guest, DomainId domain, CancellationToken cancellationToken);

    /// <summary>
    /// Destroys a domain that still is this guest's, and waits until it is gone, also from the list of the dying. Asked
    /// again with the same intent, also by a bridge that was started anew, it is done when our own hand did it, and
    /// refused when the domain vanished otherwise.
    /// </summary>
    Task<StepAnswer> DestroyAsync(
        GuestIdentity guest, DomainId domain, RequestId intent, CancellationToken cancellationToken);

    /// <summary>
    /// Checks the ext filesystems on the disks of a guest whose domain is gone. A check of the same intent that is
    /// still running, from before the bridge was started anew, is waited for instead of begun again.
    /// </summary>
    /// <param name="guest">Whose disks.</param>
    /// <param name="disks">Its disks, as the backend's side named them while its domain ran.</param>
    /// <param name="intent">The intent under which it is done.</param>
    /// <param name="cancellationToken">Ends the waiting, not the check.</param>
    Task<OfflineCheckAnswer> CheckOfflineAsync(
        GuestIdentity guest, GuestDisks disks, RequestId intent, CancellationToken cancellationToken);

    /// <summary>
    /// Creates the guest with its own uuid and a forced check at boot. Done already when a domain of this uuid runs;
    /// refused when its domain was not destroyed under this intent.
    /// </summary>
    Task<StepAnswer> CreateAsync(GuestIdentity guest, RequestId intent, CancellationToken cancellationToken);
}

/// <summary>The toolstack of a bridge that was given none: it can do nothing and says so.</summary>
internal sealed class NoToolstack : IToolstack
{
    /// <summary>What every step answers that no toolstack can take.</summary>
    internal static StepAnswer Unavailable { get; } = new(
        StepResult.Unavailable, "no toolstack is configured that can destroy and create guests; set toolstack = xl");

    /// <inheritdoc/>
    public Task<ArmingAnswer> ArmForcedFsckAsync(GuestIdentity guest, CancellationToken cancellationToken)
        => Task.FromResult(new ArmingAnswer(
            ArmingResult.Unavailable,
            "no toolstack is configured that can force a check; set toolstack-command"));

    /// <inheritdoc/>
    public Task<int?> ReadFsckResultAsync(GuestIdentity guest, CancellationToken cancellationToken)
        => Task.FromResult<int?>(null);

    /// <inheritdoc/>
    public Task<StepAnswer> ConfirmCreatableAsync(
        GuestIdentity guest, DomainId domain, CancellationToken cancellationToken) => Task.FromResult(Unavailable);

    /// <inheritdoc/>
    public Task<StepAnswer> DestroyAsync(
        GuestIdentity guest, DomainId domain, RequestId intent, CancellationToken cancellationToken)
        => Task.FromResult(Unavailable);

    /// <inheritdoc/>
    public Task<OfflineCheckAnswer> CheckOfflineAsync(
        GuestIdentity guest, GuestDisks disks, RequestId intent, CancellationToken cancellationToken)
        => Task.FromResult(new OfflineCheckAnswer(Unavailable.Result, ExitCode: null, Unavailable.Reason));

    /// <inheritdoc/>
    public Task<StepAnswer> CreateAsync(GuestIdentity guest, RequestId intent, CancellationToken cancellationToken)
        => Task.FromResult(Unavailable);
}
