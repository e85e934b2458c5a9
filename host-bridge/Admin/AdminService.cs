using System.Globalization;
using HostBridge.Admin.Views;
using HostBridge.Configuration;
using HostBridge.Incidents;
using HostBridge.Recovery;
using Microsoft.Extensions.Logging;

namespace HostBridge.Admin;

/// <summary>Does what people ask, whoever carries their words: a document for every request.</summary>
internal sealed partial class AdminService(
    AdminDesk desk, IncidentLog incidents, OptionsInForce inForce, BridgeClock clock, ILogger<AdminService> logger)
{
    /// <summary>The longest pause that ends by itself.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromDays(365);

    private readonly DateTimeOffset _started = clock.Now.Wall;

    /// <summary>Answers.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="cancellationToken">Ends the wait for the bridge's turn.</param>
    /// <returns>A document of the contract.</returns>
    public async Task<object> AnswerAsync(AdminRequest request, CancellationToken cancellationToken)
        => request switch
        {
            { Schema: not AdminSchema.Current } => Unknown(request),
            { Command: AdminVerbs.Status, Guest: null } => await StatusAsync(cancellationToken).ConfigureAwait(false),
            { Command: AdminVerbs.Acknowledge, Guest: null }
                => await AcknowledgeHostAsync(cancellationToken).ConfigureAwait(false),
            { Command: AdminVerbs.Pause, Guest: null }
                => await PauseAsync(guest: null, request.Seconds, cancellationToken).ConfigureAwait(false),
            { Command: AdminVerbs.Resume, Guest: null }
                => await ResumeAsync(guest: null, cancellationToken).ConfigureAwait(false),
            { Guest: { } wanted } => await AnswerAsync(request, wanted, cancellationToken).ConfigureAwait(false),
            _ => Unknown(request),
        };

    private async Task<object> AnswerAsync(AdminRequest request, string wanted, CancellationToken cancellationToken)
    {
        BridgePicture picture = await LookAsync(cancellationToken).ConfigureAwait(false);
        if (GuestFinder.Find(picture.Guests, wanted, out string reason) is not { } guest)
        {
            return new ErrorDocument { Error = AdminErrors.NoGuest, Text = reason };
        }

        return request.Command switch
        {
            AdminVerbs.Explain => await ExplainAsync(guest, picture, cancellationToken).ConfigureAwait(false),
            AdminVerbs.Recover => await RecoverAsync(guest, request.DryRun, cancellationToken).ConfigureAwait(false),
            AdminVerbs.Acknowledge => await AcknowledgeAsync(guest, cancellationToken).ConfigureAwait(false),
            AdminVerbs.Pause
                => await PauseAsync(guest.Record.Identity, request.Seconds, cancellationToken).ConfigureAwait(false),
            AdminVerbs.Resume => await ResumeAsync(guest.Record.Identity, cancellationToken).ConfigureAwait(false),
            _ => Unknown(request),
        };
    }

    private async Task<object> StatusAsync(CancellationToken cancellationToken)
        => StatusComposer.Compose(
            await LookAsync(cancellationToken).ConfigureAwait(false),
            new BridgeFacts(CommandLine.Version, _started, incidents.Trouble, incidents.Dropped)
            {
                ConfigurationTrouble = inForce.Trouble,
            });

    private async Task<object> ExplainAsync(
        GuestPicture guest, BridgePicture picture, CancellationToken cancellationToken)
    {
        Guid uuid = guest.Record.Identity.Uuid;
        IReadOnlyList<DiskStanding> disks = await desk
            .AskAsync((loop, now) => loop.LookAtDisks(uuid, now), cancellationToken).ConfigureAwait(false);
        return ExplainComposer.Compose(guest, disks, picture);
    }

    private async Task<object> RecoverAsync(GuestPicture guest, bool isDryRun, CancellationToken cancellationToken)
    {
        GuestIdentity identity = guest.Record.Identity;
        if (guest.Outlook.Refusal is { } refusal)
        {
            return Refuse(guest, refusal, isDryRun);
        }

        string act = ForcedCheck.Verb(guest.Outlook.Rung, guest.Outlook.Filesystem);
        if (isDryRun)
        {
            return new ActDocument
            {
                Accepted = true,
                DryRun = true,
                Text = $"would {act}{WaitText(guest)}",
                Hindrances = Lines(guest),
            };
        }

        if (incidents.Trouble is { } trouble)
        {
            return new ActDocument { Accepted = false, Text = $"nothing is done, as it could not be recorded: {trouble}" };
        }

        await desk.PostAsync(new BridgeInput.Ordered(identity.Uuid), cancellationToken).ConfigureAwait(false);
        BridgePicture picture = await LookAsync(cancellationToken).ConfigureAwait(false);
        if (GuestFinder.Find(picture.Guests, identity.Uuid.ToString("D"), out _) is not { } after)
        {
            return new ActDocument { Accepted = false, Text = $"{identity.Name} is gone" };
        }

        return after.Record.Order is null && !after.Record.State.IsInFlight && after.Outlook.Refusal is { } late
            ? Refuse(after, late, isDryRun)
            : new ActDocument
            {
                Accepted = true,
                Text = after.Record.State.IsInFlight
                    ? $"{identity.Name}: {NextSteps.Of(after, picture.At)}"
                    : $"{identity.Name}: will {act}{WaitText(after)}; this order holds for "
                        + $"{PeopleWords.Duration(picture.Policy.OrderLifetime)}",
                Hindrances = Lines(after),
            };
    }

    /// <summary>What an order waits for.</summary>
    private static string WaitText(GuestPicture guest)
    {
        IReadOnlyList<Hindrance> waits = [.. guest.Outlook.Hindrances.Where(one => one.IsWaitedFor)];
        return waits.Count == 0 ? string.Empty : $" once this is over: {string.Join("; ", waits.Select(one => one.Text))}";
    }

    private static ActDocument Refuse(GuestPicture guest, Hindrance refusal, bool isDryRun) => new()
    {
        Accepted = false,
        DryRun = isDryRun,
        Text = $"{guest.Record.Identity.Name} is not recovered: {refusal.Text}; "
            + NextSteps.Remedy(refusal.Kind, guest.Record.Identity.Name),
        Hindrances = Lines(guest),
    };

    private static IReadOnlyList<HindranceLine> Lines(GuestPicture guest)
        => [.. guest.Outlook.Hindrances.Select(one => NextSteps.ToLine(one, guest.Record.Identity.Name))];

    private async Task<object> AcknowledgeAsync(GuestPicture guest, CancellationToken cancellationToken)
    {
        GuestIdentity identity = guest.Record.Identity;
        if (guest.Record.State is not RecoveryState.NeedsOperator standing)
        {
            return new ActDocument
            {
                Accepted = false,
                Text = $"nothing stands for {identity.Name}: it is {GuestStates.Of(guest).Replace('-', ' ')}",
            };
        }

        if (standing.Release == OperatorRelease.WhenReasonEnds)
        {
            return new ActDocument
            {
                Accepted = false,
                Text = $"{identity.Name}: nothing was tried in vain, so this ends by itself when its reason does: "
                    + standing.Reason,
            };
        }

        if (await incidents.AcknowledgeAsync(identity.Uuid, cancellationToken).ConfigureAwait(false) is { } failure)
        {
            return new ActDocument
            {
                Accepted = false, Text = $"{identity.Name} is still held, as it could not be recorded: {failure}",
            };
        }

        await desk.PostAsync(new BridgeInput.Acknowledged(identity.Uuid), cancellationToken).ConfigureAwait(false);
        return new ActDocument
        {
            Accepted = true, Text = $"{identity.Name} is judged by its reports again; it was held because: {standing.Reason}",
        };
    }

    private async Task<object> AcknowledgeHostAsync(CancellationToken cancellationToken)
    {
        await desk.PostAsync(new BridgeInput.Acknowledged(Guest: null), cancellationToken).ConfigureAwait(false);
        TellOfHost("a person acknowledged failed recoveries: they stop no others any more");
        return new ActDocument
        {
            Accepted = true, Text = "failed recoveries stop no others any more; guests that need you are held as before",
        };
    }

    private async Task<object> PauseAsync(GuestIdentity? guest, long? seconds, CancellationToken cancellationToken)
    {
        if (seconds is < 1 || seconds > LongestPause.TotalSeconds)
        {
            return new ActDocument { Accepted = false, Text = "a pause lasts 1 s to 365 days, or until it is resumed" };
        }

        DateTimeOffset? until = seconds is { } length ? clock.Now.Wall.AddSeconds(length) : null;
        string? failure = await incidents
            .SavePauseAsync(new SavedPause(guest?.Uuid, until), cancellationToken).ConfigureAwait(false);
        await desk.PostAsync(new BridgeInput.Paused(guest?.Uuid, until), cancellationToken).ConfigureAwait(false);
        string end = until is { } time
            ? string.Create(CultureInfo.InvariantCulture, $"until {time.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC")
            : "until somebody resumes it";
        Tell(guest, $"a person paused {(guest is null ? "the bridge" : "it")} {end}");
        return new ActDocument
        {
            Accepted = true,
            Text = $"{guest?.Name ?? "the bridge"} is paused {end}: nothing is begun, what was asked before is still proved"
                + (failure is null ? string.Empty : $"; it would not outlive a restart of the bridge: {failure}"),
        };
    }

    private async Task<object> ResumeAsync(GuestIdentity? guest, CancellationToken cancellationToken)
    {
        BridgePicture picture = await LookAsync(cancellationToken).ConfigureAwait(false);
        string name = guest?.Name ?? "the bridge";
        if (picture.Pauses.All(pause => pause.Guest != guest?.Uuid))
        {
            return new ActDocument { Accepted = false, Text = $"{name} is not paused" };
        }

        string? failure = await incidents.RemovePauseAsync(guest?.Uuid, cancellationToken).ConfigureAwait(false);
        await desk.PostAsync(new BridgeInput.Resumed(guest?.Uuid), cancellationToken).ConfigureAwait(false);
        Tell(guest, $"a person resumed {(guest is null ? "the bridge" : "it")}");
        int others = picture.Pauses.Count(pause => pause.Guest is not null);
        string left = guest is null && others > 0
            ? $"; guests that were paused by themselves still are: {others.ToString(CultureInfo.InvariantCulture)}"
            : string.Empty;
        return new ActDocument
        {
            Accepted = true,
            Text = $"{name} is resumed{left}"
                + (failure is null ? string.Empty : $"; it would be paused again after a restart of the bridge: {failure}"),
        };
    }

    private Task<BridgePicture> LookAsync(CancellationToken cancellationToken)
        => desk.AskAsync((loop, now) => loop.Look(now), cancellationToken);

    private void Tell(GuestIdentity? guest, string text)
    {
        if (guest is null)
        {
            TellOfHost(text);
            return;
        }

        LogOfGuest(guest.Name, guest.Uuid, text);
        incidents.TryAppend(
            IncidentEntry.Of(guest, domain: null, TellKind.Decision, text, IncidentFacts.None, clock.Now.Wall));
    }

    /// <summary>A story of nobody's, so that the history tells of it as well.</summary>
    private void TellOfHost(string text)
    {
        LogOfHost(text);
        incidents.TryAppend(IncidentEntry.Of(
            new GuestIdentity(Guid.Empty, "host-bridge"), domain: null, TellKind.Decision, text, IncidentFacts.None,
            clock.Now.Wall));
    }

    private static ErrorDocument Unknown(AdminRequest request) => new()
    {
        Error = AdminErrors.Unknown,
        Text = request.Schema == AdminSchema.Current
            ? "the bridge that runs does not know this command; restart it after an upgrade: systemctl restart host-bridge"
            : "the bridge that runs is of another version; restart it after an upgrade: systemctl restart host-bridge",
        Version = CommandLine.Version,
    };

    [LoggerMessage(Level = LogLevel.Information, Message = "guest {Name} ({Uuid}): {Text}")]
    private partial void LogOfGuest(string name, Guid uuid, string text);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Text}")]
    private partial void LogOfHost(string text);
}
