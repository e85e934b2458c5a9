using HostBridge.Commands;
using HostBridge.Recovery;
using HostBridge.Toolstacks.Parsing;
using HostBridge.Toolstacks.Steps;
using Protocol.Health;

namespace HostBridge.Toolstacks;

/// <summary>What the xl toolstack is told.</summary>
internal sealed record XlToolstackOptions
{
    /// <summary>The absolute path of xl.</summary>
    public required string XlProgram { get; init; }

    /// <summary>xenstored's socket.</summary>
    public required string XenstorePath { get; init; }

    /// <summary>The folders in which files that define guests lie.</summary>
    public required IReadOnlyList<string> ConfigFolders { get; init; }

    /// <summary>Where xl keeps its logs.</summary>
    public string LogFolder { get; init; } = CreationLog.DefaultFolder;

    /// <summary>Whether any other host can use the disks of a guest.</summary>
    public required Func<GuestIdentity, ExclusiveStorage> ExclusiveStorageOf { get; init; }

    /// <summary>This boot of the host; empty when it is not known, and then no step is taken.</summary>
    public required string HostBoot { get; init; }
}

/// <summary>
/// xl as the toolstack. A check at the next boot is armed by kernel arguments that xl uses at that restart, and taken
/// back when the new boot is there. Destroying, checking and creating are steps of their own, which outlive the bridge.
/// </summary>
/// <param name="options">What it is told.</param>
/// <param name="xl">xl.</param>
/// <param name="configs">The files that define guests.</param>
/// <param name="folder">The files of the steps.</param>
/// <param name="steps">Runs steps.</param>
internal sealed class XlToolstack(
    XlToolstackOptions options, Xl xl, GuestConfigs configs, StepFolder folder, StepRunner steps) : IToolstack
{
    private static readonly TimeSpan DestroyLimit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan CreateLimit = TimeSpan.FromMinutes(10);

    /// <summary>The step has limits of its own, by the size of what it checks; this only ends the waiting.</summary>
    private static readonly TimeSpan CheckLimit = TimeSpan.FromDays(1);

    /// <inheritdoc/>
    public async Task<ArmingAnswer> ArmForcedFsckAsync(GuestIdentity guest, CancellationToken cancellationToken)
    {
        (XlDomain? domain, string? problem) = await FindAsync(guest, cancellationToken).ConfigureAwait(false);
        if (domain is null)
        {
            return new ArmingAnswer(ArmingResult.Failed, problem!);
        }

        Creatability creatable = await Creatability.OfAsync(xl, configs, guest, domain.Domain, cancellationToken)
            .ConfigureAwait(false);
        if (creatable.Guest is not { } again)
        {
            return new ArmingAnswer(
                creatable.Answer.Result == StepResult.Refused ? ArmingResult.Unavailable : ArmingResult.Failed,
                creatable.Answer.Reason);
        }

        if (again.Running.OnReboot != "restart")
        {
            return new ArmingAnswer(
                ArmingResult.Unavailable,
                $"xl does not restart it when it reboots (on_reboot = {again.Running.OnReboot}); "
                    + "set on_reboot = \"restart\"");
        }

        BootSettings boot = await BootSettings.FindAsync(
            xl, again.File, again.Defined with { Uuid = guest.Uuid }, cancellationToken).ConfigureAwait(false);
        if (boot.WhyNot is { } whyNot)
        {
            return new ArmingAnswer(ArmingResult.Unavailable, $"no check can be forced at its boot: {whyNot}");
        }

        try
        {
            folder.WriteArmed(new ArmedBoot(guest.Uuid, domain.Domain.Value, options.HostBoot));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return new ArmingAnswer(ArmingResult.Failed, $"the folder {folder.Path} cannot be used: {failure.Message}");
        }

        return await xl.UpdateConfigAsync(domain.Domain, again.File, boot.Settings, cancellationToken)
            .ConfigureAwait(false) is { } complaint
                ? new ArmingAnswer(ArmingResult.Failed, complaint)
                : new ArmingAnswer(ArmingResult.Armed, string.Empty);
    }

    /// <summary>
    /// How a check at boot ended is not known to xl: always null. It is asked when the new boot is there, which is the
    /// moment to take the arguments back, so that later restarts do not check.
    /// </summary>
    public async Task<int?> ReadFsckResultAsync(GuestIdentity guest, CancellationToken cancellationToken)
    {
        try
        {
            if (folder.ReadArmed(guest.Uuid) is { } armed)
            {
                await TakeBackAsync(guest, armed, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The guest's next restart checks once more, which does no harm; then it is tried again.
        }

        return null;
    }

    private async Task TakeBackAsync(GuestIdentity guest, ArmedBoot armed, CancellationToken cancellationToken)
    {
        (XlDomain? domain, _) = await FindAsync(guest, cancellationToken).ConfigureAwait(false);
        bool isNewBoot = armed.HostBoot == options.HostBoot && domain is not null && domain.Domain.Value != armed.Domain;
        if (isNewBoot && configs.Find(domain!.Name, out _) is { } file)
        {
            string uuid = $"uuid=\"{guest.Uuid:D}\"";
            _ = await xl.UpdateConfigAsync(domain.Domain, file.Path, [uuid], cancellationToken).ConfigureAwait(false);
        }

        if (isNewBoot || armed.HostBoot != options.HostBoot)
        {
            folder.RemoveArmed(guest.Uuid);
        }
    }

    /// <inheritdoc/>
    public async Task<StepAnswer> ConfirmCreatableAsync(
        GuestIdentity guest, DomainId domain, CancellationToken cancellationToken)
        => (await Creatability.OfAsync(xl, configs, guest, domain, cancellationToken).ConfigureAwait(false)).Answer;

    /// <inheritdoc/>
    public async Task<StepAnswer> DestroyAsync(
        GuestIdentity guest, DomainId domain, RequestId intent, CancellationToken cancellationToken)
    {
        StepOrder order = Order(StepKind.Destroy, guest, intent) with { Domain = domain.Value };
        StepOutcome outcome = await steps.RunAsync(order, DestroyLimit, cancellationToken).ConfigureAwait(false);
        if (outcome.Result != StepResult.Done)
        {
            return outcome.ToAnswer();
        }

        // Done before this bridge was started, perhaps: somebody may have created it again since.
        XlAnswer<IReadOnlyList<XlDomain>> listed = await xl.ListAsync(cancellationToken).ConfigureAwait(false);
        return listed.Value is not { } domains ? new StepAnswer(StepResult.Failed, listed.Problem!)
            : domains.FirstOrDefault(one => one.Uuid == guest.Uuid) is { } there
                && !steps.HasBegun(order.Intent, StepKind.Create)
                ? new StepAnswer(
                    StepResult.Refused, $"it was destroyed, and somebody runs it again in domain {there.Domain}")
                : StepAnswer.Done;
    }

    /// <inheritdoc/>
    public async Task<OfflineCheckAnswer> CheckOfflineAsync(
        GuestIdentity guest, GuestDisks disks, RequestId intent, CancellationToken cancellationToken)
    {
        if (disks.Unmappable.Count > 0)
        {
            return new OfflineCheckAnswer(
                StepResult.Refused, ExitCode: null, $"{string.Join(", ", disks.Unmappable)} is no device of this host");
        }

        StepOrder order = Order(StepKind.Check, guest, intent) with
        {
            Devices = [.. disks.Devices.Select(device => device.ToString())],
            Exclusive = options.ExclusiveStorageOf(guest),
        };
        StepOutcome outcome = await steps.RunAsync(order, CheckLimit, cancellationToken).ConfigureAwait(false);
        return new OfflineCheckAnswer(outcome.Result, outcome.ExitCode, outcome.Reason);
    }

    /// <inheritdoc/>
    public async Task<StepAnswer> CreateAsync(GuestIdentity guest, RequestId intent, CancellationToken cancellationToken)
        => (await steps.RunAsync(Order(StepKind.Create, guest, intent), CreateLimit, cancellationToken)
            .ConfigureAwait(false)).ToAnswer();

    private StepOrder Order(StepKind kind, GuestIdentity guest, RequestId intent) => new()
    {
        Kind = kind,
        Intent = intent.ToString(),
        Guest = guest.Uuid,
        Name = guest.Name,
        XlProgram = options.XlProgram,
        XenstorePath = options.XenstorePath,
        ConfigFolders = options.ConfigFolders,
        LogFolder = options.LogFolder,
        HostBoot = options.HostBoot,
        BeginByMs = 0,
    };

    private async Task<(XlDomain? Domain, string? Problem)> FindAsync(
        GuestIdentity guest, CancellationToken cancellationToken)
    {
        XlAnswer<IReadOnlyList<XlDomain>> listed = await xl.ListAsync(cancellationToken).ConfigureAwait(false);
        XlDomain[] own = [.. (listed.Value ?? []).Where(domain => domain.Uuid == guest.Uuid && !domain.IsDying)];
        return own.Length == 1
            ? (own[0], null)
            : (null, listed.Problem ?? $"{own.Length} domains have the uuid {guest.Uuid:D}; it must be one");
    }
}
