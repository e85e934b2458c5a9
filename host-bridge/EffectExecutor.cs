using System.Globalization;
using HostBridge.Correlation;
using HostBridge.Guests;
using HostBridge.Incidents;
using HostBridge.Notifications;
using HostBridge.Notifications.Telling;
using HostBridge.Recovery;
using HostBridge.Toolstacks;
using Microsoft.Extensions.Logging;

namespace HostBridge;

/// <summary>
/// The one place where the bridge acts: it carries effects out, logs and counts them, and feeds what came of them
/// back as inputs. Effects of one guest run one after another, those of different guests side by side; the loop has
/// at most one act of a guest in flight, which bounds them.
/// </summary>
internal sealed partial class EffectExecutor(
    IncidentLog incidents, NotificationService notifications, GuestRequests requests, IToolstack toolstack,
    BridgeInputQueue inputs, BridgeClock clock, ILogger<EffectExecutor> logger)
{
    private const int MaxTextLength = 1000;

    private readonly Dictionary<Guid, Task> _tails = [];

    /// <summary>How many effects were begun, by their kind; for the driver's task alone.</summary>
    public Dictionary<string, long> Counts { get; } = new(StringComparer.Ordinal);

    /// <summary>Begins an effect. Called by the driver's task alone.</summary>
    public void Begin(BridgeEffect effect, CancellationToken cancellationToken)
    {
        string kind = effect.Action.GetType().Name;
        Counts[kind] = Counts.GetValueOrDefault(kind) + 1;
        OutgoingNotice? notice = effect.Notice is { } told ? notifications.Prepare(told) : null;
        if (effect.Action is RecoveryAction.Tell tell)
        {
            Tell(effect, tell, notice);
            return;
        }

        if (effect.Action is RecoveryAction.RememberFaulty remember)
        {
            incidents.TryRemember(new StateChange.Remembered(effect.Guest, remember.Faulty, clock.Now.Wall)
            {
                EndsStanding = remember.EndsStanding,
            });
            return;
        }

        Task before = _tails.GetValueOrDefault(effect.Guest.Uuid) ?? Task.CompletedTask;
        _tails[effect.Guest.Uuid] = RunAfterAsync(before, effect, notice, cancellationToken);
        foreach ((Guid guest, Task tail) in _tails.ToList())
        {
            if (tail.IsCompletedSuccessfully)
            {
                _tails.Remove(guest);
            }
        }
    }

    /// <summary>
    /// Adds to the timeline of a storage incident. Of guests the log tells elsewhere, and of disks the storage watch;
    /// what the bridge says of the incident itself is told here.
    /// </summary>
    public void Tell(TimelineEntry entry)
    {
        string text = Printable.Escape(entry.Text, MaxTextLength);
        if (entry is { Source: TimelineSource.Bridge, Guest: null })
        {
            LogStorageIncident(entry.LunGroup, text);
        }

        OutgoingNotice? notice = NoticeBook.Of(entry) is { } told ? notifications.Prepare(told) : null;
        incidents.TryAppend(entry with { Text = text }, notice);
        notifications.Tell(notice);
    }

    /// <summary>The first effect that ended by a fault of the program itself; null when none did.</summary>
    public Exception? Fault => _tails.Values.FirstOrDefault(tail => tail.IsFaulted)?.Exception?.InnerException;

    private async Task RunAfterAsync(
        Task before, BridgeEffect effect, OutgoingNotice? notice, CancellationToken cancellationToken)
    {
        await before.ConfigureAwait(false);
        try
        {
            RecoveryInput? completion = await RunAsync(effect, notice, cancellationToken).ConfigureAwait(false);
            if (completion is not null)
            {
                var completed = new BridgeInput.EffectCompleted(effect.Guest.Uuid, completion);
                await inputs.PostAsync(completed, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The bridge stops; the open intent tells the next start where it was.
        }
    }

    private async Task<RecoveryInput?> RunAsync(
        BridgeEffect effect, OutgoingNotice? notice, CancellationToken cancellationToken)
    {
        switch (effect.Action)
        {
            case RecoveryAction.RecordIntent intent:
                LogWarning(effect.Guest.Name, effect.Guest.Uuid, NameOf(effect.Domain), intent.Text);
                string? failure = await AppendAsync(
                    EntryOf(effect, TellKind.Intent, intent.Text, intent.Facts), notice, cancellationToken)
                    .ConfigureAwait(false);
                return failure is null
                    ? new RecoveryInput.IntentRecorded(intent.Intent)
                    : new RecoveryInput.IntentFailed(intent.Intent, failure);
            case RecoveryAction.RecordStep record:
                return await RecordAsync(effect, record, notice, cancellationToken).ConfigureAwait(false);
            case RecoveryAction.ConfirmCreatable confirm:
                return new RecoveryInput.CreatableConfirmed(confirm.Intent, await toolstack
                    .ConfirmCreatableAsync(effect.Guest, confirm.Domain, cancellationToken).ConfigureAwait(false));
            case RecoveryAction.Destroy destroy:
                return new RecoveryInput.StepTaken(destroy.Intent, OfflineStep.Destroying, await toolstack
                    .DestroyAsync(effect.Guest, destroy.Domain, destroy.Intent, cancellationToken).ConfigureAwait(false));
            case RecoveryAction.CheckOffline check:
                return new RecoveryInput.OfflineChecked(check.Intent, await toolstack
                    .CheckOfflineAsync(effect.Guest, check.Disks, check.Intent, cancellationToken).ConfigureAwait(false));
            case RecoveryAction.Create create:
                return new RecoveryInput.StepTaken(create.Intent, OfflineStep.Creating, await toolstack
                    .CreateAsync(effect.Guest, create.Intent, cancellationToken).ConfigureAwait(false));
            case RecoveryAction.ArmForcedFsck arm:
                ArmingAnswer answer = await toolstack.ArmForcedFsckAsync(effect.Guest, cancellationToken)
                    .ConfigureAwait(false);
                return new RecoveryInput.FsckArmed(arm.Intent, answer.Result, answer.Reason);
            case RecoveryAction.ReadFsckResult read:
                int? exitCode = await toolstack.ReadFsckResultAsync(effect.Guest, cancellationToken)
                    .ConfigureAwait(false);
                return new RecoveryInput.FsckResultRead(read.Intent, read.BootId, exitCode);
            case RecoveryAction.SendRequest send:
                string? problem = await requests
                    .SendAsync(effect.Guest, send.Domain, send.Request, cancellationToken).ConfigureAwait(false);
                return problem is null ? null : new RecoveryInput.RequestNotSent(send.Request.Id, problem);
            case RecoveryAction.RemoveRequest remove:
                await requests.RemoveAsync(remove.Domain, remove.RequestId, cancellationToken).ConfigureAwait(false);
                return null;
            case RecoveryAction.AskEarlyBoot ask:
                await requests.AskEarlyBootAsync(effect.Guest, ask.Domain, ask.IsWanted, cancellationToken)
                    .ConfigureAwait(false);
                return null;
            case RecoveryAction.LeaveWord leave:
                await requests.LeaveWordAsync(effect.Guest, leave.Domain, leave.Recovery, cancellationToken)
                    .ConfigureAwait(false);
                return null;
            default:
                throw new InvalidOperationException($"{effect.Action.GetType().Name} is no effect that is known here");
        }
    }

    private async Task<RecoveryInput> RecordAsync(
        BridgeEffect effect, RecoveryAction.RecordStep record, OutgoingNotice? notice,
        CancellationToken cancellationToken)
    {
        LogWarning(effect.Guest.Name, effect.Guest.Uuid, NameOf(effect.Domain), record.Text);
        string? failure = await AppendAsync(
            EntryOf(effect, TellKind.Action, record.Text, record.Facts), notice, cancellationToken)
            .ConfigureAwait(false);
        return failure is null
            ? new RecoveryInput.StepRecorded(record.Intent, record.Step)
            : new RecoveryInput.StepNotRecorded(record.Intent, record.Step, failure);
    }

    /// <summary>What is told is queued for the disk first: so its delivery is noted after it.</summary>
    private Task<string?> AppendAsync(
        IncidentEntry entry, OutgoingNotice? notice, CancellationToken cancellationToken)
    {
        Task<string?> written = incidents.AppendDurableAsync(entry, cancellationToken, notice);
        notifications.Tell(notice);
        return written;
    }

    private void Tell(BridgeEffect effect, RecoveryAction.Tell tell, OutgoingNotice? notice)
    {
        string text = Printable.Escape(tell.Text, MaxTextLength);
        switch (tell.Kind)
        {
            case TellKind.Operator:
                LogOperator(effect.Guest.Name, effect.Guest.Uuid, NameOf(effect.Domain), text);
                break;
            case TellKind.Gate or TellKind.Intent or TellKind.Action or TellKind.Outcome:
                LogWarning(effect.Guest.Name, effect.Guest.Uuid, NameOf(effect.Domain), text);
                break;
            default:
                LogTold(effect.Guest.Name, effect.Guest.Uuid, NameOf(effect.Domain), text);
                break;
        }

        incidents.TryAppend(EntryOf(effect, tell.Kind, text, tell.Facts) with
        {
            EndsIntent = tell.EndsIntent ? true : null,
            Standing = tell.Standing ? true : null,
        }, notice);
        notifications.Tell(notice);
    }

    private static string NameOf(DomainId? domain)
        => domain is { } one ? string.Create(CultureInfo.InvariantCulture, $"domain {one.Value}") : "no domain";

    private IncidentEntry EntryOf(BridgeEffect effect, TellKind kind, string text, IncidentFacts facts)
        => IncidentEntry.Of(effect.Guest, effect.Domain, kind, text, facts, clock.Now.Wall);

    [LoggerMessage(Level = LogLevel.Information, Message = "guest {Name} ({Uuid}, {Domain}): {Text}")]
    private partial void LogTold(string name, Guid uuid, string domain, string text);

    [LoggerMessage(Level = LogLevel.Warning, Message = "guest {Name} ({Uuid}, {Domain}): {Text}")]
    private partial void LogWarning(string name, Guid uuid, string domain, string text);

    [LoggerMessage(Level = LogLevel.Warning, Message = "storage incident of {LunGroup}: {Text}")]
    private partial void LogStorageIncident(string lunGroup, string text);

    [LoggerMessage(Level = LogLevel.Error, Message = "guest {Name} ({Uuid}, {Domain}): operator needed: {Text}")]
    private partial void LogOperator(string name, Guid uuid, string domain, string text);
}
