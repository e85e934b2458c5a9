using HostBridge.Recovery;
using Protocol.Health;

namespace HostBridge.Admin.Views;

/// <summary>What is known of the bridge beside its loop.</summary>
/// <param name="Version">Its version.</param>
/// <param name="Started">When it started.</param>
/// <param name="StateTrouble">Why nothing can be recorded; null when all is well.</param>
/// <param name="StateDropped">How many entries had no room.</param>
internal sealed record BridgeFacts(string Version, DateTimeOffset Started, string? StateTrouble, long StateDropped)
{
    /// <summary>Why the files of the configuration are not known, and what is in force; null when they were read.</summary>
    public string? ConfigurationTrouble { get; init; }
}

/// <summary>Makes documents of what the loop holds.</summary>
internal static class StatusComposer
{
    /// <summary>The words for the carriers.</summary>
    private static readonly KebabNames<ReportCarrier> Carriers = new();

    /// <summary>Everything, the worst first.</summary>
    public static StatusDocument Compose(BridgePicture picture, BridgeFacts facts)
    {
        IReadOnlyList<GuestLine> guests =
        [
            .. picture.Guests.Select(guest => ToLine(guest, picture))
                .OrderBy(line => GuestStates.Rank(line.State))
                .ThenBy(line => line.Since ?? DateTimeOffset.MaxValue)
                .ThenBy(line => line.Name, StringComparer.Ordinal),
        ];
        (Guid? Guest, DateTimeOffset? Until)? hostPause = picture.Pauses.Any(pause => pause.Guest is null)
            ? picture.Pauses.First(pause => pause.Guest is null)
            : null;
        return new StatusDocument
        {
            Time = picture.At.Wall,
            Bridge = new BridgeLine
            {
                Version = facts.Version,
                Started = facts.Started,
                Mode = ModeName(picture.Policy.Mode),
                Paused = hostPause is not null,
                PausedUntil = hostPause?.Until,
                HeardOverXenstore = guests.Count(guest => guest.HeardOver.Contains(Carriers.ToName(ReportCarrier.Xenstore))),
                HeardOverChannel = guests.Count(guest => guest.HeardOver.Contains(Carriers.ToName(ReportCarrier.Channel))),
                StateTrouble = facts.StateTrouble,
                ConfigurationTrouble = facts.ConfigurationTrouble,
                StateDropped = facts.StateDropped,
            },
            Counts = guests.GroupBy(guest => guest.State)
                .OrderBy(group => GuestStates.Rank(group.Key))
                .ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal),
            StorageIncidents =
            [
                .. picture.StorageIncidents.Select(one
                    => new StorageIncidentLine(one.LunGroup, WallAt(one.BeganAt, picture.At))),
            ],
            Guests = guests,
        };
    }

    /// <summary>One guest in short.</summary>
    public static GuestLine ToLine(GuestPicture guest, BridgePicture picture)
    {
        GuestRecord record = guest.Record;
        FilesystemHealth? matters = guest.Outlook.Filesystem ?? record.Fault?.Filesystem ?? Worst(record.Report);
        return new GuestLine
        {
            Name = record.Identity.Name,
            Uuid = record.Identity.Uuid,
            Domain = record.Domain?.Value,
            State = GuestStates.Of(guest),
            Verdict = matters?.Verdict.ToName(),
            MountPoint = matters?.MountPoint.Encoded,
            Hidden = matters?.Hidden == true,
            Since = matters?.Since,
            Storage = ReferenceEquals(record.Storage, StorageView.Unknown) ? "unknown"
                : record.Storage.Gate is StorageGate.Open ? "stable"
                : "not-stable",
            NextStep = NextSteps.Of(guest, picture.At),
            Reason = GuestStates.Reason(record.State),
            Paused = picture.Pauses.Any(pause => pause.Guest == record.Identity.Uuid),
            HeardOver = [.. guest.HeardOver.Select(Carriers.ToName)],
            HeardAt = record.IsHeard ? WallAt(record.HeardAt, picture.At) : null,
        };
    }

    /// <summary>The word for a mode.</summary>
    public static string ModeName(BridgeMode mode) => mode == BridgeMode.Recover ? "recover" : "observe";

    /// <summary>A moment of the monotonic clock on the wall clock.</summary>
    public static DateTimeOffset WallAt(TimeSpan elapsed, Moment at) => at.Wall + (elapsed - at.Elapsed);

    private static FilesystemHealth? Worst(GuestReport? report)
        => report?.Filesystems.MaxBy(one => one.Verdict.ToRank());
}
