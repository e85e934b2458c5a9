using System.Globalization;
using HostBridge.Commands;
using HostBridge.Guests;
using HostBridge.Recovery;
using Protocol.Health;

namespace HostBridge.Toolstacks;

/// <summary>
/// An administrator's command as the toolstack: <c>COMMAND force-fsck UUID</c> ends with 0 when the next boot will
/// check; <c>COMMAND fsck-result UUID</c> prints e2fsck's exit code, or <c>unknown</c>. No shell is involved, and
/// the guest's name is not among the arguments: it is not the command's business.
/// </summary>
/// <param name="path">The absolute path of the command.</param>
/// <param name="limit">How long it may take; then it is ended by force.</param>
internal sealed class ExternalToolstack(string path, TimeSpan limit) : IToolstack
{
    /// <summary>More output than this is not an answer of ours, and is not read.</summary>
    private const int MaxOutputBytes = 4096;

    private const int MaxExitCode = 255;

    /// <summary>How long a command may take by default.</summary>
    public static TimeSpan DefaultLimit { get; } = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public async Task<ArmingAnswer> ArmForcedFsckAsync(GuestIdentity guest, CancellationToken cancellationToken)
    {
        CommandOutput result = await RunAsync("force-fsck", guest, cancellationToken).ConfigureAwait(false);
        return result.Problem is null
            ? new ArmingAnswer(ArmingResult.Armed, string.Empty)
            : new ArmingAnswer(
                ArmingResult.Failed, $"{path} force-fsck: {result.Problem}: {Printable.Escape(result.Complaint)}");
    }

    /// <inheritdoc/>
    public async Task<int?> ReadFsckResultAsync(GuestIdentity guest, CancellationToken cancellationToken)
    {
        CommandOutput result = await RunAsync("fsck-result", guest, cancellationToken).ConfigureAwait(false);
        return result.Problem is null
            && int.TryParse(result.Text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int exitCode)
            && exitCode <= MaxExitCode
                ? exitCode
                : null;
    }

    /// <inheritdoc/>
    public Task<StepAnswer> ConfirmCreatableAsync(
        GuestIdentity guest, DomainId domain, CancellationToken cancellationToken)
        => Task.FromResult(NoToolstack.Unavailable);

    /// <inheritdoc/>
    public Task<StepAnswer> DestroyAsync(
        GuestIdentity guest, DomainId domain, RequestId intent, CancellationToken cancellationToken)
        => Task.FromResult(NoToolstack.Unavailable);

    /// <inheritdoc/>
    public Task<OfflineCheckAnswer> CheckOfflineAsync(
        GuestIdentity guest, GuestDisks disks, RequestId intent, CancellationToken cancellationToken)
        => Task.FromResult(
            new OfflineCheckAnswer(NoToolstack.Unavailable.Result, ExitCode: null, NoToolstack.Unavailable.Reason));

    /// <inheritdoc/>
    public Task<StepAnswer> CreateAsync(GuestIdentity guest, RequestId intent, CancellationToken cancellationToken)
        => Task.FromResult(NoToolstack.Unavailable);

    private Task<CommandOutput> RunAsync(string verb, GuestIdentity guest, CancellationToken cancellationToken)
        => BoundedCommand.RunAsync(
            path, [verb, guest.Uuid.ToString("D")], new CommandLimits(limit, MaxOutputBytes), cancellationToken);
}
